/**
 * Kind 1: products are joined that do not belong together, through operators that carry their tag and change their
 * shape.
 */
import type { GraphBuilder } from '../../test/support/networks/graph-builder.ts';
import { Random } from '../../test/support/numbers/random.ts';
import { flat, type HostileCase, ones, sides, sparse } from './case.ts';

const KIND = 'products joined that do not belong together';

/** Both halves of an image of 8. */
function halves(b: GraphBuilder): readonly [string, string] {
  const [first, second] = b.nodeWith('Split', [flat(b, 8), b.ints([4, 4])], 2, { axis: 1 });
  return [first!, second!];
}

const matmul = (b: GraphBuilder, x: string, dims: readonly number[], values: readonly number[]) =>
  b.node('MatMul', [x, b.floats(dims, values)]);
const reshape = (b: GraphBuilder, x: string, dims: readonly number[]) => b.node('Reshape', [x, b.ints(dims)]);

/** v as it is, written as a product of one row: [N, 4, 1]·[[1]]. */
const single = (b: GraphBuilder, v: string) => matmul(b, b.node('Unsqueeze', [v, b.ints([2])]), [1, 1], [1]);
/** 30 times one element of v, at another place, as a product of four rows: [N, 1, 4]·W. */
const quad = (b: GraphBuilder, v: string) =>
  matmul(b, b.node('Unsqueeze', [v, b.ints([1])]), [4, 4], sparse(4, 4, { '1,2': 30 }));

/** Ends as ±(the sum's third element − t). */
const third = (b: GraphBuilder, x: string, t = 15.5) => sides(b, x, [0, 0, 1, 0], t);

/** A natural case: two embeddings of the halves of an image, cut into patches of different shapes, are added. */
function natural(
  id: string,
  seed: number,
  left: readonly [number, number],
  right: readonly [number, number],
): HostileCase {
  return {
    id: `1-natural-${id}`,
    kind: KIND,
    what: 'two patch embeddings with random weights are added: rows of different patches are taken for one',
    shape: [4, 8, 1],
    build: (b) => {
      const random = new Random(seed);
      const parts = b.nodeWith('Split', ['image', b.ints([4, 4])], 2, { axis: 2 });
      const embedded = [left, right].map(([length, outputs], i) => {
        const patches = reshape(b, parts[i]!, [0, 16 / length, length]);
        const weights = random.normals(length * outputs, 1 / Math.sqrt(length));
        return b.node('Flatten', [matmul(b, patches, [length, outputs], weights)], { axis: 1 });
      });
      const outputs = (16 / left[0]) * left[1];
      return sides(b, b.node('Relu', [b.node('Add', embedded)]), random.normals(outputs), 0);
    },
  };
}

export const products: readonly HostileCase[] = [
  {
    id: '1-squeeze',
    kind: KIND,
    what: 'the tag survives Unsqueeze and Squeeze; the rows of the first matrix stand for all',
    shape: [1, 1, 8],
    build: (b) => {
      const [u, v] = halves(b);
      const first = b.node('Squeeze', [single(b, u), b.ints([2])]);
      return third(b, b.node('Add', [first, b.node('Squeeze', [quad(b, v), b.ints([1])])]));
    },
  },
  {
    id: '1-flatten',
    kind: KIND,
    what: 'the tag survives Flatten',
    shape: [1, 1, 8],
    build: (b) => {
      const [u, v] = halves(b);
      const parts = [single(b, u), quad(b, v)].map((x) => b.node('Flatten', [x], { axis: 1 }));
      return third(b, b.node('Add', parts));
    },
  },
  {
    id: '1-sum-of-three',
    kind: KIND,
    what: 'a Sum of three, the middle one of another layout, behind a Cast',
    shape: [1, 1, 8],
    build: (b) => {
      const [u, v] = halves(b);
      const parts = [single(b, u), quad(b, v), single(b, v)];
      const flattened = parts.map((x) => b.node('Cast', [b.node('Flatten', [x], { axis: 1 })], { to: 1 }));
      return third(b, b.node('Sum', flattened));
    },
  },
  {
    id: '1-max-carrier',
    kind: KIND,
    what: 'Max and Min of one tensor, which hand the tag on',
    shape: [1, 1, 8],
    build: (b) => {
      const [u, v] = halves(b);
      const first = b.node('Max', [b.node('Flatten', [single(b, u)], { axis: 1 })]);
      return third(b, b.node('Add', [first, b.node('Min', [b.node('Flatten', [quad(b, v)], { axis: 1 })])]));
    },
  },
  {
    id: '1-rows-of-batch',
    kind: KIND,
    what: 'Gemm on the rows [4N, 1] of one operand and [N, 4] of the other: rows of the batch joined with columns',
    shape: [1, 1, 8],
    build: (b) => {
      const [u, v] = halves(b);
      const first = b.node('Gemm', [reshape(b, u, [-1, 1]), b.floats([1, 1], [1])]);
      const second = b.node('Gemm', [v, b.floats([4, 4], sparse(4, 4, { '1,2': 30 }))]);
      return third(b, b.node('Add', [reshape(b, first, [-1, 4]), second]));
    },
  },
  {
    id: '1-gemm-alpha',
    kind: KIND,
    what: 'the same with the factor in alpha, and transB',
    shape: [1, 1, 8],
    build: (b) => {
      const [u, v] = halves(b);
      const first = b.node('Gemm', [reshape(b, u, [-1, 1]), b.floats([1, 1], [2])], { alpha: { float: 0.5 } });
      const second = b.node('Gemm', [v, b.floats([4, 4], sparse(4, 4, { '2,1': 1 }))], {
        alpha: { float: 30 },
        transB: 1,
      });
      return third(b, b.node('Sum', [reshape(b, first, [-1, 4]), second]));
    },
  },
  {
    id: '1-other-rows',
    kind: KIND,
    what: 'matrices of 2 and of 4 rows: all rows beyond the second are lost',
    shape: [1, 1, 8],
    build: (b) => {
      const [u, v] = halves(b);
      const first = matmul(b, reshape(b, u, [0, 2, 2]), [2, 2], [1, 0, 0, 1]);
      const second = matmul(b, reshape(b, v, [0, 1, 4]), [4, 4], sparse(4, 4, { '1,3': 30 }));
      const sum = b.node('Add', [first, reshape(b, second, [0, 2, 2])]);
      return sides(b, b.node('Flatten', [sum], { axis: 1 }), [0, 0, 0, 1], 15.5);
    },
  },
  {
    id: '1-side',
    kind: KIND,
    what: 'W·X and X·W on axes of one number: the side is not compared',
    shape: [1, 1, 8],
    build: (b) => {
      const [u, v] = halves(b);
      const left = b.node('MatMul', [b.floats([2, 2], [1, 0, 0, 0]), reshape(b, u, [0, 1, 2, 2])]);
      const right = matmul(b, reshape(b, v, [0, 2, 2]), [2, 2], [0, 0, 0, 1]);
      const sum = b.node('Add', [reshape(b, left, [0, 2, 2]), right]);
      return sides(b, b.node('Flatten', [sum], { axis: 1 }), [0, 1, 0, 0], 1);
    },
  },
  {
    id: '1-blocks',
    kind: KIND,
    what: 'as many blocks in both, on different axes',
    shape: [1, 1, 16],
    build: (b) => {
      const [u, v] = b.nodeWith('Split', [flat(b, 16), b.ints([8, 8])], 2, { axis: 1 }) as [string, string];
      const first = matmul(b, reshape(b, u, [0, 1, 2, 2, 2]), [2, 2, 2], [1, 0, 0, 0, 0, 0, 0, 0]);
      const second = matmul(b, reshape(b, v, [0, 2, 2, 1, 2]), [2, 2, 2], [0, 0, 0, 0, 1, 0, 0, 0]);
      const sum = b.node('Add', [reshape(b, first, [0, 8]), reshape(b, second, [0, 8])]);
      return sides(b, sum, [0, 0, 1, 0, 0, 0, 0, 0], 1);
    },
  },
  {
    id: '1-same-operand',
    kind: KIND,
    what: 'two differently factorised products of one whole tensor',
    shape: [1, 1, 8],
    build: (b) => {
      const x = flat(b, 8);
      const first = matmul(b, reshape(b, x, [0, 8, 1]), [1, 1], [0.5]);
      const second = matmul(b, reshape(b, x, [0, 2, 4]), [4, 4], sparse(4, 4, { '0,3': 20 }));
      const sum = b.node('Sum', [reshape(b, first, [0, 8]), reshape(b, second, [0, 8])]);
      return sides(b, sum, [0, 0, 0, 1, 0, 0, 0, 0], 10.2);
    },
  },
  {
    id: '1-after-groupsort',
    kind: KIND,
    what: 'products of the halves of a sort, whose base is one tensor',
    shape: [1, 1, 8],
    build: (b) => {
      const [u, v] = halves(b);
      const parts = [single(b, b.node('Max', [u, v])), quad(b, b.node('Min', [u, v]))];
      return third(
        b,
        b.node(
          'Add',
          parts.map((x) => reshape(b, x, [-1, 4])),
        ),
        13,
      );
    },
  },
  {
    id: '1-shape-computed',
    kind: KIND,
    what: 'the Reshape that carries the tag takes its target from Shape',
    shape: [1, 1, 8],
    build: (b) => {
      const [u, v] = halves(b);
      const target = b.node('Shape', [u]);
      return third(b, b.node('Add', [single(b, u), quad(b, v)].map((x) => b.node('Reshape', [x, target])) as string[]));
    },
  },
  {
    id: '1-many-rows',
    kind: KIND,
    what: 'sixteen pixels of one row added to a matrix that sends all of them to one place',
    shape: [2, 8, 1],
    build: (b) => {
      const [u, v] = b.nodeWith('Split', [flat(b, 16), b.ints([8, 8])], 2, { axis: 1 }) as [string, string];
      const first = matmul(b, reshape(b, u, [0, 8, 1]), [1, 1], [1]);
      const weights = Array.from({ length: 64 }, (_, i) => (i % 8 === 5 ? 1 : 0));
      const second = matmul(b, reshape(b, v, [0, 1, 8]), [8, 8], weights);
      const sum = b.node('Add', [reshape(b, first, [0, 8]), reshape(b, second, [0, 8])]);
      return sides(b, sum, [0, 0, 0, 0, 0, ...ones(1), 0, 0], 4.5);
    },
  },
  natural('wide', 3, [4, 3], [8, 6]),
  natural('narrow', 5, [2, 2], [8, 8]),
  natural('single', 8, [16, 8], [4, 2]),
];
