/** What is known of a tensor beyond its measure: sources, fresh chains, steps, types. No condition of them may be lost. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AffineBound } from '../../../../src/certify-runtime/trusted/bounds/bound.ts';
import { type LinearMap, linearMeasure } from '../../../../src/certify-runtime/trusted/walk/linear.ts';
import { rebased } from '../../../../src/certify-runtime/trusted/walk/rearrange.ts';
import type { Value } from '../../../../src/certify-runtime/trusted/walk/site.ts';
import {
  type Base,
  carriedFromBoth,
  computed,
  type Data,
  finishedNorm,
  isFresh,
  type Measure,
  markSource,
  newChain,
  nonexpansive,
  sinceOf,
  viewOf,
  withFinishedNorm,
  withSince,
} from '../../../../src/certify-runtime/trusted/walk/state.ts';
import { recorded, signStep, stepOf } from '../../../../src/certify-runtime/trusted/walk/steps.ts';
import { awkward } from './graphs.ts';
import { float32, fold, refusal, siteOf, walkOf } from './site.ts';

const ONE: AffineBound = { constant: 0, l2: 1, l1: 0 };
const measure = (): Measure => ({ lipschitz: 1, norm: ONE, l1Norm: null, errors: [ONE], chain: newChain(ONE) });
const tensor = (size = 4): Data => computed([1, size], measure());
const isSource = (base: Base): boolean => sinceOf(base.measure).some(({ source }) => source === base);

test('a source is marked once, whatever other sources there are', () => {
  const { base } = tensor();
  assert.equal(isSource(base), false);
  markSource(base);
  markSource(base);
  assert.deepEqual(
    sinceOf(base.measure).map(({ source }) => source === base),
    [true],
  );
  const later = tensor().base;
  withSince(later.measure, sinceOf(base.measure));
  markSource(later);
  assert.deepEqual(
    sinceOf(later.measure).map(({ source }) => source),
    [later, base],
  );
});

test('two tensors have in common what both have since one source', () => {
  const [a, b, c] = [tensor().base, tensor().base, tensor().base];
  for (const base of [a, b, c]) markSource(base);
  withSince(b.measure, [...sinceOf(b.measure), ...sinceOf(a.measure)]);
  withSince(c.measure, [...sinceOf(c.measure), ...sinceOf(a.measure)]);
  const both = (v: Base, w: Base): readonly Base[] =>
    sinceOf(carriedFromBoth([v.measure, w.measure], measure(), (d) => d, Math.max)).map(({ source }) => source);
  assert.deepEqual(both(b, c), [a]);
  assert.deepEqual(both(a, c), [a]);
  const alone = tensor().base;
  markSource(alone);
  assert.deepEqual(both(b, alone), []);
});

test('a chain is fresh while it is the one that was begun with this very norm', () => {
  const norm = { ...ONE };
  const chain = newChain(norm);
  assert.equal(isFresh({ ...measure(), norm, chain }), true);
  assert.equal(isFresh({ ...measure(), norm: { ...norm }, chain }), false);
  assert.equal(isFresh({ ...measure(), norm, chain: { ...chain } }), false);
});

test('the norm of the finished tensor is the one that was given, or else the measure’s', () => {
  const less = { ...ONE, l2: 0.5 };
  const known = withFinishedNorm(measure(), less);
  assert.equal(finishedNorm(known), less);
  assert.equal(finishedNorm(measure()), ONE);
  assert.equal(nonexpansive(known, 4).norm.l2, 0.5);
});

test('only a tensor in its own order has a step', () => {
  const [data, step] = [tensor(), signStep([1, 4], -1)];
  assert.equal(stepOf(data.base), null);
  const view = viewOf(data.base, [1, 2], { first: Int32Array.of(0, 1), pair: null });
  assert.throws(() => recorded(view, step, [data]), /only a computed tensor has a step/);
  assert.equal(stepOf(data.base), null);
  assert.equal(recorded(data, step, [data]), data);
  assert.deepEqual(stepOf(data.base), { step, of: [data] });
});

test('max and min of pairs are a source, with or without padding; not so if some elements only move', () => {
  const marked = (first: readonly number[], pair: readonly number[]): boolean => {
    const view = { first: Int32Array.from(first), pair: Int32Array.from(pair) };
    return isSource(rebased(siteOf('Relu', walkOf([])), viewOf(tensor().base, [1, first.length], view)).base);
  };
  assert.equal(marked([0, 1], [1, 0]), true);
  assert.equal(marked([2, 3, -1], [3, 2, -1]), true);
  assert.equal(marked([0, 1], [-1, 2]), false);
  assert.equal(marked([1, 3, 2], [2, -1, 1]), false);
});

/** A float64 as a whole number of units of 2⁻¹⁰⁷⁴. */
function units(x: number): bigint {
  const bits = new BigInt64Array(Float64Array.of(x).buffer)[0]!;
  const exponent = bits >> 52n;
  const fraction = bits & (2n ** 52n - 1n);
  return exponent === 0n ? fraction : (fraction | (2n ** 52n)) << (exponent - 1n);
}

test('through a linear layer, ‖F(0)‖ is at most ‖M‖·‖F(0)‖ + ‖b‖ in exact arithmetic', () => {
  const site = siteOf('Gemm', walkOf([tensor()]));
  const numbers = awkward(100, 400).map(Math.abs);
  for (const bias of [0, 1000]) {
    for (let i = 0; i + 1 < numbers.length; i += 2) {
      const [norm, before] = [numbers[i]!, numbers[i + 1]!];
      const map: LinearMap = {
        ...{ norm, absolute: 1, column: 1, terms: 4, inputs: 4, outputs: 4, weight: 1 },
        bias: bias * (1 + before),
      };
      const { base } = tensor();
      withSince(base.measure, [{ source: tensor().base, errors: [ONE], offset: before }]);
      const { offset } = sinceOf(linearMeasure(site, map, base.measure))[0]!;
      assert.ok(units(offset) * 2n ** 1074n >= units(norm) * units(before) + units(map.bias) * 2n ** 1074n);
      assert.ok(offset <= (norm * before + map.bias) * (1 + 1e-14), `${offset}`);
    }
  }
});

const float64 = (values: readonly number[]): Value => ({
  kind: 'constant',
  tensor: { name: 'c', type: 'float64', dims: [values.length], data: Float64Array.from(values) },
});

test('a node computes in the type of the tensors that it takes, and takes constants of that type', () => {
  const siteWith = (double: boolean, ...constants: readonly Value[]) => {
    const walk = walkOf([tensor(), ...constants]);
    if (double) walk.doubles.add('v0');
    return siteOf('Add', walk);
  };
  for (const [double, right, wrong] of [
    [false, float32([1]), float64([1])],
    [true, float64([1]), float32([1])],
  ] as const) {
    const site = siteWith(double, right);
    assert.equal(site.precision, double ? 'float64' : 'float32');
    assert.deepEqual([...site.floats(1).values], [1]);
    refusal(() => siteWith(double, wrong).floats(1), double ? /must be float64, not float32/ : /must be float32/);
  }
  assert.equal(siteOf('Add', walkOf([float64([1])])).precision, 'float32');
  const mixed = walkOf([tensor(), tensor()]);
  mixed.doubles.add('v1');
  refusal(() => siteOf('Add', mixed).precision, /takes float32 and float64;/);
});

test('float64 constants keep to what float32 can hold', () => {
  const reals = (value: number): number[] => [...siteOf('Add', walkOf([float64([value])])).reals(0).values];
  assert.deepEqual(reals(2 ** 128 * (1 - 2 ** -53)), [2 ** 128 * (1 - 2 ** -53)]);
  for (const value of [2 ** 128, -(2 ** 128), Number.NaN]) refusal(() => reals(value), /holds/);
});

test('a shape that does not depend on the batch is as good as integers', () => {
  const site = siteOf('Reshape', walkOf([fold('Shape', [float32([1, 2, 3, 4, 5, 6], [2, 3])])]));
  assert.deepEqual(site.integers(0), [2, 3]);
});
