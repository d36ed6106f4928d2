/** The bound of blocks of matrices and Convs: above what any slopes give, next to it where it should be, and of limited work. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { blockBound } from '../../../../src/certify-runtime/trusted/segments/block.ts';
import type { Blocks, Kernel } from '../../../../src/certify-runtime/trusted/segments/form.ts';
import { Chance } from '../../../support/reference/chance.ts';
import { bound, dense, fitted, near, newSite, SLOPES } from './block-parts.ts';
import { geometryOf, matrixOf, normOf, plus, type Rows, someKernel, times } from './linear.ts';

test('c is fitted for each hidden element, and is never below 0', () => {
  const w: Rows = [
    [1, 2],
    [3, -1],
    [0, 0],
  ];
  const factors = [0.125, 0.0625, 7];
  const of = (outward: Rows): number =>
    bound({ hidden: 3, around: 1, inward: dense(w), outward: dense(outward), low: 0, high: 1 });
  assert.ok(of(fitted(w, factors)) < 1 + 1e-12);
  // With one of the wrong sign, what it adds is all that is lost.
  const wrong = of(fitted(w, [0.125, -0.0625, 7]));
  near(wrong, 1 + 0.0625 * Math.sqrt(10) * normOf(w), 'wrong sign', 1e-3);
});

test('layers of which each place has its own product are bounded as one of them', () => {
  const w: Rows = [
    [1, 2],
    [3, -1],
    [1, 1],
  ];
  const outward = fitted(w, [0.1, 0.05, 0.1]);
  for (const after of [1, 3]) {
    const residual = {
      hidden: 3 * after * 2,
      around: 1,
      inward: dense(w, 0, after),
      outward: dense(outward, 0, after),
      low: 0,
      high: 1,
    };
    assert.ok(bound(residual) < 1 + 1e-12);
    assert.ok(bound({ ...residual, around: 0 }) < Number.POSITIVE_INFINITY);
    for (const around of [0, 1]) {
      // Another axis, and another number of hidden elements.
      assert.equal(bound({ ...residual, around, outward: dense(outward, 0, after + 1) }), Number.POSITIVE_INFINITY);
      assert.equal(
        bound({
          ...residual,
          around,
          outward: dense(
            [
              [1, 2],
              [1, 1],
            ],
            0,
            after,
          ),
        }),
        Number.POSITIVE_INFINITY,
      );
    }
  }
  const two: Blocks = { ...dense(w), matrices: [dense(w).matrices[0]!, dense(w).matrices[0]!] };
  const back: Blocks = { ...dense(outward), matrices: [dense(outward).matrices[0]!, dense(outward).matrices[0]!] };
  assert.ok(bound({ hidden: 6, around: 1, inward: two, outward: back, low: 0, high: 1 }) < 1 + 1e-12);
  // Several matrices are not taken together where nothing goes around, and nor are Convs.
  assert.equal(bound({ hidden: 6, around: 0, inward: two, outward: back, low: 0, high: 1 }), Number.POSITIVE_INFINITY);
  assert.equal(
    bound({ hidden: 6, around: 0, inward: two, outward: dense(outward), low: 0, high: 1 }),
    Number.POSITIVE_INFINITY,
  );
  assert.equal(
    bound({ hidden: 6, around: 0, inward: dense(w), outward: back, low: 0, high: 1 }),
    Number.POSITIVE_INFINITY,
  );
  const conv = someKernel(new Chance(1), 1, geometryOf({ kernel: [1, 1] }));
  for (const [inward, out] of [
    [conv, conv],
    [conv, dense(outward)],
    [dense(w), conv],
  ] as const)
    assert.equal(bound({ hidden: 12, around: 0, inward, outward: out, low: 0, high: 1 }), Number.POSITIVE_INFINITY);
  assert.equal(
    bound({ hidden: 12, around: 1, inward: conv, outward: dense(outward), low: 0, high: 1 }),
    Number.POSITIVE_INFINITY,
  );
  const [whole, grouped] = [1, 2].map((groups) =>
    someKernel(new Chance(1), 1, geometryOf({ inputChannels: 2, outputChannels: 2, groups })),
  ) as [Kernel, Kernel];
  assert.equal(
    bound({ hidden: 24, around: 1, inward: whole, outward: grouped, low: 0, high: 1 }),
    Number.POSITIVE_INFINITY,
  );
  const strided = someKernel(new Chance(1), 1, geometryOf({ kernel: [2, 2], stride: [2, 2], input: [4, 4] }));
  assert.equal(
    bound({ hidden: 4, around: 1, inward: strided, outward: conv, low: 0, high: 1 }),
    Number.POSITIVE_INFINITY,
  );
});

const seeds = fc.integer({ min: 1, max: 2 ** 30 });

test('Convs around an activation: no slopes give more than the bound', () => {
  fc.assert(
    fc.property(seeds, fc.constantFrom(...SLOPES), fc.boolean(), (seed, [low, high], nearly) => {
      const chance = new Chance(seed);
      const channels = { inputChannels: chance.between(1, 2), outputChannels: chance.between(1, 2) };
      const kernel = [chance.between(1, 2), chance.between(1, 3)] as const;
      const begin = [chance.below(kernel[0]), chance.below(kernel[1])] as const;
      const end = [kernel[0] - 1 - begin[0], kernel[1] - 1 - begin[1]] as const;
      const g = geometryOf({ ...channels, kernel, padBegin: begin, padEnd: end, input: [1, 3] });
      const inward = scaled(someKernel(chance, 1, g), 0.2);
      const taps = kernel[0] * kernel[1];
      const c = [0.5 + chance.next(), 0.5 + chance.next()];
      const weights = Float64Array.from({ length: inward.weights.length }, (_, k) => {
        const [i, o, t] = [
          Math.floor(k / (g.outputChannels * taps)),
          Math.floor(k / taps) % g.outputChannels,
          k % taps,
        ];
        return (
          -c[o]! * inward.weights[(o * g.inputChannels + i) * taps + taps - 1 - t]! +
          (nearly ? 0.01 * chance.normal() : 0)
        );
      });
      const back = { ...g, inputChannels: g.outputChannels, outputChannels: g.inputChannels, padBegin: end };
      const outward: Kernel = { ...inward, weights, geometry: back, absolute: 9 };
      const hidden = 3 * g.outputChannels;
      const [w, v] = [matrixOf(inward, 3 * g.inputChannels), matrixOf(outward, hidden)];
      const one: Rows = v.map((row, i) => v.map((_, j) => (i === j ? 1 : 0) + 0 * row.length));
      let truth = 0;
      for (let run = 0; run < 12; run++) {
        const slopes = w.map(() => (run === 0 ? high : run === 1 ? low : chance.is(0.5) ? low : high));
        truth = Math.max(
          truth,
          normOf(
            plus(
              one,
              times(
                v,
                w.map((row, h) => row.map((x) => slopes[h]! * x)),
              ),
            ),
          ),
        );
      }
      const found = bound({ hidden, around: 1, inward, outward, low, high });
      assert.ok(found >= truth * (1 - 1e-13), `${found} < ${truth}`);
      assert.ok(nearly || low < 0 || found <= Math.max(1.03, 1.3 * truth), `${found}, not ${truth}`);
    }),
    { numRuns: 60 },
  );
});

function scaled(form: Kernel, factor: number): Kernel {
  return { ...form, weights: form.weights.map((w) => w * factor), absolute: form.absolute * factor };
}

test('nothing is tried where little work is left', () => {
  const w: Rows = [
    [1, 2],
    [3, -1],
    [1, 1],
  ];
  const block = {
    hidden: 3,
    around: 0,
    inward: dense(w),
    outward: dense(fitted(w, [0.1, 0.05, 0.1])),
    low: 0,
    high: 1,
  };
  const site = newSite();
  assert.ok(blockBound(site, block) < Number.POSITIVE_INFINITY);
  const cost = site.walk.work;
  // Twice the norms of a matrix of 3 × 4, its Gram matrices, and 20 rounds of the fit.
  assert.equal(cost, 2 * (9 * (2 + 6 + 200) + 60 * 12) + 9 * (4 + 10 * 20));
  const left = (work: number): number => {
    const tired = newSite();
    tired.walk.work = 4e10 - work;
    return blockBound(tired, block);
  };
  assert.ok(left(2 * cost) < Number.POSITIVE_INFINITY);
  assert.equal(left(2 * cost - 1), Number.POSITIVE_INFINITY);
});

test('ψ is fitted: a Sandwich of any scales has its bound', () => {
  // √2·AᵀΨ·σ(√2·Ψ⁻¹B·x) with orthonormal rows [A B], of which hidden elements are far from orthogonal in A and B alone.
  const chance = new Chance(9);
  const found: number[] = [];
  for (let run = 0; run < 20; run++) {
    const [h, n] = [chance.between(4, 5), chance.between(3, 6)];
    const rows: number[][] = [];
    for (let i = 0; i < h; i++) {
      const row = Array.from({ length: 2 * n }, () => chance.normal());
      for (const other of rows) {
        const dot = other.reduce((s, v, k) => s + v * row[k]!, 0);
        for (const [k, v] of other.entries()) row[k]! -= dot * v;
      }
      const length = Math.hypot(...row);
      rows.push(row.map((v) => v / length));
    }
    const psi = rows.map(() => Math.exp(chance.normal()));
    const inward = dense(rows.map((row, i) => row.slice(n).map((v) => (Math.SQRT2 * v) / psi[i]!)));
    const a = rows.map((row, i) => row.slice(0, n).map((v) => Math.SQRT2 * v * psi[i]!));
    const outward = dense(a[0]!.map((_, k) => a.map((row) => row[k]!)));
    found.push(bound({ hidden: h, around: 0, inward, outward, low: 0, high: 1 }));
  }
  // The fit of some is not at its end.
  found.sort((a, b) => a - b);
  assert.ok(found[10]! < 1.0001 && found[19]! < 1.03, `${found}`);
  // A layer that is read by nothing, and one that reads nothing.
  const none = bound({
    hidden: 2,
    around: 0,
    inward: dense([
      [1, 0],
      [0, 0],
    ]),
    outward: dense([
      [0, 1],
      [0, 1],
    ]),
    low: 0,
    high: 1,
  });
  assert.ok(none < 2);
});
