/** A small convolutional network as PyTorch writes it (NCHW, Gemm with transB) under attack. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differentiate } from '../../../src/certify-runtime/gradient/network.ts';
import { runUnverified } from '../../../src/certify-runtime/node.ts';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import { attack } from '../../../src/evaluate/attack/attack.ts';
import { sessionJudge } from '../../../src/evaluate/attack/judge.ts';
import { seal } from '../../../src/export/seal/seal.ts';
import { GraphBuilder } from '../../support/networks/graph-builder.ts';

test('Transpose, Conv, GroupSort, Conv, Relu, Flatten, Gemm: no flip within a claimed radius', async (t) => {
  const random = createRandom(21);
  const values = (count: number, scale: number): number[] =>
    Array.from({ length: count }, () => scale * random.normal());
  const b = new GraphBuilder(['N', 6, 6, 3]);
  let x = b.node('Transpose', ['image'], { perm: [0, 3, 1, 2] });
  x = b.node('Conv', [x, b.floats([4, 3, 3, 3], values(108, 0.2)), b.floats([4], values(4, 0.1))], {
    pads: [1, 1, 1, 1],
  });
  x = b.groupSort(x);
  x = b.node('Conv', [x, b.floats([4, 4, 2, 2], values(64, 0.25))], { strides: [2, 2] });
  x = b.node('Flatten', [b.node('Relu', [x])]);
  x = b.node('Gemm', [x, b.floats([3, 36], values(108, 1)), b.floats([3], values(3, 0.1))], { transB: 1 });
  const graph = { ...b.graph(x), outputs: [{ name: x, type: 'float32', dims: ['N', 3] } as const] };
  const model = { irVersion: 8, opset: 18, producerName: 'test', producerVersion: '0', graph, metadata: new Map() };
  const { bytes } = await seal(model, {
    classes: ['a', 'b', 'c'],
    sigma: null,
    vectors: [new Uint8Array(108)],
    training: {},
    producerVersion: '0',
    run: runUnverified,
  });
  const judge = await sessionJudge(bytes, [6, 6, 3], 3);
  try {
    const pixels = Float32Array.from({ length: 8 * 108 }, () => random.uniform());
    const report = await attack(judge, differentiate(graph, 'image', x), pixels, {
      steps: 20,
      probes: 64,
      roundings: 64,
    });
    t.diagnostic(
      `${report.attackedPoints} points inside; flip/radius from ${report.smallestRatio}, median ${report.medianRatio}`,
    );
    assert.equal(report.gradients, 'exact');
    assert.equal(report.broken, 0);
    assert.ok(report.images.every(({ radius }) => radius > 0));
    assert.ok(report.smallestRatio !== null && report.smallestRatio > 1 && report.smallestRatio < 50);
  } finally {
    await judge.release();
  }
});
