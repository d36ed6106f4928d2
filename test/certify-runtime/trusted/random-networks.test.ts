/** The proof against random networks: quotients, Jacobians and unkind float32 runs never exceed what it proves. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AffineBound, EncoderBound } from '../../../src/certify-runtime/trusted/bounds/bound.ts';
import { UnprovableError } from '../../../src/certify-runtime/trusted/errors.ts';
import { boundEncoder } from '../../../src/certify-runtime/trusted/walk/encoder.ts';
import { run } from '../../support/interpreter/interpreter.ts';
import { allRules } from '../../support/networks/all-rules.ts';
import { type RandomEncoder, type RandomOptions, randomEncoder } from '../../support/networks/random-graph.ts';
import { exact, float32, ORDERS } from '../../support/numbers/arithmetic.ts';
import { Random } from '../../support/numbers/random.ts';
import { largestSingularValue } from '../../support/numbers/svd.ts';

const l2 = (v: readonly number[]): number => Math.hypot(...v);
const l1 = (v: readonly number[]): number => v.reduce((s, x) => s + Math.abs(x), 0);
const minus = (a: readonly number[], b: readonly number[]): number[] => a.map((v, i) => v - b[i]!);

function at(bound: AffineBound, x: readonly number[]): number {
  return bound.constant + bound.l2 * l2(x) + bound.l1 * l1(x);
}

function prove(encoder: RandomEncoder): EncoderBound {
  return boundEncoder(encoder.graph, { input: 'image', latent: encoder.latent, rules: allRules });
}

/** null where a form is refused that the generator makes: constants so large that float32 may overflow, what ONNX Runtime fuses wrongly. */
function proveUnlessRefused(encoder: RandomEncoder): EncoderBound | null {
  try {
    return prove(encoder);
  } catch (error) {
    if (error instanceof UnprovableError && /overflow|MatmulBNFusion|PadFusion/.test(error.message)) return null;
    throw error;
  }
}

function latentAt(encoder: RandomEncoder, x: readonly number[], arithmetic = exact): readonly number[] {
  return run(encoder.graph, { dims: [1, ...encoder.inputDims], data: x }, arithmetic).get(encoder.latent)!.data;
}

function imageFor(encoder: RandomEncoder, random: Random, scale = 1): number[] {
  const n = encoder.inputDims.reduce((a, b) => a * b, 1);
  return random.normals(n, scale).map(Math.fround);
}

const seeds = fc.integer({ min: 1, max: 2 ** 30 });

test('no difference quotient and no Jacobian exceeds L', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const encoder = randomEncoder(seed);
      const random = new Random(seed + 1);
      const bound = proveUnlessRefused(encoder);
      if (bound === null) return;
      const { lipschitz } = bound;
      const x = imageFor(encoder, random);
      const z = latentAt(encoder, x);
      for (const step of [1, 1e-2, 1e-4]) {
        const y = x.map((v) => v + random.normal() * step);
        const quotient = l2(minus(latentAt(encoder, y), z)) / l2(minus(y, x));
        assert.ok(quotient <= lipschitz * (1 + 1e-9) + 1e-9, `${encoder.ops}: ${quotient} > ${lipschitz}`);
      }
      const h = 1e-6;
      const columns = x.map((v, i) => minus(latentAt(encoder, x.with(i, v + h)), latentAt(encoder, x.with(i, v - h))));
      const sigma = largestSingularValue(columns.flat(), columns.length, z.length) / (2 * h);
      assert.ok(sigma <= lipschitz * (1 + 1e-6) + 1e-7, `${encoder.ops}: Jacobian ${sigma} > ${lipschitz}`);
    }),
    { numRuns: 80 },
  );
});

function checkFloat32(seed: number, options: RandomOptions, imageScale: number): void {
  const encoder = randomEncoder(seed, options);
  const random = new Random(seed + 2);
  const bound = proveUnlessRefused(encoder);
  if (bound === null) return;
  const x = imageFor(encoder, random, imageScale);
  const z = latentAt(encoder, x);
  if (l2(x) > bound.maxImageNorm) return;
  for (const order of [random.pick(ORDERS), random.pick(ORDERS)]) {
    const arithmetic = float32(random, { order, fma: random.next() < 0.5, flush: random.next() < 0.5 });
    const computed = latentAt(encoder, x, arithmetic);
    assert.ok(computed.every(Number.isFinite), `${encoder.ops}: overflow within maxImageNorm`);
    const error = l2(minus(computed, z));
    // The oracle's own rounding: float64, relative to the largest value it can have met.
    const slack = 1e-13 * (at(bound.latentNorm, x) + l2(z));
    for (const form of bound.latentError) {
      assert.ok(error <= at(form, x) + slack, `${encoder.ops} (${order}): error ${error} > ${at(form, x)}`);
    }
    assert.ok(l2(computed) <= at(bound.latentNorm, x) * (1 + 1e-12), `${encoder.ops}: norm`);
  }
}

test('no float32 execution is further off than latentError', () => {
  fc.assert(
    fc.property(seeds, (seed) => checkFloat32(seed, {}, 1)),
    { numRuns: 250 },
  );
});

test('… with large biases, tiny and huge weights, subnormal images', () => {
  const scales = fc.constantFrom(1e-30, 1e-20, 1e-3, 1, 1e3, 1e6, 1e12);
  const images = fc.constantFrom(1e-42, 1e-38, 1e-10, 1, 255, 1e8);
  fc.assert(
    fc.property(seeds, scales, scales, images, (seed, weightScale, biasScale, imageScale) => {
      checkFloat32(seed, { weightScale, biasScale, steps: 4 }, imageScale);
    }),
    { numRuns: 250 },
  );
});

test('samples of a batch do not touch each other in any graph that is accepted', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const encoder = randomEncoder(seed);
      const random = new Random(seed + 3);
      if (proveUnlessRefused(encoder) === null) return;
      const [x, y] = [imageFor(encoder, random), imageFor(encoder, random)];
      const both = run(encoder.graph, { dims: [2, ...encoder.inputDims], data: [...x, ...y] }, exact).get(
        encoder.latent,
      )!;
      assert.deepEqual(both.data, [...latentAt(encoder, x), ...latentAt(encoder, y)]);
    }),
    { numRuns: 60 },
  );
});
