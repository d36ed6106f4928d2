/** MatMul, Gemm and the sums of their products: each condition violated alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rulesAlone } from '../../../../support/networks/all-rules.ts';
import type { GraphBuilder } from '../../../../support/networks/graph-builder.ts';
import { awkward } from '../graphs.ts';
import { dataOf, MEASURES } from '../measures.ts';
import { apply, float32, type Make, onlyIf, proveFlat, refusal, siteOf, walkOf } from '../site.ts';

function matrix(b: GraphBuilder, dims: readonly number[], seed = 1): string {
  return b.floats(
    dims,
    awkward(
      dims.reduce((a, d) => a * d, 1),
      seed,
    ),
  );
}

const matMul =
  (...dims: number[]): Make =>
  (b) =>
    b.node('MatMul', ['image', matrix(b, dims)]);

const onLeft =
  (...dims: number[]): Make =>
  (b) =>
    b.node('MatMul', [matrix(b, dims), 'image']);

test('MatMul: the matrix fits, and its blocks go with axes of their own', () => {
  onlyIf(['N', 4], matMul(4, 3), [
    [/rank 2 or more/, matMul(4)],
    [/is empty/, matMul(4, 0)],
    [/does not fit a matrix of 3 inputs/, matMul(3, 4)],
    [/mix the samples/, onLeft(3, 4)],
    [/mix the samples/, onLeft(1, 1)],
    [/blocks \[4\]/, matMul(4, 4, 3)],
  ]);
  onlyIf(['N', 2, 3, 4], matMul(2, 4, 5), [
    [/blocks \[3\]/, matMul(3, 4, 5)],
    [/blocks \[1\]/, matMul(1, 4, 5)],
    [/blocks \[1,2\]/, matMul(1, 2, 4, 5)],
    [/does not fit a matrix of 3 inputs/, matMul(2, 3, 5)],
  ]);
  onlyIf(['N', 2, 3, 4], onLeft(2, 5, 3), [
    [/blocks \[4\]/, onLeft(4, 5, 3)],
    [/does not fit a matrix of 4 inputs/, onLeft(2, 5, 4)],
  ]);
  onlyIf(['N', 2, 3, 4], onLeft(5, 3), []);
  onlyIf(['N', 5, 2, 3, 4], matMul(5, 2, 4, 5), [
    [/blocks \[5,1\]/, matMul(5, 1, 4, 5)],
    [/blocks \[1,2\]/, matMul(1, 2, 4, 5)],
    [/blocks \[5\]/, matMul(5, 4, 5)],
  ]);
});

const gemm =
  (w: readonly number[], bias: readonly number[] | null, attributes: Parameters<GraphBuilder['node']>[2] = {}): Make =>
  (b) =>
    b.node('Gemm', ['image', matrix(b, w), ...(bias === null ? [] : [matrix(b, bias, 2)])], attributes);

test('Gemm: a matrix, a bias that does not vary with the batch, no transposed image', () => {
  onlyIf(['N', 4], gemm([4, 3], [3]), [
    [/transA/, gemm([4, 3], [3], { transA: 1 })],
    [/must have rank 2/, gemm([1, 4, 3], [3])],
    [/does not fit a matrix of 3 inputs/, gemm([3, 4], [3])],
    [/does not fit a matrix of 3 inputs/, gemm([4, 3], [4], { transB: 1 })],
    [/transB must be 0 or 1/, gemm([4, 3], [3], { transB: 2 })],
    [/must not vary with the batch/, gemm([4, 3], [2, 3])],
    [/must not vary with the batch/, gemm([4, 3], [3, 1])],
    [/must not vary with the batch/, gemm([4, 3], [1, 1, 3])],
    [/must not vary with the batch/, gemm([4, 3], [2])],
  ]);
  for (const bias of [[1], [], [1, 1], [1, 3], [3]]) onlyIf(['N', 4], gemm([4, 3], bias), []);
  onlyIf(['N', 4], gemm([3, 4], [3], { transB: 1 }), []);
  onlyIf(['N', 4], (b) => b.node('Gemm', [b.node('Flatten', ['image']), matrix(b, [4, 3])]), [
    [/must have rank 2/, (b) => b.node('Gemm', [b.node('Reshape', ['image', b.ints([0, 1, 4])]), matrix(b, [4, 3])])],
  ]);
});

const EYE = [1, 0, 0, 1];

/** Two products of parts of the image, added; what is not aligned is bounded by the sum of the two norms. */
function added(dims: readonly number[], parts: (b: GraphBuilder) => readonly string[], op = 'Sum'): number {
  return proveFlat(['N', ...dims], (b) => b.node(op, parts(b))).lipschitz;
}

/** At least √2 and no 1.42 where they are taken together; 2 and a little more where they are not. */
const together = (lipschitz: number): void => assert.ok(lipschitz >= Math.SQRT2 && lipschitz < 1.42, `${lipschitz}`);
const apart = (lipschitz: number): void => assert.ok(lipschitz >= 2 && lipschitz < 2.001, `${lipschitz}`);

test('a sum of products is one product exactly where the products are aligned', () => {
  const eye = (b: GraphBuilder): string => b.floats([2, 2], EYE);
  const split = (b: GraphBuilder, axis: number): [string, string] =>
    b.nodeWith('Split', ['image'], 2, { axis, num_outputs: 2 }) as [string, string];
  // Two disjoint parts along the last axis: [I I], of norm √2.
  const right = (b: GraphBuilder, x: string): string => b.node('MatMul', [x, eye(b)]);
  const left = (b: GraphBuilder, x: string): string => b.node('MatMul', [eye(b), x]);
  for (const op of ['Sum', 'Add']) {
    together(added([2, 4], (b) => split(b, 2).map((x) => right(b, x)), op));
    together(added([4, 2], (b) => split(b, 1).map((x) => left(b, x)), op));
  }
  // One from each side.
  apart(
    added([2, 4], (b) => {
      const [x, y] = split(b, 2);
      return [right(b, x), left(b, y)];
    }),
  );
  // Whatever moves the elements of a product, or gives them another shape, ends it.
  const moved: [string, (b: GraphBuilder, x: string) => string][] = [
    ['Transpose', (b, x) => b.node('Transpose', [x], { perm: [0, 2, 1] })],
    ['Reshape', (b, x) => b.node('Reshape', [x, b.ints([0, 2, 2])])],
    ['Identity', (b, x) => b.node('Squeeze', [b.node('Unsqueeze', [x, b.ints([1])]), b.ints([1])])],
    ['Gather', (b, x) => b.node('Gather', [x, b.ints([1, 0])], { axis: 2 })],
    ['Slice', (b, x) => b.node('Slice', [x, b.ints([0]), b.ints([2]), b.ints([1])])],
    ['Neg', (b, x) => b.node('Neg', [x])],
    ['Relu', (b, x) => b.node('Relu', [x])],
  ];
  for (const [name, move] of moved) {
    const bound = added([2, 4], (b) => split(b, 2).map((x, i) => (i === 0 ? right(b, x) : move(b, right(b, x)))));
    assert.ok(bound >= 2 && bound < 2.001, `${name}: ${bound}`);
  }
  // A bias, and a scale of the operator.
  const layer = (b: GraphBuilder, x: string, extra: string[], attributes = {}): string =>
    b.node('Gemm', [x, eye(b), ...extra], attributes);
  together(added([4], (b) => split(b, 1).map((x) => layer(b, x, []))));
  apart(added([4], (b) => split(b, 1).map((x) => layer(b, x, [b.floats([2], [1, 1])]))));
  apart(added([4], (b) => split(b, 1).map((x, i) => layer(b, x, i === 0 ? [] : [b.floats([2], [1, 1])]))));
  const half = added([4], (b) =>
    split(b, 1).map((x) => b.node('Gemm', [x, b.floats([2, 2], [2, 0, 0, 2])], { alpha: { float: 0.5 } })),
  );
  apart(half);
  // Parts of different tensors.
  apart(
    added([2, 4], (b) => {
      const [x, y] = split(b, 2);
      return [right(b, x), right(b, b.node('Relu', [y]))];
    }),
  );
  // One of them is no product at all, the first or the last.
  apart(
    added([2, 4], (b) => {
      const [x, y] = split(b, 2);
      return [right(b, x), y];
    }),
  );
  apart(
    added([2, 4], (b) => {
      const [x, y] = split(b, 2);
      return [x, right(b, y)];
    }),
  );
});

test('products in blocks meet only where their blocks are the same', () => {
  const twoEyes = (b: GraphBuilder): string => b.floats([2, 2, 2], [...EYE, ...EYE]);
  const parts = (b: GraphBuilder): [string, string] =>
    b.nodeWith('Split', ['image'], 2, { axis: 3, num_outputs: 2 }) as [string, string];
  together(added([2, 2, 4], (b) => parts(b).map((x) => b.node('MatMul', [x, twoEyes(b)]))));
  apart(
    added([2, 2, 4], (b) => {
      const [x, y] = parts(b);
      return [b.node('MatMul', [x, twoEyes(b)]), b.node('MatMul', [y, b.floats([2, 2], EYE)])];
    }),
  );
  // The first has one block for each entry of one axis, the second of two.
  apart(
    added([1, 2, 2, 4], (b) => {
      const [x, y] = b.nodeWith('Split', ['image'], 2, { axis: 4, num_outputs: 2 }) as [string, string];
      const deep = b.floats([1, 2, 2, 2], [...EYE, ...EYE]);
      return [b.node('MatMul', [x, twoEyes(b)]), b.node('MatMul', [y, deep])];
    }),
  );
});

test('parts of different tensors do not meet, though they are apart', () => {
  const half = (b: GraphBuilder, x: string, i: number): string =>
    b.node('MatMul', [b.nodeWith('Split', [x], 2, { axis: 2, num_outputs: 2 })[i]!, b.floats([2, 2], EYE)]);
  apart(added([2, 4], (b) => [half(b, 'image', 0), half(b, b.node('Relu', ['image']), 1)]));
  together(added([2, 4], (b) => [half(b, 'image', 0), half(b, 'image', 1)]));
  apart(added([2, 4], (b) => [half(b, 'image', 0), half(b, 'image', 1)], 'Sub'));
});

test('products of different shapes are no sum', () => {
  const make =
    (cols: number): Make =>
    (b) => {
      const [x, y] = b.nodeWith('Split', ['image'], 2, { axis: 2, num_outputs: 2 }) as [string, string];
      return b.node('Sum', [b.node('MatMul', [x, matrix(b, [2, 3])]), b.node('MatMul', [y, matrix(b, [2, cols])])]);
    };
  onlyIf(['N', 2, 4], make(3), [
    [/does not fit/, make(2)],
    [/does not fit/, make(4)],
  ]);
});

test('BatchNormalization takes a MatMul as it is, or not at all', () => {
  const normalised =
    (make: (b: GraphBuilder) => string): Make =>
    (b) =>
      b.node('BatchNormalization', [make(b), ...[1, 1, 0, 1].map((v) => b.floats([4], Array(4).fill(v)))]);
  const product = (b: GraphBuilder): string => b.node('MatMul', ['image', matrix(b, [4, 4])]);
  const layer = (b: GraphBuilder): string => b.node('Gemm', ['image', matrix(b, [4, 4])]);
  const through = (b: GraphBuilder, x: string): string => b.node('Reshape', [x, b.ints([0, 4, 1])]);
  onlyIf(['N', 4], normalised(product), [
    [/MatmulBNFusion/, normalised((b) => through(b, product(b)))],
    [/MatmulBNFusion/, normalised((b) => b.node('Flatten', [through(b, product(b))]))],
  ]);
  onlyIf(
    ['N', 4],
    normalised((b) => through(b, layer(b))),
    [],
  );
  onlyIf(
    ['N', 4, 4],
    normalised((b) => b.node('Relu', [product(b)])),
    [[/MatmulBNFusion/, normalised(product)]],
  );
});

test('dot products and weights that float32 has no room for', () => {
  const whole = MEASURES['whole']!;
  const after = (scales: number): unknown =>
    apply('MatMul', [dataOf({ ...whole, chain: { ...whole.chain, scales } }, [1, 2]), float32([1, 1], [2, 1])]);
  after(2 ** 23 - 11);
  refusal(() => after(2 ** 23 - 10), /too long for float32/);
  const weight =
    (value: number): Make =>
    (b) =>
      b.node('MatMul', ['image', b.floats([2, 1], [value, 0])]);
  onlyIf(['N', 2], weight(2 ** 127 - 2 ** 103), [[/its weights may overflow/, weight(2 ** 127)]]);
});

test('a matrix or a product that is too large is refused before it is formed', () => {
  refusal(
    () => apply('MatMul', [dataOf(MEASURES['whole']!, [1, 4096, 1]), float32(Array(4096).fill(1), [1, 4096])]),
    /is too large/,
  );
  const wide = float32(new Float32Array(2 ** 23 + 1), [1, 2 ** 23 + 1]);
  refusal(() => apply('MatMul', [dataOf(MEASURES['whole']!, [1, 1]), wide]), /: \[1,8388609\] is too large/);
  refusal(() => apply('MatMul', [dataOf(MEASURES['whole']!, [4]), float32([1, 1, 1, 1], [4, 1])]), /rank 1/);
});

test('a matrix counts as a copy in every product', () => {
  const inputs = [dataOf(MEASURES['whole']!, [1, 2]), float32([1, 1, 1, 1, 1, 1], [2, 3])];
  const full = { ...walkOf(inputs), copied: 2 ** 27 - 6 };
  rulesAlone.get('MatMul')!.apply(siteOf('MatMul', full));
  assert.equal(full.copied, 2 ** 27);
  const over = { ...walkOf(inputs), copied: 2 ** 27 - 5 };
  refusal(() => rulesAlone.get('MatMul')!.apply(siteOf('MatMul', over)), /the proof is too large/);
});

test('products of one shape along different axes do not meet', () => {
  const bound = added([2, 2], (b) => [
    b.node('MatMul', ['image', b.floats([2, 2], EYE)]),
    b.node('MatMul', [b.floats([2, 2], EYE), 'image']),
  ]);
  apart(bound);
});

test('what a Sum adds of Gemms may start the sums of another: as many roundings as in one long product', () => {
  const bound = (op: 'MatMul' | 'Gemm', sum: 'Sum' | 'Add'): number => {
    const { latentError } = proveFlat(['N', 400], (b) => {
      const [x, y] = b.nodeWith('Split', ['image'], 2, { axis: 1, num_outputs: 2 }) as [string, string];
      return b.node(sum, [b.node(op, [x, matrix(b, [200, 2])]), b.node(op, [y, matrix(b, [200, 2], 3)])]);
    });
    return Math.min(...latentError.map(({ l2, l1 }) => l2 + l1));
  };
  assert.ok(bound('MatMul', 'Sum') < bound('Gemm', 'Sum') / 1.8);
  assert.equal(bound('MatMul', 'Add'), bound('Gemm', 'Sum'));
});

test('one Gemm among the summands of a Sum is enough', () => {
  const bound = (first: 'MatMul' | 'Gemm', second: 'MatMul' | 'Gemm'): number => {
    const { latentError } = proveFlat(['N', 400], (b) => {
      const [x, y] = b.nodeWith('Split', ['image'], 2, { axis: 1, num_outputs: 2 }) as [string, string];
      return b.node('Sum', [b.node(first, [x, matrix(b, [200, 2])]), b.node(second, [y, matrix(b, [200, 2], 3)])]);
    });
    return Math.min(...latentError.map(({ l2, l1 }) => l2 + l1));
  };
  assert.equal(bound('MatMul', 'Gemm'), bound('Gemm', 'Gemm'));
  assert.equal(bound('Gemm', 'MatMul'), bound('Gemm', 'Gemm'));
  assert.ok(bound('MatMul', 'MatMul') < bound('Gemm', 'Gemm'));
});
