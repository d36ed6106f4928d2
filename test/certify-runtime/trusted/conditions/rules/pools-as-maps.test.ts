/** Pools and means as the linear maps that they are: the bound with all rules against the singular values of the whole. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundEncoder } from '../../../../../src/certify-runtime/trusted/walk/encoder.ts';
import { run } from '../../../../support/interpreter/interpreter.ts';
import { allRules } from '../../../../support/networks/all-rules.ts';
import { GraphBuilder } from '../../../../support/networks/graph-builder.ts';
import { exact } from '../../../../support/numbers/arithmetic.ts';
import { Random } from '../../../../support/numbers/random.ts';
import { largestSingularValue } from '../../../../support/numbers/svd.ts';
import { proveFlat, refusal } from '../site.ts';

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
