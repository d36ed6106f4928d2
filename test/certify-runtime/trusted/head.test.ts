/** The linear head: what is read, what is refused, its distances and its float32 error. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AffineBound, LinearHead } from '../../../src/certify-runtime/trusted/bounds/bound.ts';
import { UnprovableError } from '../../../src/certify-runtime/trusted/errors.ts';
import {
  headError,
  type LatentBound,
  maxHeadImageNorm,
  pairwiseDistances,
  readLinearHead,
} from '../../../src/certify-runtime/trusted/head.ts';
import { GraphBuilder } from '../../support/networks/graph-builder.ts';
import { float32, ORDERS } from '../../support/numbers/arithmetic.ts';
import { Random } from '../../support/numbers/random.ts';

type Make = (b: GraphBuilder, z: string) => string;

function read(make: Make): LinearHead {
  const builder = new GraphBuilder(['N', 3]);
  const z = builder.node('Relu', ['image']);
  const logits = make(builder, z);
  return readLinearHead(builder.graph(logits), { latent: z, logits });
}

const ROWS = [1, 2, 3, 4, 5, 6];
const COLUMNS = [1, 4, 2, 5, 3, 6];
const BIAS = [10, 20];

test('Gemm and MatMul + Add in all their spellings are the same head', () => {
  const spellings: Make[] = [
    (b, z) => b.node('Gemm', [z, b.floats([2, 3], ROWS), b.floats([2], BIAS)], { transB: 1 }),
    (b, z) =>
      b.node('Gemm', [z, b.floats([3, 2], COLUMNS), b.floats([1, 2], BIAS)], {
        alpha: { float: 1 },
        beta: { float: 1 },
        transA: 0,
      }),
    (b, z) => b.node('Add', [b.node('MatMul', [z, b.floats([3, 2], COLUMNS)]), b.floats([2], BIAS)]),
    (b, z) => b.node('Add', [b.floats([1, 2], BIAS), b.node('MatMul', [z, b.floats([3, 2], COLUMNS)])]),
  ];
  for (const make of spellings) {
    const head = read(make);
    assert.deepEqual([head.classes, head.latentSize, [...head.weights], [...head.bias]], [2, 3, ROWS, BIAS]);
  }
  const bare = read((b, z) => b.node('MatMul', [z, b.floats([3, 2], COLUMNS)]));
  assert.deepEqual([...bare.bias], [0, 0]);
});

test('anything else is refused by name', () => {
  const w = (b: GraphBuilder): string => b.floats([3, 3], Array(9).fill(1));
  const others: [string, Make][] = [
    ['Softmax', (b, z) => b.node('Softmax', [b.node('MatMul', [z, w(b)])])],
    ['Relu', (b, z) => b.node('Relu', [b.node('Gemm', [z, w(b)])])],
    ['Gemm', (b, z) => b.node('Gemm', [z, w(b)], { alpha: { float: 2 } })],
    ['Gemm', (b, z) => b.node('Gemm', [z, w(b)], { transA: 1 })],
    ['Gemm', (b, z) => b.node('Gemm', [w(b), z])],
    ['Gemm', (b, z) => b.node('Gemm', [b.node('Gemm', [z, w(b)]), w(b)])],
    ['Gemm', (b, z) => b.node('Gemm', [z, b.floats([3, 1], [1, Number.NaN, 1])])],
    ['Add', (b, z) => b.node('Add', [b.node('MatMul', [z, w(b)]), z])],
    ['Add', (b, z) => b.node('Add', [b.node('MatMul', [z, w(b)]), b.floats([3, 3], Array(9).fill(1))])],
    [
      'Add',
      (b, z) => b.node('Add', [b.node('Add', [b.node('MatMul', [z, w(b)]), b.floats([1], [1])]), b.floats([1], [1])]),
    ],
    ['MatMul', (b, z) => b.node('MatMul', [b.node('Sigmoid', [z]), w(b)])],
    ['MatMul', (b, z) => b.node('MatMul', [z, z])],
    ['Add', (b, z) => b.node('Add', [b.node('MatMul', [z, w(b)]), ''])],
    ['Add', (b, z) => b.node('Add', [b.node('MatMul', [z, w(b)]), b.floats([1], [1]), b.floats([1], [1])])],
    ['MatMul', (b, z) => b.node('MatMul', [z, w(b), w(b)])],
    ['MatMul', (b, z) => b.node('MatMul', [z, w(b)], { transB: 0 })],
  ];
  for (const [op, make] of others) {
    assert.throws(
      () => read(make),
      (error: unknown) =>
        error instanceof UnprovableError && error.message.startsWith(`${op} "node`) && error.details['op'] === op,
      op,
    );
  }
});

test('a head whose constant the caller may replace is refused', () => {
  const builder = new GraphBuilder(['N', 3]);
  const w = builder.floats([3, 2], COLUMNS);
  const logits = builder.node('MatMul', ['image', w]);
  const graph = builder.graph(logits);
  const open = { ...graph, inputs: [...graph.inputs, { name: w, type: 'float32' as const, dims: [3, 2] }] };
  assert.throws(() => readLinearHead(open, { latent: 'image', logits }), UnprovableError);
});

function randomHead(random: Random, scale: number, biasScale: number): LinearHead {
  const [classes, latentSize] = [2 + random.below(4), 1 + random.below(12)];
  const weights = Float32Array.from(random.normals(classes * latentSize, scale));
  return { classes, latentSize, weights, bias: Float32Array.from(random.normals(classes, biasScale)) };
}

test('distances are rounded up, symmetric, zero on the diagonal', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e9 }), fc.constantFrom(1e-40, 1e-20, 1, 1e30), (seed, scale) => {
      const { classes, latentSize, weights, ...rest } = randomHead(new Random(seed), scale, 1);
      const distances = pairwiseDistances({ classes, latentSize, weights, ...rest });
      for (let c = 0; c < classes; c++) {
        for (let j = 0; j < classes; j++) {
          const exact = Math.hypot(
            ...Array.from(
              { length: latentSize },
              (_, i) => weights[c * latentSize + i]! - weights[j * latentSize + i]!,
            ),
          );
          const s = distances[c * classes + j]!;
          assert.equal(s, distances[j * classes + c]);
          assert.ok(s >= exact * (1 - 1e-15) && s <= exact * (1 + 1e-12) + 1e-140);
        }
      }
    }),
  );
});

/** A latent that ends in no scale. */
const latent = (latentNorm: AffineBound): LatentBound => ({
  latentNorm,
  latentChain: { scales: 0, growth: 1, reach: latentNorm },
});

test('no float32 evaluation of the head is further off than ρ', () => {
  const scales = fc.constantFrom(1e-38, 1e-20, 1, 1e6, 1e15);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e9 }), scales, scales, scales, (seed, scale, biasScale, size) => {
      const random = new Random(seed);
      const head = randomHead(random, scale, biasScale);
      const z = random.normals(head.latentSize, size).map(Math.fround);
      const norm = Math.hypot(...z);
      const rho = headError(head, latent({ constant: norm, l2: 0, l1: 0 }));
      for (const order of ORDERS) {
        const { dot } = float32(random, { order, fma: random.next() < 0.5, flush: random.next() < 0.5 });
        for (let j = 0; j < head.classes; j++) {
          const w = Array.from(head.weights.subarray(j * head.latentSize, (j + 1) * head.latentSize));
          const exact = w.reduce((s, v, i) => s + v * z[i]!, 0) + head.bias[j]!;
          const slack = 1e-14 * (Math.hypot(...w) * norm + Math.abs(head.bias[j]!));
          assert.ok(Math.abs(dot(w, z, head.bias[j]!) - exact) <= rho.constant + slack);
        }
      }
    }),
  );
});

test('the largest image norm of a head', () => {
  const head = { classes: 1, latentSize: 1, weights: Float32Array.of(1e30), bias: Float32Array.of(0) };
  const norm = maxHeadImageNorm(head, latent({ constant: 0, l2: 1, l1: 0 }), 2 ** 60);
  assert.ok(norm > 1e6 && norm < 1.8e8);
  assert.equal(maxHeadImageNorm({ ...head, bias: Float32Array.of(3e38) }, latent({ constant: 0, l2: 1, l1: 0 }), 1), 0);
});
