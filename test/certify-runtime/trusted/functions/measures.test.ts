/** The numbers of lemmas 24 and 25, term by term, against the formulas in plain float64. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AffineBound } from '../../../../src/certify-runtime/trusted/bounds/bound.ts';
import { pointwise, type ScalarFunction } from '../../../../src/certify-runtime/trusted/rules/functions/pointwise.ts';
import { ruleOnSquares, squareOf } from '../../../../src/certify-runtime/trusted/rules/functions/squares.ts';
import { FUNCTIONS, hardSwish, twice } from '../../../../src/certify-runtime/trusted/rules/functions/table.ts';
import type { Value } from '../../../../src/certify-runtime/trusted/walk/site.ts';
import {
  computed,
  type Data,
  newChain,
  type Squares,
  sinceOf,
  withSince,
} from '../../../../src/certify-runtime/trusted/walk/state.ts';
import { allRules } from '../../../support/networks/all-rules.ts';
import { float32, int64, refusal, siteOf, walkOf } from '../conditions/site.ts';

const TINY = 2 ** -126;
const affine = (constant: number, l2: number, l1 = 0): AffineBound => ({ constant, l2, l1 });

/** At least the expected number, and above it by rounding only. */
function near(actual: number, expected: number): void {
  assert.ok(actual >= expected * (1 - 1e-15) && actual <= expected * (1 + 1e-13), `${actual} is not ${expected}`);
}

function nearBound(actual: AffineBound, constant: number, l2: number, l1 = 0): void {
  near(actual.constant, constant);
  near(actual.l2, l2);
  near(actual.l1, l1);
}

/** A tensor [1, 4, 4] whose measure has these norms. */
function tensor(norm: AffineBound, l1Norm: AffineBound | null = affine(1, 0, 7), shape = [1, 4, 4]): Data {
  const errors = [affine(0.1, 0.2, 0.3)];
  return computed(shape, { lipschitz: 3, norm, l1Norm, errors, chain: newChain(norm) });
}

const F: ScalarFunction = { low: -2, high: 1.5, offset: 0.25, absolute: 1e-3, relative: 1e-2, swell: 8 };

test('lemma 24: every term', () => {
  const walk = walkOf([]);
  const { outputs, upper } = pointwise(siteOf('Elu', walk), tensor(affine(2, 5)), F);
  assert.equal(upper, 2);
  const { measure } = (outputs[0] as Data).base;
  const rounding = [4e-3 + 2e-2, 5e-2] as const;
  near(measure.lipschitz, 6);
  nearBound(measure.norm, 1 + 4 + rounding[0], 10 + rounding[1]);
  nearBound(measure.l1Norm!, 16 * (0.25 + 1e-3) + 2.01, 0, 2.01 * 7);
  nearBound(measure.errors[0]!, 0.2 + rounding[0], 0.4 + rounding[1], 0.6);
  assert.equal(measure.chain.reach, measure.norm);
  near((2 ** 127 - 2 * (16 + 5 + rounding[0])) / (2 * (40 + 10 + rounding[1])), walk.maxImageNorm);
});

test('lemma 24: flushes, and nothing else for nothing', () => {
  for (const [high, most] of [
    [0.5, 1],
    [3, 3],
  ] as const) {
    const f = { low: 0, high, offset: 0, absolute: 0, relative: 0 };
    const { outputs } = pointwise(siteOf('Elu', walkOf([])), tensor(affine(0, 1), affine(0, 0, 0)), f);
    const { measure } = (outputs[0] as Data).base;
    near(measure.norm.constant, 4 * most * 2 * TINY * 4);
    near(measure.l1Norm!.constant, 16 * 8 * TINY * most);
    nearBound(measure.errors[0]!, 0.1 * high, 0.2 * high, 0.3 * high);
  }
});

/** q of x = tensor(norm), after the operators of `steps` with what they take besides it. */
function squares(norm: AffineBound, ...steps: (readonly [op: string, more?: readonly Value[], attributes?: object])[]) {
  const walk = walkOf([]);
  let q: Squares = squareOf(siteOf('Mul', walk), tensor(norm));
  for (const [op, more = [], attributes = {}] of steps) {
    const site = siteOf(op, { ...walkOf([q, ...more]) }, attributes as Record<string, number>);
    q = ruleOnSquares(op, allRules.get(op))!.apply(site).outputs[0] as Squares;
    walk.maxImageNorm = Math.min(walk.maxImageNorm, site.walk.maxImageNorm);
  }
  return { q, walk };
}

const scalar = (value: number): Value => float32([value], []);

test('lemma 25: a square, what is hidden in it, and how large it may be', () => {
  const { q, walk } = squares(affine(2, 5));
  assert.equal(q.terms, 1);
  near(q.hidden, 2 ** -61 * Math.sqrt(4 * 16));
  nearBound(q.peak, 2, 5);
  near((2 ** 127 - 2 ** 64 * (2 + q.hidden)) / (2 ** 64 * 5), walk.maxImageNorm);
});

test('lemma 25: sums, means, windows, factors and constants', () => {
  const start = 2 ** -61 * 8;
  const check = (
    { q }: ReturnType<typeof squares>,
    expected: { factor: number; terms: number; hidden: number; peak: readonly [number, number]; plus?: number },
  ): void => {
    const { measure } = q.roots.base;
    near(measure.lipschitz, 3 * expected.factor);
    nearBound(measure.norm, 2 * expected.factor + (expected.plus ?? 0), 5 * expected.factor);
    nearBound(measure.errors[0]!, 0.1 * expected.factor, 0.2 * expected.factor, 0.3 * expected.factor);
    assert.equal(q.terms, expected.terms);
    near(q.hidden, expected.hidden);
    nearBound(q.peak, ...expected.peak);
  };
  const axis = int64([2]);
  const own = (operations: number, outputs: number): number => 2 ** -61 * Math.sqrt(operations * outputs);
  check(squares(affine(2, 5), ['ReduceSum', [axis]]), {
    factor: 1,
    terms: 13,
    hidden: start + own(12, 4),
    peak: [2, 5],
  });
  check(squares(affine(2, 5), ['ReduceMean', [axis]]), {
    factor: 0.5,
    terms: 13,
    hidden: start / 2 + own(12, 4),
    peak: [4, 10],
  });
  check(squares(affine(2, 5), ['GlobalAveragePool']), {
    factor: 0.5,
    terms: 13,
    hidden: start / 2 + own(12, 4),
    peak: [4, 10],
  });
  check(squares(affine(2, 5), ['AveragePool', [], { kernel_shape: [2], strides: [2] }]), {
    factor: Math.SQRT1_2,
    terms: 11,
    hidden: start * Math.SQRT1_2 + own(10, 8),
    peak: [2 * Math.SQRT2, 5 * Math.SQRT2],
  });
  check(squares(affine(2, 5), ['Mul', [scalar(4)]]), {
    factor: 2,
    terms: 5,
    hidden: 2 * start + 2 ** -61 * Math.sqrt(4 * 4 * 16),
    peak: [4, 10],
  });
  check(squares(affine(2, 5), ['Div', [scalar(4)]]), {
    factor: 0.5,
    terms: 5,
    hidden: start / 2 + own(4, 16),
    peak: [2, 5],
  });
  check(squares(affine(2, 5), ['Add', [float32([1, 2, 3, 3])]]), {
    factor: 1,
    terms: 3,
    hidden: start + own(4, 16),
    peak: [2 + 6, 5],
    plus: 6,
  });
});

test('lemma 25: two squares, moves, and the root', () => {
  const { q } = squares(affine(2, 5), ['ReduceSum', [int64([1, 2])], { keepdims: 0 }]);
  const both = squares(affine(2, 5)).q;
  const sum = ruleOnSquares('Add', allRules.get('Add'))!.apply(siteOf('Add', walkOf([both, squares(affine(1, 1)).q])));
  const { roots, terms, hidden, peak } = sum.outputs[0] as Squares;
  near(roots.base.measure.lipschitz, 3 * Math.SQRT2);
  nearBound(roots.base.measure.norm, Math.sqrt(5), Math.sqrt(26));
  nearBound(roots.base.measure.errors[0]!, 0.1 * Math.SQRT2, 0.2 * Math.SQRT2, 0.3 * Math.SQRT2);
  assert.equal(terms, 1 + 2 + 2);
  near(hidden, 2 ** -61 * (8 + 8 + Math.sqrt(8 * 16)));
  nearBound(peak, 3, 6);

  const long = squares(affine(2, 5), ['Mul', [scalar(4)]]).q;
  for (const pair of [
    [both, long],
    [long, both],
  ]) {
    const total = ruleOnSquares('Sum', allRules.get('Sum'))!.apply(siteOf('Sum', walkOf(pair)));
    assert.equal((total.outputs[0] as Squares).terms, 5 + 2 + 2);
  }

  const moved = ruleOnSquares('Concat', allRules.get('Concat'))!.apply(
    siteOf('Concat', walkOf([both, sum.outputs[0]!]), { axis: 1 }),
  ).outputs[0] as Squares;
  assert.deepEqual(moved.roots.shape, [1, 8, 4]);
  assert.equal(moved.terms, 5);
  near(moved.hidden, Math.hypot(both.hidden, hidden));
  nearBound(moved.peak, 5, 11);

  const walk = walkOf([q]);
  const [root] = ruleOnSquares('Sqrt', allRules.get('Sqrt'))!.apply(siteOf('Sqrt', walk)).outputs as [Data];
  const gamma = ((q.terms + 8) * 2 ** -24) / (1 - (q.terms + 8) * 2 ** -24);
  const vanished = q.hidden + 2 ** -61 * 2;
  const { measure } = root.base;
  nearBound(measure.norm, 2 * (1 + gamma) + vanished, 5 * (1 + gamma));
  nearBound(measure.errors[0]!, 0.1 + 2 * gamma + vanished, 0.2 + 5 * gamma, 0.3);
  assert.equal(measure.l1Norm, null);
  near((2 ** 127 - 2 * measure.norm.constant) / (2 * measure.norm.l2), walk.maxImageNorm);
});

test('sums of squares that are too long, or too large for every image', () => {
  const q = squares(affine(2, 5)).q;
  const long = { ...q, terms: 2 ** 23 };
  refusal(() => ruleOnSquares('Mul', allRules.get('Mul'))!.apply(siteOf('Mul', walkOf([long, scalar(1)]))), /too long/);
  refusal(() => squares(affine(2 ** 63, 1)), /overflow for every image/);
  assert.equal(ruleOnSquares('Relu', allRules.get('Relu')), undefined);
  assert.equal(ruleOnSquares('Sqrt', undefined), undefined);
});

test('lemma 24: what happened since a source, and norms in ℓ1 that are not known', () => {
  const source = tensor(affine(1, 1));
  const since = [{ source: source.base, errors: [affine(1, 2, 3)], offset: 5 }];
  const v = tensor(affine(2, 5), null);
  withSince(v.base.measure, since);
  const [output] = pointwise(siteOf('Elu', walkOf([])), v, F).outputs as [Data];
  const [after] = sinceOf(output.base.measure);
  assert.equal(after?.source, source.base);
  near(after.offset, 2 * 5 + 4 * 0.25);
  nearBound(after.errors[0]!, 2 + 4e-3 + 2e-2, 4 + 5e-2, 6);
  assert.equal(output.base.measure.l1Norm, null);

  const q = squareOf(siteOf('Mul', walkOf([])), v);
  const sum = (op: string, more: Value) =>
    ruleOnSquares(op, allRules.get(op))!.apply(siteOf(op, walkOf([q, more]))).outputs[0] as Squares;
  near(sinceOf(sum('Add', float32([1, 2, 3, 3])).roots.base.measure)[0]!.offset, 5 + 6);
  near(sinceOf(sum('Mul', scalar(4)).roots.base.measure)[0]!.offset, 10);
});

test('lemma 25: what is hidden in a root of nothing', () => {
  const zero = affine(0, 0);
  const nothing = computed([1, 4, 4], {
    lipschitz: 1,
    norm: zero,
    l1Norm: null,
    errors: [zero],
    chain: newChain(zero),
  });
  const q = squareOf(siteOf('Mul', walkOf([])), nothing);
  const [root] = ruleOnSquares('Sqrt', allRules.get('Sqrt'))!.apply(siteOf('Sqrt', walkOf([q]))).outputs as [Data];
  nearBound(root.base.measure.errors[0]!, 2 ** -61 * 8 + 2 ** -61 * 8, 0);
  nearBound(root.base.measure.norm, 2 ** -61 * 16, 0);
});

test('the errors that A7 allows follow the constants of a function', () => {
  const u = 2 ** -24;
  const at = (attributes: Readonly<Record<string, number>>) => ({
    number: (name: string, otherwise: number) => attributes[name] ?? otherwise,
    refuse: (reason: string): never => assert.fail(reason),
  });
  const check = (f: ScalarFunction, absolute: number, relative: number, swell: number): void => {
    near(f.absolute, absolute);
    near(f.relative, relative);
    near(f.swell ?? 1, swell);
  };
  check(FUNCTIONS.Elu(at({ alpha: 0.5 })), 4 * u, 0, 1);
  check(FUNCTIONS.Elu(at({ alpha: 3 })), 24 * u, 0, 1);
  check(FUNCTIONS.Selu(at({ alpha: 0.5, gamma: 3 })), 12 * u, 12 * u, 3);
  check(FUNCTIONS.Selu(at({ alpha: 5, gamma: 0.5 })), 20 * u, 2 * u, 1);
  near(FUNCTIONS.Selu(at({ alpha: 0.5, gamma: 3 })).high, 3);
  near(FUNCTIONS.Selu(at({ alpha: 5, gamma: 0.5 })).high, 2.5);
  check(FUNCTIONS.Celu(at({ alpha: 0.25 })), 2 * u, 8 * u, 4);
  check(FUNCTIONS.Celu(at({ alpha: 4 })), 32 * u, 8 * u, 1);
  check(FUNCTIONS.HardSigmoid(at({ alpha: -2, beta: -0.25 })), u, 8 * u, 2);
  check(FUNCTIONS.HardSigmoid(at({ alpha: 0.5, beta: 1024 })), 4096 * u, 2 * u, 1);
  check(hardSwish(-3, -0.25), 0, 20 * u, 3);
  check(hardSwish(0.5, 0.5), 0, 24 * u, 1);
  check(twice({ low: -1, high: 2, offset: 3, absolute: 4, relative: 5 }), 8, 10, 2);
  assert.deepEqual([twice(F).low, twice(F).high, twice(F).offset], [-4, 3, 0.5]);
  for (const [beta, offset] of [
    [3, 1],
    [-3, 0],
    [0.25, 0.25],
  ] as const) {
    const { low, high, offset: found } = FUNCTIONS.HardSigmoid(at({ alpha: -2, beta }));
    assert.deepEqual([low, high, found], [-2, 0, offset]);
    assert.deepEqual(FUNCTIONS.HardSigmoid(at({ alpha: 2, beta })).high, 2);
  }
});
