/**
 * Long chains of one operator, whose exact constant is a rational number: L is never below it, though plain rounding would
 * be, and it is a few units above it at most.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GraphBuilder } from '../../../support/networks/graph-builder.ts';
import { awkward } from './graphs.ts';
import { prove, proveFlat } from './site.ts';

/** numerator/denominator > 0. */
type Rational = readonly [bigint, bigint];

/** A float64 ≥ 0 as it is. */
function exactly(x: number): Rational {
  let denominator = 1n;
  let value = x;
  while (!Number.isInteger(value)) {
    value *= 2;
    denominator *= 2n;
  }
  return [BigInt(value), denominator];
}

const times = ([a, b]: Rational, [c, d]: Rational): Rational => [a * c, b * d];
const plus = ([a, b]: Rational, [c, d]: Rational): Rational => [a * d + c * b, b * d];
const inverse = ([a, b]: Rational): Rational => [b, a];
const below = ([a, b]: Rational, [c, d]: Rational): boolean => a * d < c * b;

const LENGTH = 24;

/** Factors of float32 between 0.6 and 1.6. */
const factors = (seed: number): number[] => awkward(LENGTH, seed).map((v) => Math.fround(0.6 + Math.abs(v)));

type Step = (b: GraphBuilder, x: string, factor: number) => string;

function lipschitzOf(list: readonly number[], step: Step): number {
  return proveFlat(['N', 1, 1], (b) => list.reduce((x, factor) => step(b, x, factor), 'image')).lipschitz;
}

/**
 * L of the chain against the exact product of what each factor does. `plain` is the same product in float64, rounded to
 * nearest: for some of the seeds it is below, so that a rounding the wrong way would be seen.
 */
function checkChain(
  step: Step,
  exact: (factor: number) => Rational,
  plain: (product: number, factor: number) => number,
): void {
  let hard = 0;
  for (let seed = 0; seed < 12; seed++) {
    const list = factors(300 + seed);
    const truth = list.map(exact).reduce(times);
    const lipschitz = lipschitzOf(list, step);
    assert.ok(!below(exactly(lipschitz), truth), `${seed}`);
    const tight = exactly(lipschitz * (1 - 6 * LENGTH * 2 ** -52));
    assert.ok(below(tight, truth), `${seed}`);
    if (below(exactly(list.reduce(plain, 1)), truth)) hard++;
  }
  assert.ok(hard >= 2, `${hard}`);
}

test('scales', () => {
  checkChain(
    (b, x, s) => b.node('Mul', [x, b.floats([], [-s])]),
    exactly,
    (p, s) => p * s,
  );
});

test('quotients', () => {
  checkChain(
    (b, x, s) => b.node('Div', [x, b.floats([], [s])]),
    (s) => inverse(exactly(s)),
    (p, s) => p * (1 / s),
  );
});

test('slopes', () => {
  const slope = (s: number): number => Math.fround(1 + s);
  checkChain(
    (b, x, s) => b.node('LeakyRelu', [x], { alpha: { float: -slope(s) } }),
    (s) => exactly(slope(s)),
    (p, s) => p * slope(s),
  );
});

test('branches: 1 + s for x + s·x', () => {
  checkChain(
    (b, x, s) => b.node('Add', [x, b.node('Mul', [x, b.floats([], [s])])]),
    (s) => plus([1n, 1n], exactly(s)),
    (p, s) => p + p * s,
  );
});

test('matrices, where the largest column or entry is the norm', () => {
  // Their norms are proven from a Gram matrix: within 10⁻⁶, never below.
  for (let seed = 0; seed < 6; seed++) {
    const list = factors(340 + seed).slice(0, 6);
    const truth = list.map(exactly).reduce(times);
    const { lipschitz } = prove(['N', 2], (b) =>
      list.reduce((x, s) => b.node('MatMul', [x, b.floats([2, 2], [s, 0, 0, -s / 2])]), 'image'),
    );
    assert.ok(!below(exactly(lipschitz), truth) && below(exactly(lipschitz * (1 - 1e-6)), truth));
  }
});

test('squares: s² + t² for (s·x, t·x), squared', () => {
  let hard = 0;
  for (const s of factors(360)) {
    for (const t of factors(361)) {
      const truth = plus(times(exactly(s), exactly(s)), times(exactly(t), exactly(t)));
      const { lipschitz } = prove(['N', 1], (b) =>
        b.node(
          'Concat',
          [s, t].map((factor) => b.node('Mul', ['image', b.floats([], [factor])])),
          { axis: 1 },
        ),
      );
      const square = times(exactly(lipschitz), exactly(lipschitz));
      assert.ok(!below(square, truth) && below(exactly(lipschitz ** 2 * (1 - 2 ** -48)), truth));
      const plain = exactly(Math.sqrt(s * s + t * t));
      if (below(times(plain, plain), truth)) hard++;
    }
  }
  assert.ok(hard > 50, `${hard}`);
});

test('views: √t for an element that is used t times, means: 1/√n', () => {
  for (let n = 2; n < 40; n++) {
    const used = prove(['N', 1], (b) => b.node('Gather', ['image', b.ints(Array(n).fill(0))], { axis: 1 })).lipschitz;
    const mean = prove(['N', n], (b) => b.node('ReduceMean', ['image', b.ints([1])])).lipschitz;
    const squares = [used, mean].map((value) => times(exactly(value), exactly(value))) as [Rational, Rational];
    assert.ok(!below(squares[0], [BigInt(n), 1n]) && used <= Math.sqrt(n) * (1 + 2 ** -50));
    assert.ok(!below(squares[1], [1n, BigInt(n)]) && mean <= (1 / Math.sqrt(n)) * (1 + 2 ** -48));
  }
});

test('the norm of what is added to, and the room that is left before overflow', () => {
  for (const s of factors(370)) {
    const { latentNorm, maxImageNorm } = prove(['N', 1], (b) =>
      b.node('Add', [b.node('Mul', ['image', b.floats([], [s * 1e30])]), b.floats([], [s * 1e36])]),
    );
    const [scale, shift] = [exactly(Math.fround(s * 1e30)), exactly(Math.fround(s * 1e36))];
    assert.ok(!below(exactly(latentNorm.l2), scale) && !below(exactly(latentNorm.constant), shift));
    // At the largest image allowed, |s·x| + |t| is below 2¹²⁷.
    const reached = plus(times(exactly(maxImageNorm), scale), shift);
    assert.ok(below(reached, [1n << 127n, 1n]) && maxImageNorm > 1e6);
  }
});
