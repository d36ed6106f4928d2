/** The generator: the published algorithm, and the distributions that are built on it (fixed seeds). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalCdf } from '../../../src/certify-runtime/smoothing/normal.ts';
import { createRandom, shuffle, uniformInt } from '../../../src/certify-runtime/smoothing/random.ts';
import { InputError } from '../../../src/certify-runtime/trusted/errors.ts';
import { CHI_SQUARE, SFC32 } from './reference.ts';
import { chiSquare, kolmogorovSmirnov } from './statistics.ts';

/** P(√N·D > 2.7) ≈ 2 exp(−2·2.7²) = 9e-7 for a right generator. */
const KS_LIMIT = 2.7;

test('sfc32 gives the words of the reference, for every seed and stream', () => {
  for (const [seed, stream, words] of SFC32) {
    const random = createRandom(seed, stream);
    assert.deepEqual(
      words.map(() => random.uint32()),
      words,
    );
  }
});

test('uniform numbers are uniform and inside (0, 1), also across neighbouring streams', () => {
  const one = createRandom(1);
  const within = Array.from({ length: 50_000 }, () => one.uniform());
  const across = Array.from({ length: 50_000 }, (_, stream) => createRandom(1, stream).uniform());
  for (const sample of [within, across]) {
    assert.ok(sample.every((u) => u > 0 && u < 1));
    assert.ok(kolmogorovSmirnov(sample, (u) => u) < KS_LIMIT);
    // Pairs of neighbours on a 10 × 10 grid.
    const cells = new Array<number>(100).fill(0);
    for (let i = 0; i < sample.length; i += 2) {
      cells[Math.floor(sample[i]! * 10) * 10 + Math.floor(sample[i + 1]! * 10)]!++;
    }
    assert.ok(chiSquare(cells, new Array<number>(100).fill(0.01)) < CHI_SQUARE[98]!);
  }
});

test('the test of uniformity can fail', () => {
  const random = createRandom(1);
  const skewed = Array.from({ length: 50_000 }, () => random.uniform() ** 1.05);
  assert.ok(kolmogorovSmirnov(skewed, (u) => u) > KS_LIMIT);
});

test('normal numbers are normal, odd and even draws alike, and uncorrelated', () => {
  const random = createRandom(2);
  const sample = Array.from({ length: 100_000 }, () => random.normal());
  const odd = sample.filter((_, i) => i % 2 === 1);
  const even = sample.filter((_, i) => i % 2 === 0);
  for (const part of [sample, odd, even]) assert.ok(kolmogorovSmirnov(part, normalCdf) < KS_LIMIT);
  const product = odd.reduce((sum, x, i) => sum + x * even[i]!, 0);
  // Standard deviation √50 000; 5 of them: 6e-7.
  assert.ok(Math.abs(product) < 5 * Math.sqrt(odd.length));
  // P(|x| > 4) = 6.33e-5: 6.3 expected, more than 25 or none at all is 1e-8 and 2e-3.
  const far = sample.filter((x) => Math.abs(x) > 4).length;
  assert.ok(far > 0 && far < 25);
});

test('uniformInt has no bias where a remainder would have a large one', () => {
  const random = createRandom(3);
  const size = 3 * 2 ** 30; // word % size would fall in the first third half of the time
  const thirds = [0, 0, 0];
  for (let i = 0; i < 30_000; i++) thirds[Math.floor(uniformInt(size, random) / 2 ** 30)]!++;
  assert.ok(chiSquare(thirds, [1 / 3, 1 / 3, 1 / 3]) < CHI_SQUARE[1]!);
  assert.equal(uniformInt(1, random), 0);
  for (const bad of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) assert.throws(() => uniformInt(bad, random), InputError);
});

test('shuffle gives each of the 24 orders of four equally often, and the same for the same seed', () => {
  const random = createRandom(4);
  const seen = new Map<string, number>();
  for (let i = 0; i < 24_000; i++) {
    const order = shuffle([0, 1, 2, 3], random).join('');
    seen.set(order, (seen.get(order) ?? 0) + 1);
  }
  assert.equal(seen.size, 24);
  assert.ok(chiSquare([...seen.values()], new Array<number>(24).fill(1 / 24)) < CHI_SQUARE[22]!);
  const typed = Int32Array.from({ length: 100 }, (_, i) => i);
  assert.deepEqual(shuffle(typed.slice(), createRandom(5)), shuffle(typed.slice(), createRandom(5)));
  assert.deepEqual(shuffle(typed.slice(), createRandom(5)).sort(), typed);
});

test('a seed or stream that would be cut short is refused', () => {
  for (const seed of [-1, 0.5, 2 ** 53, Number.NaN]) assert.throws(() => createRandom(seed), InputError);
  for (const stream of [-1, 0.5, 2 ** 32, Number.NaN]) assert.throws(() => createRandom(1, stream), InputError);
});
