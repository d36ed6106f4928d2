/** Paths of steps as matrices: ways add up, adjoints and batches agree, and errors are bounded. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applied, denseMatrix, type Path, pathCost } from '../../../../src/certify-runtime/trusted/segments/dense.ts';
import { nodeOf, nodesBetween } from '../../../../src/certify-runtime/trusted/segments/node.ts';
import { type Data, viewOf } from '../../../../src/certify-runtime/trusted/walk/state.ts';
import type { Step } from '../../../../src/certify-runtime/trusted/walk/steps.ts';
import { Chance } from '../../../support/reference/chance.ts';
import { type Dyadic, dyadic, EXACT } from '../../../support/reference/dyadic.ts';
import { after, apart, frobeniusOf, matrix, normOf, plus, type Rows, tensor, times, turned } from './linear.ts';

const view = ({ base }: Data, first: readonly number[]): Data =>
  viewOf(base, [1, first.length], { first: Int32Array.from(first), pair: null });

const pathOf = (last: Data, leaf: Data): Path => {
  const [v, from] = [nodeOf(last.base), nodeOf(leaf.base)];
  return { leaf: from, last: v, nodes: nodesBetween(v, from)! };
};

const rowsOf = ({ rows, cols, values }: ReturnType<typeof denseMatrix>['matrix']): Rows =>
  Array.from({ length: rows }, (_, i) => [...values.subarray(i * cols, (i + 1) * cols)]);

const integers = (chance: Chance, n: number): number[] => Array.from({ length: n }, () => chance.between(-3, 3));

/** A graph whose tensors meet again, and its matrix put together from those of its steps. */
function diamond(chance: Chance): { readonly leaf: Data; readonly last: Data; readonly truth: Rows } {
  const n = 6;
  const square = (): readonly [Step, Rows] => {
    const values = integers(chance, n * n);
    const own = matrix(n, n, values);
    return [
      { kind: 'matrix', matrices: [own], before: 1, after: 1, factor: 1, absolute: frobeniusOf(rowsOf(own)) },
      rowsOf(own),
    ];
  };
  const leaf = tensor([1, n]);
  const [[first, a], [second, b], [third, c]] = [square(), square(), square()];
  const left = after([1, n], first, leaf);
  const order = chance.order(n).map((e) => (chance.is(0.2) ? -1 : e));
  const moved = view(left, order);
  const right = after([1, n], second, chance.is(0.5) ? moved : leaf);
  const signs = [1, -1, 1];
  const parts = [left, right, chance.is(0.5) ? leaf : moved];
  const met = after([1, n], { kind: 'sum', signs }, ...parts);
  const height = chance.between(1, 9);
  const top = matrix(height, n, integers(chance, height * n));
  const wide: Step = {
    kind: 'matrix',
    matrices: [top],
    before: 1,
    after: 1,
    factor: 1,
    absolute: frobeniusOf(rowsOf(top)),
  };
  const last = after([1, height], wide, after([1, n], third, met));
  const one = Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_x, j) => (i === j ? 1 : 0)));
  const moving = order.map((e) => one.map((_, j) => (e === j ? 1 : 0)));
  const movedMatrix = times(moving, a);
  const rightMatrix =
    right.base !== undefined && parts[1] === right && nodeOf(right.base).operands[0]!.base === leaf.base
      ? b
      : times(b, movedMatrix);
  const sum = plus(plus(a, rightMatrix, -1), parts[2] === leaf ? one : movedMatrix);
  return { leaf, last, truth: times(rowsOf(top), times(c, sum)) };
}

test('ways that meet again add up, in both directions and in every batch', () => {
  const chance = new Chance(2);
  for (let run = 0; run < 60; run++) {
    const { leaf, last, truth } = diamond(chance);
    const path = pathOf(last, leaf);
    const { matrix: found, error } = denseMatrix(path);
    assert.equal(apart(rowsOf(found), truth), 0);
    assert.ok(error > 0 && error < 1e-6);
    const [forward, back] = [integers(chance, 12), integers(chance, 2 * truth.length)];
    const pair = (list: number[], k: number): Rows => list.filter((_, i) => i % 2 === k).map((v) => [v]);
    const images = applied(path, Float64Array.from(forward), { count: 2, adjoint: false });
    const backwards = applied(path, Float64Array.from(back), { count: 2, adjoint: true });
    for (const k of [0, 1]) {
      assert.equal(apart(pair([...images], k), times(truth, pair(forward, k))), 0);
      assert.equal(apart(pair([...backwards], k), times(turned(truth), pair(back, k))), 0);
    }
  }
});

test('a matrix of more columns than one batch, and of more rows', () => {
  const chance = new Chance(4);
  for (const [rows, cols] of [
    [70, 65],
    [65, 70],
    [33, 33],
    [1, 40],
    [40, 1],
  ] as const) {
    const leaf = tensor([1, cols]);
    const own = matrix(rows, cols, integers(chance, rows * cols));
    const last = after(
      [1, rows],
      { kind: 'matrix', matrices: [own], before: 1, after: 1, factor: 1, absolute: 1 },
      leaf,
    );
    assert.equal(apart(rowsOf(denseMatrix(pathOf(last, leaf)).matrix), rowsOf(own)), 0);
    assert.equal(pathCost(pathOf(last, leaf)), rows * cols);
  }
});

test('activations on the way multiply by their slopes', () => {
  const leaf = tensor([1, 2]);
  const own = matrix(2, 2, [1, 2, 3, 4]);
  const product: Step = { kind: 'matrix', matrices: [own], before: 1, after: 1, factor: 1, absolute: 9 };
  const hidden = after([1, 2], { kind: 'pointwise', low: 0, high: 1 }, after([1, 2], product, leaf));
  const last = after([1, 2], product, hidden);
  const path = pathOf(last, leaf);
  const slopes = Float64Array.of(0.5, -1);
  const of = (adjoint: boolean, given?: Float64Array) => [
    ...applied(path, Float64Array.of(1, 10), { count: 1, adjoint, slopes: given }),
  ];
  const inner = [21, 43];
  assert.deepEqual(of(false, slopes), [0.5 * 21 - 2 * 43, 1.5 * 21 - 4 * 43]);
  assert.deepEqual(of(false), [inner[0]! + 2 * inner[1]!, 3 * inner[0]! + 4 * inner[1]!]);
  assert.deepEqual(of(true, slopes), [0.5 * 31 - 3 * 42, 31 - 4 * 42]);
});

const { add, mul, less } = EXACT;

test('the error of a matrix is above its roundings, and grows with the moduli of all ways', () => {
  const chance = new Chance(8);
  const some = (): number => 1 + chance.next() / 8;
  for (let run = 0; run < 40; run++) {
    // x·(a·b·… + c), of scales alone.
    const leaf = tensor([1, 1]);
    const scale = (value: number): Step => ({
      kind: 'scale',
      factors: [value],
      dims: [],
      shape: [1, 1],
      absolute: Math.abs(value),
    });
    let [way, exact]: [Data, Dyadic] = [leaf, dyadic(1)];
    for (let i = 0; i < 5; i++) {
      const value = some();
      way = after([1, 1], scale(value), way);
      exact = mul(exact, dyadic(value));
    }
    const other = -some();
    const met = after([1, 1], { kind: 'sum', signs: [1, 1] }, way, after([1, 1], scale(other), leaf));
    const { matrix: found, error } = denseMatrix(pathOf(met, leaf));
    const whole = add(exact, dyadic(other));
    const off = add(dyadic(found.values[0]!), mul(dyadic(-1), whole));
    assert.ok(!less(dyadic(error), off.m < 0n ? { ...off, m: -off.m } : off));
    // Both ways have a modulus of 1 at least, and each factor may be off by 2⁻⁴⁸ of itself.
    assert.ok(error > 2 * 5 * 2 ** -48 && error < 2000 * 2 ** -52, `${error}`);
  }
});

test('the bound of an error counts every step, every operand, and what underflows', () => {
  const leaf = tensor([1, 1]);
  const scale = (value: number): Step => ({
    kind: 'scale',
    factors: [value],
    dims: [],
    shape: [1, 1],
    absolute: Math.abs(value),
  });
  const errorOf = (last: Data): number => denseMatrix(pathOf(last, leaf)).error;
  const u = 2 ** -53;
  const near = (found: number, truth: number): void =>
    assert.ok(found >= truth && found <= truth * (1 + 1e-9), `${found}, not ${truth}`);
  near(errorOf(after([1, 1], scale(3), leaf)), 3 * 65 * u);
  near(errorOf(after([1, 1], scale(0.25), after([1, 1], scale(3), leaf))), 0.75 * 130 * u);
  near(errorOf(after([1, 1], { kind: 'sum', signs: [1, -1, 1] }, leaf, leaf, leaf)), 3 * 67 * u);
  // Elements that are used twice, and one more for the rounding of √2.
  const twice = view(leaf, [0, 0]);
  near(
    errorOf(after([1, 2], { kind: 'scale', factors: [1], dims: [], shape: [1, 2], absolute: 1 }, twice)),
    Math.SQRT2 * (68 + 65) * u,
  );
  // 2⁻¹⁰⁷⁵ is lost to 0, and magnified by what follows: by 2¹⁰⁰⁰, or by 400¹⁰⁰ ways.
  const lost = after([1, 1], scale(2 ** -538), after([1, 1], scale(2 ** -537), leaf));
  const scaled = after([1, 1], scale(2 ** 500), after([1, 1], scale(2 ** 500), lost));
  let summed = lost;
  for (let i = 0; i < 100; i++) {
    const all = Array<Data>(400).fill(summed);
    summed = after([1, 1], { kind: 'sum', signs: Array(400).fill(1) }, ...all);
  }
  for (const [last, truth] of [
    [scaled, 2 ** -75],
    [summed, 2 ** -1074 * 400 ** 100 * 0.5],
  ] as const) {
    assert.equal(denseMatrix(pathOf(last, leaf)).matrix.values[0], 0);
    assert.ok(errorOf(last) >= truth, `${errorOf(last)}`);
  }
});

test('the norm of a dense matrix is that of the map', () => {
  const chance = new Chance(3);
  const { leaf, last, truth } = diamond(chance);
  const { matrix: found } = denseMatrix(pathOf(last, leaf));
  assert.ok(Math.abs(normOf(rowsOf(found)) - normOf(truth)) < 1e-9);
});
