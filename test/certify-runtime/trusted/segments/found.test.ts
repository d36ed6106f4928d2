/** Graphs by which a reviewer broke Lemma 20 before it was released: each is bounded truly now. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as ort from '../../../../src/certify-runtime/run/onnx-runtime.ts';
import { encodeOnnx } from '../../../../src/certify-runtime/trusted/onnx/codec.ts';
import { boundEncoder } from '../../../../src/certify-runtime/trusted/walk/encoder.ts';
import { allRules } from '../../../support/networks/all-rules.ts';
import { GraphBuilder } from '../../../support/networks/graph-builder.ts';
import { Chance } from '../../../support/reference/chance.ts';

function proven(builder: GraphBuilder, latent: string) {
  const graph = builder.graph(latent);
  return { graph, bound: boundEncoder(graph, { input: 'image', latent, rules: allRules }) };
}

test('a Conv of a circular view that pads zeros besides is no circular Conv', () => {
  const b = new GraphBuilder(['N', 1, 4]);
  const w = b.floats([1, 1, 3], [0, 0, 1]);
  const short = b.node('Gather', ['image', b.ints([0, 1, 2, 3, 0])], { axis: 2 });
  const circle = b.node('Gather', ['image', b.ints([0, 1, 2, 3, 0, 1])], { axis: 2 });
  const padded = b.node('Conv', [short, w], { pads: [0, 1] });
  const difference = b.node('Sub', [padded, b.node('Conv', [circle, w], { pads: [0, 0] })]);
  // They differ in the last output, which is x₁ of the circle and 0 of the other.
  assert.ok(proven(b, b.node('Flatten', [difference])).bound.lipschitz >= 1);
});

test('a difference that is 0 up to a rounding is not 0, whatever it is multiplied by', () => {
  const b = new GraphBuilder(['N', 1]);
  const one = (value: number) => b.floats([1], [value]);
  const epsilon = { float: 1e-16 };
  const normal = b.node('BatchNormalization', ['image', one(1), one(0), one(0), one(1)], { epsilon });
  const difference = b.node('Sub', ['image', normal]);
  const latent = b.node('Flatten', [b.node('Mul', [difference, b.floats([1], [1e12])])]);
  // 10¹²·(1 − 1/√(1 + ε)), by the first terms of its series.
  const truth = 1e12 * (Math.fround(1e-16) / 2) * (1 - 1e-15);
  assert.ok(proven(b, latent).bound.lipschitz >= truth);
});

test('the adjoint of a tensor that is repeated 262 144 times is a sum of as many terms', () => {
  const [size, factor] = [512, Math.fround(1.2345678) * Math.fround(1.8765432)];
  let sum = 0;
  for (let i = 0; i < size * size; i++) sum += factor;
  const parts = [Math.fround(sum)];
  parts.push(Math.fround(sum - parts[0]!));
  parts.push(Math.fround(sum - parts[0]! - parts[1]!));
  const b = new GraphBuilder(['N', 2, 1, 1]);
  const scalar = (value: number) => b.floats([1], [value]);
  let x = b.node('Gather', ['image', b.ints(Array(size).fill(0))], { axis: 2 });
  x = b.node('Gather', [x, b.ints(Array(size).fill(0))], { axis: 3 });
  x = b.node('Mul', [b.node('Mul', [x, scalar(1.2345678)]), scalar(1.8765432)]);
  for (const axis of [3, 2]) x = b.node('ReduceSum', [x, b.ints([axis])], { keepdims: 1 });
  for (const part of parts) x = b.node('Sub', [x, b.node('Mul', ['image', scalar(part)])]);
  x = b.node('MatMul', [b.node('Flatten', [x]), b.floats([2, 1], [1, 0])]);
  // size² is a power of two, so the first product is exact up to one rounding.
  const truth = Math.abs(size * size * factor - parts.reduce((a, part) => a + part, 0));
  assert.ok(proven(b, x).bound.lipschitz >= truth * (1 - 1e-9));
});

test('the 24th power of a tiny Conv, times a tiny scale, is not lost where its square underflows', () => {
  const b = new GraphBuilder(['N', 2, 1, 1]);
  const kernel = b.floats([2, 2, 1, 1], [0, -(2 ** -20), 2 ** -20, 0]);
  let x = 'image';
  for (let i = 0; i < 24; i++) x = b.node('Conv', [x, kernel]);
  x = b.node('Flatten', [b.node('Mul', [x, b.floats([1], [2 ** -100])])]);
  assert.ok(proven(b, x).bound.lipschitz >= 2 ** -580);
});

/** Scales near 1 that, folded one after the other into two weights, round one of them up and the other down. */
function unluckyScales(count: number, weights: readonly [number, number]): number[] {
  const chance = new Chance(7);
  let [a, b] = weights;
  return Array.from({ length: count }, () => {
    let [chosen, most] = [1, -1];
    for (let t = 0; t < 20_000; t++) {
      const scale = Math.fround(a > 1.02 ? 0.975 + 0.02 * chance.next() : 1 + 0.02 * chance.next());
      const apart = Math.fround(a * scale) / (a * scale) - Math.fround(b * scale) / (b * scale);
      if (apart > most && b * scale >= 1) [chosen, most] = [scale, apart];
    }
    [a, b] = [Math.fround(a * chosen), Math.fround(b * chosen)];
    return chosen;
  });
}

test('scales folded into a Conv whose products cancel round its weights, not what is left of the sum', async () => {
  const weights = [Math.fround(1.0172345), Math.fround(1.0172345 + 3000 * 2 ** -23)] as const;
  const scales = unluckyScales(20, weights);
  const b = new GraphBuilder(['N', 1, 4, 4]);
  const one = (value: number) => b.floats([1], [value]);
  let x = b.node('Gather', ['image', b.ints([0, 0])], { axis: 1 });
  x = b.node('Identity', [b.node('Conv', [x, b.floats([1, 2, 1, 1], [weights[0], -weights[1]])])]);
  for (const [i, scale] of scales.entries()) {
    x =
      i % 2 === 1
        ? b.node('BatchNormalization', [x, one(scale), one(0), one(0), one(1)], { epsilon: { float: 1e-12 } })
        : b.node('Mul', [x, b.floats([1, 1, 1, 1], [scale])]);
  }
  const latent = b.node('Flatten', [x]);
  const { graph, bound } = proven(b, latent);
  const bytes = encodeOnnx({
    ...{ irVersion: 8, opset: 18, producerName: 'test', producerVersion: '1', graph, metadata: new Map() },
  });
  const session = await ort.InferenceSession.create(bytes, { graphOptimizationLevel: 'all' });
  try {
    const image = new ort.Tensor('float32', new Float32Array(16).fill(1), [1, 1, 4, 4]);
    const found = (await session.run({ image }))[latent]!.data as Float32Array;
    const exact = scales.reduce((product, scale) => product * scale, weights[0] - weights[1]);
    const error = Math.hypot(...Array.from(found, (value) => value - exact));
    // ‖x‖₂ = 4 and ‖x‖₁ = 16.
    const claimed = Math.min(...bound.latentError.map(({ constant, l2, l1 }) => constant + 4 * l2 + 16 * l1));
    assert.ok(error > 20 * 4 * 2 ** -24, `${error} shows nothing`);
    assert.ok(error <= claimed, `${error} is above ${claimed}`);
  } finally {
    await session.release();
  }
});
