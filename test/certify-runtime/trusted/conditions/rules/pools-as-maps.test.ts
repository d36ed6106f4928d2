/** Pools, means and products as the linear maps that they are: the bound with all rules against the singular values of the whole. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundEncoder } from '../../../../../src/certify-runtime/trusted/walk/encoder.ts';
import {
  computed,
  type Data,
  type Measure,
  measureOf,
  newChain,
  sinceOf,
  withSince,
} from '../../../../../src/certify-runtime/trusted/walk/state.ts';
import { run } from '../../../../support/interpreter/interpreter.ts';
import { allRules } from '../../../../support/networks/all-rules.ts';
import { GraphBuilder } from '../../../../support/networks/graph-builder.ts';
import { exact } from '../../../../support/numbers/arithmetic.ts';
import { Random } from '../../../../support/numbers/random.ts';
import { largestSingularValue } from '../../../../support/numbers/svd.ts';
import { type Dyadic, dyadic, EXACT } from '../../../../support/reference/dyadic.ts';
import { apply, proveFlat, refusal } from '../site.ts';

type Make = (b: GraphBuilder) => string;

/** The proven L of a linear map of images [1, …dims], and its largest singular value. */
function both(dims: readonly number[], make: Make): { readonly proven: number; readonly sigma: number } {
  const builder = new GraphBuilder(['N', ...dims]);
  const latent = builder.node('Flatten', [make(builder)]);
  const graph = builder.graph(latent);
  const size = dims.reduce((a, b) => a * b, 1);
  const columns = Array.from({ length: size }, (_, i) => {
    const data = Array<number>(size).fill(0).with(i, 1);
    return run(graph, { dims: [1, ...dims], data }, exact).get(latent)!.data;
  });
  const sigma = largestSingularValue(
    columns.flatMap((column) => [...column]),
    size,
    columns[0]!.length,
  );
  return { proven: boundEncoder(graph, { input: 'image', latent, rules: allRules }).lipschitz, sigma };
}

type MakeOf = (b: GraphBuilder, x: string) => string;

const pool =
  (attributes: Record<string, number | string | readonly number[]>): MakeOf =>
  (b, x) =>
    b.node('AveragePool', [x], attributes);

const random = new Random(5);

/** The same with a factor for each element before it: only the map of the whole knows which elements meet. */
const scaled =
  (dims: readonly number[], make: MakeOf): Make =>
  (b) =>
    make(b, b.node('Mul', ['image', b.floats(dims, random.normals(dims.reduce((a, d) => a * d, 1)))]));

function weights(b: GraphBuilder, dims: readonly number[]): string {
  const size = dims.reduce((a, d) => a * d, 1);
  return b.floats(dims, random.normals(size));
}

/** Maps whose bound is their norm but for 2⁻⁹: all windows count the same. */
const TIGHT: readonly (readonly [dims: readonly number[], make: MakeOf])[] = [
  [[1, 5, 4], pool({ kernel_shape: [2, 2] })],
  [[2, 5, 5], pool({ kernel_shape: [3, 2], strides: [2, 1] })],
  [[1, 5, 4], pool({ kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 })],
  [[1, 5, 4], pool({ kernel_shape: [2, 3], pads: [1, 0, 0, 2], strides: [2, 3], count_include_pad: 1 })],
  [[1, 6, 5], pool({ kernel_shape: [3, 2], auto_pad: 'SAME_UPPER', strides: [2, 2], count_include_pad: 1 })],
  [[1, 9], pool({ kernel_shape: [3] })],
  [[2, 9], pool({ kernel_shape: [4], strides: [2], pads: [1, 2], count_include_pad: 1 })],
  [[2, 3, 3], (b, x) => b.node('GlobalAveragePool', [x])],
  [[2, 3, 3], (b, x) => b.node('ReduceMean', [x, b.ints([1, 3])])],
  [[2, 3, 3], (b, x) => b.node('ReduceSum', [x, b.ints([2])], { keepdims: 0 })],
  [[2, 4, 4], (b, x) => b.node('AveragePool', [x], { kernel_shape: [2, 3] })],
  // From the right, from the left, and with a matrix for each of two parts.
  [[5], (b, x) => b.node('MatMul', [x, weights(b, [5, 3])])],
  [[2, 3, 4], (b, x) => b.node('MatMul', [x, weights(b, [4, 5])])],
  [[2, 3, 4], (b, x) => b.node('MatMul', [weights(b, [5, 3]), x])],
  [[2, 3, 4], (b, x) => b.node('MatMul', [x, weights(b, [2, 4, 5])])],
  [[2, 3, 4], (b, x) => b.node('MatMul', [weights(b, [2, 5, 3]), x])],
];

/** Maps of which only a bound is known: windows in the padding count less, or there are three axes. */
const SOUND: readonly (readonly [dims: readonly number[], make: MakeOf])[] = [
  [[1, 5, 4], pool({ kernel_shape: [3, 3], pads: [1, 1, 1, 1] })],
  [[1, 5, 4], pool({ kernel_shape: [2, 2], pads: [0, 0, 1, 1] })],
  [[1, 5, 4], pool({ kernel_shape: [2, 2], pads: [1, 1, 0, 0], strides: [2, 2] })],
  [[1, 4, 4], pool({ kernel_shape: [2, 2], pads: [1, 1, 0, 0], strides: [2, 2] })],
  [[1, 5, 5], pool({ kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 })],
  [[1, 5, 5], pool({ kernel_shape: [3, 2], strides: [2, 3], ceil_mode: 1, pads: [1, 0, 1, 0] })],
  [[1, 6, 5], pool({ kernel_shape: [3, 4], auto_pad: 'SAME_LOWER' })],
  [[1, 6, 6], pool({ kernel_shape: [5, 3], pads: [2, 1, 2, 1], strides: [3, 1] })],
  [[1, 9], pool({ kernel_shape: [3], pads: [2, 2] })],
  [[1, 3, 3, 3], pool({ kernel_shape: [2, 2, 2] })],
  // Nothing but the identity, and yet no Conv of two axes.
  [[1, 1, 1, 9], pool({ kernel_shape: [1, 1, 1] })],
  [[1, 3, 3, 2], pool({ kernel_shape: [2, 3, 2], pads: [1, 0, 1, 0, 1, 0] })],
  [[1, 4, 4], (b, x) => b.node('AveragePool', [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] })],
];

test('the bound of an average is the norm of its map where all windows count the same', () => {
  for (const [i, [dims, make]] of TIGHT.entries()) {
    const { proven, sigma } = both(dims, scaled(dims, make));
    assert.ok(proven >= sigma * (1 - 1e-12) && proven <= sigma * (1 + 2 ** -9), `case ${i}: ${proven} of ${sigma}`);
  }
});

test('the bound of an average is never below the norm of its map', () => {
  for (const [i, [dims, make]] of [...TIGHT, ...SOUND].entries()) {
    const alone = both(dims, (b) => make(b, 'image'));
    const { proven, sigma } = alone;
    assert.ok(proven >= sigma * (1 - 1e-12) && proven <= 2 * sigma, `case ${i}: ${proven} of ${sigma}`);
    const behind = both(dims, scaled(dims, make));
    assert.ok(behind.proven >= behind.sigma * (1 - 1e-12), `case ${i}, scaled: ${behind.proven} of ${behind.sigma}`);
  }
});

test('windows of ceil_mode beyond a padding that counts are refused, and those within it are not', () => {
  const counted = { count_include_pad: 1, ceil_mode: 1 };
  const within = both([1, 5, 5], (b) => pool({ ...counted, kernel_shape: [3, 3], strides: [2, 2] })(b, 'image'));
  assert.ok(within.proven >= within.sigma * (1 - 1e-12));
  for (const pads of [
    [0, 0, 0, 0],
    [0, 2, 0, 0],
  ]) {
    const beyond = pool({ ...counted, kernel_shape: [3, 3], strides: [2, 2], pads });
    refusal(() => both([1, 6, 6], (b) => beyond(b, 'image')), /count_include_pad/);
  }
});

test('an element that is the largest of several windows counts once for each of them', () => {
  for (const [kernel, stride, times] of [
    [3, 1, 3],
    [3, 2, 2],
    [2, 2, 1],
  ] as const) {
    const { lipschitz } = proveFlat(['N', 1, 7], (b) =>
      b.node('MaxPool', ['image'], { kernel_shape: [kernel], strides: [stride] }),
    );
    // From 0, raising one element raises the maxima of `times` windows by as much.
    assert.ok(
      lipschitz >= Math.sqrt(times) && lipschitz <= Math.sqrt(times) * (1 + 1e-12),
      `${lipschitz} of √${times}`,
    );
  }
});

test('MaxPool with auto_pad has a rule as long as nothing is dilated', () => {
  const { lipschitz } = proveFlat(['N', 1, 4, 4], (b) =>
    b.node('MaxPool', ['image'], { kernel_shape: [2, 2], auto_pad: 'SAME_UPPER', dilations: [1, 1] }),
  );
  assert.ok(lipschitz >= 2 && lipschitz <= 2 + 1e-12, `${lipschitz}`);
});

const ZERO = { constant: 0, l2: 0, l1: 0 };

/** What a MaxPool over windows of `times` makes of a tensor of these bounds, whose elements are each in so many windows. */
function pooled(measure: Partial<Measure>, times: number, size = 2 * times, attributes = {}): Measure {
  const whole = { lipschitz: 1, norm: ZERO, l1Norm: ZERO, errors: [ZERO], chain: newChain(ZERO), ...measure };
  const known = withSince(whole, [{ source: computed([1, 1], whole).base, errors: [ZERO], offset: whole.lipschitz }]);
  const [output] = apply('MaxPool', [computed([1, 1, size], known)], { kernel_shape: [times], ...attributes });
  return measureOf(output as Data);
}

test('all that is known of a tensor grows by √times in ℓ2 and by times in ℓ1', () => {
  for (const times of [1, 2, 3, 4]) {
    const [constant, l2, l1] = [3, 5, 7];
    const norm = { constant, l2, l1: 0 };
    const { lipschitz, ...found } = pooled(
      { lipschitz: 11, norm, l1Norm: { constant, l2: 0, l1 }, errors: [{ constant, l2, l1 }] },
      times,
    );
    const root = Math.sqrt(times);
    const pairs: [number, number][] = [
      [lipschitz, 11 * root],
      [found.norm.constant, constant * root],
      [found.norm.l2, l2 * root],
      [found.l1Norm!.constant, constant * times],
      [found.l1Norm!.l1, l1 * times],
      [found.errors[0]!.constant, constant * root],
      [found.errors[0]!.l2, l2 * root],
      [found.errors[0]!.l1, l1 * root],
    ];
    for (const [bound, expected] of pairs)
      assert.ok(bound >= expected * (1 - 1e-15) && bound <= expected * (1 + 1e-12), `${bound} for ${expected}`);
  }
  assert.equal(pooled({ l1Norm: null }, 3).l1Norm, null);
});

test('√times and its products are rounded up', () => {
  const squared = (x: number): Dyadic => EXACT.mul(dyadic(x), dyadic(x));
  // Of 3 the nearest float64 of the root is below it; of 6 the nearest product with this L is below √6·L.
  for (const [times, lipschitz] of [
    [3, 1],
    [6, 1 + 2594 * 2 ** -12],
  ] as const) {
    const found = pooled({ lipschitz }, times);
    const exact = EXACT.mul(dyadic(times), squared(lipschitz));
    for (const bound of [found.lipschitz, sinceOf(found)[0]!.offset])
      assert.ok(!EXACT.less(squared(bound), exact), `${bound} for ${times}`);
  }
});

test('values are flushed before a pool and behind it, whichever are more', () => {
  const flushed = (size: number, outputs: number, attributes: object): void => {
    const { norm } = pooled({}, 2, size, attributes);
    const expected = 2 * 2 ** -126 * Math.sqrt(Math.max(size, outputs));
    assert.ok(norm.constant >= expected && norm.constant <= expected * (1 + 1e-12), `${norm.constant}`);
  };
  flushed(6, 7, { pads: [1, 1] });
  flushed(6, 3, { strides: [2] });
});
