/** What the proof finds in networks whose constants are known: sorts, rearrangements, branches, the float32 error. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EncoderBound } from '../../../src/certify-runtime/trusted/bounds/bound.ts';
import { boundEncoder } from '../../../src/certify-runtime/trusted/walk/encoder.ts';
import { cpuSeconds } from '../../support/command/cpu-time.ts';
import { run } from '../../support/interpreter/interpreter.ts';
import { allRules } from '../../support/networks/all-rules.ts';
import { GraphBuilder } from '../../support/networks/graph-builder.ts';
import { exact, float32, ORDERS } from '../../support/numbers/arithmetic.ts';
import { Random } from '../../support/numbers/random.ts';
import { largestSingularValue } from '../../support/numbers/svd.ts';

type Make = (b: GraphBuilder) => string;

function prove(dims: readonly (number | string)[], make: Make): EncoderBound {
  const builder = new GraphBuilder(dims);
  const latent = make(builder);
  return boundEncoder(builder.graph(latent), { input: 'image', latent, rules: allRules });
}

const near = (actual: number, expected: number): void => {
  assert.ok(actual >= expected && actual <= expected * (1 + 1e-12), `${actual} is not ${expected} rounded up`);
};

const halves = (b: GraphBuilder, x = 'image'): [string, string] =>
  b.nodeWith('Split', [x], 2, { axis: 1 }) as [string, string];

test('every way to write a sort of pairs has L = 1', () => {
  const flat: Record<string, Make> = {
    'Max, Min': (b) => b.groupSort('image'),
    'Min, Max': (b) => {
      const [x, y] = halves(b);
      return b.node('Concat', [b.node('Min', [y, x]), b.node('Max', [x, y])], { axis: -1 });
    },
    'two slices with a step': (b) => {
      const slice = (i: number): string =>
        b.node('Slice', ['image', b.ints([i]), b.ints([2 ** 53]), b.ints([1]), b.ints([2])]);
      const [x, y] = [slice(0), slice(1)];
      return b.node('Concat', [b.node('Max', [x, y]), b.node('Min', [x, y])], { axis: 1 });
    },
    'deel-lip, torchlip: reshape to [-1, 2] and back to Shape(x)': (b) =>
      b.node('Reshape', [b.groupSort(b.node('Reshape', ['image', b.ints([-1, 2])])), b.node('Shape', ['image'])]),
    'back to a shape put together from Shape, Gather, Unsqueeze, Concat': (b) => {
      const n = b.node('Gather', [b.node('Shape', ['image']), b.ints(0)], { axis: 0 });
      const target = b.node('Concat', [b.node('Unsqueeze', [n, b.ints([0])]), b.ints([-1])], { axis: 0 });
      return b.node('Reshape', [b.groupSort(b.node('Reshape', ['image', b.ints([-1, 2])])), target]);
    },
    'ReduceMax and ReduceMin of pairs': (b) => {
      const pairs = b.node('Reshape', ['image', b.ints([0, -1, 2])]);
      const parts = ['ReduceMax', 'ReduceMin'].map((op) => b.node(op, [pairs, b.ints([-1])], { keepdims: 1 }));
      return b.node('Flatten', [b.node('Concat', parts, { axis: 2 })]);
    },
    'TopK of everything': (b) => b.nodeWith('TopK', ['image', b.ints([8])], 2, { largest: 0 })[0]!,
    'sorted twice, in other pairs': (b) =>
      b.groupSort(b.node('Gather', [b.groupSort('image'), b.ints([0, 2, 1, 3, 4, 7, 6, 5])], { axis: 1 })),
  };
  for (const [name, make] of Object.entries(flat)) assert.equal(prove(['N', 8], make).lipschitz, 1, name);
  const channels = prove(['N', 4, 3, 3], (b) => b.node('Flatten', [b.groupSort('image', 1)]));
  assert.equal(channels.lipschitz, 1);
});

test('what only looks like a sort has no L = 1', () => {
  near(
    prove(['N', 8], (b) => {
      const [x, y] = halves(b);
      const max = b.node('Max', [x, y]);
      return b.node('Concat', [max, max], { axis: 1 });
    }).lipschitz,
    Math.SQRT2,
  );
  // max(x, y) beside x: x may move both.
  near(
    prove(['N', 8], (b) => {
      const [x, y] = halves(b);
      return b.node('Concat', [b.node('Max', [x, y]), x], { axis: 1 });
    }).lipschitz,
    Math.SQRT2,
  );
  // The max of one pairing with the min of another.
  near(
    prove(['N', 4], (b) => {
      const [x, y] = halves(b);
      const swapped = b.node('Gather', [y, b.ints([1, 0])], { axis: 1 });
      return b.node('Concat', [b.node('Max', [x, y]), b.node('Min', [x, swapped])], { axis: 1 });
    }).lipschitz,
    Math.SQRT2,
  );
  // Halves that overlap.
  near(
    prove(['N', 3], (b) => {
      const slice = (i: number): string => b.node('Slice', ['image', b.ints([i]), b.ints([i + 2]), b.ints([1])]);
      const [x, y] = [slice(0), slice(1)];
      return b.node('Concat', [b.node('Max', [x, y]), b.node('Min', [x, y])], { axis: 1 });
    }).lipschitz,
    Math.SQRT2,
  );
});

test('rearrangements: what is used t times has L = √t; branches add up', () => {
  const gather = (indices: readonly number[]): number =>
    prove(['N', 4], (b) => b.node('Gather', ['image', b.ints(indices)], { axis: 1 })).lipschitz;
  assert.equal(gather([3, 1]), 1);
  near(gather([0, 0, 1, 1, -4]), Math.sqrt(3));
  const scaled = (b: GraphBuilder, by: number): string => b.node('Mul', ['image', b.floats([], [by])]);
  near(prove(['N', 4], (b) => b.node('Concat', [scaled(b, 3), scaled(b, 4)], { axis: 1 })).lipschitz, 5);
  near(prove(['N', 4], (b) => b.node('Sub', [scaled(b, 3), scaled(b, -4)])).lipschitz, 7);
  near(prove(['N', 4], (b) => b.node('Max', [scaled(b, 3), scaled(b, 4)])).lipschitz, 5);
  assert.equal(prove(['N', 4], (b) => b.node('Concat', halves(b).reverse(), { axis: 1 })).lipschitz, 1);
});

test('known constants: pools, means, sums, normalisation, slopes', () => {
  const flat = (make: Make) => prove(['N', 2, 4, 6], (b) => b.node('Flatten', [make(b)])).lipschitz;
  near(
    flat((b) => b.node('AveragePool', ['image'], { kernel_shape: [2, 3], strides: [2, 3] })),
    1 / Math.sqrt(6),
  );
  near(
    flat((b) => b.node('GlobalAveragePool', ['image'])),
    1 / Math.sqrt(24),
  );
  near(
    flat((b) => b.node('ReduceSum', ['image', b.ints([2, 3])], { keepdims: 0 })),
    Math.sqrt(24),
  );
  near(
    flat((b) => b.node('ReduceMean', ['image', b.ints([-1])], { keepdims: 0 })),
    1 / Math.sqrt(6),
  );
  assert.equal(
    flat((b) => b.node('MaxPool', ['image'], { kernel_shape: [2, 2], strides: [2, 2] })),
    1,
  );
  near(
    flat((b) => b.node('LeakyRelu', ['image'], { alpha: { float: -2.5 } })),
    2.5,
  );
  const bn = [
    [2, -3],
    [1, 1],
    [5, 5],
    [1, 0.5],
  ];
  const normalised = flat((b) =>
    b.node('BatchNormalization', ['image', ...bn.map((v) => b.floats([2], v))], { epsilon: { float: 0 } }),
  );
  assert.ok(normalised >= 3 / Math.sqrt(0.5) && normalised < (3 / Math.sqrt(0.5)) * (1 + 1e-12));
});

test('the input and the shapes are reported', () => {
  const bound = prove(['N', 4, 4, 3], (b) => b.node('Flatten', ['image']));
  assert.deepEqual(bound.inputShape, [4, 4, 3]);
  assert.equal(bound.latentSize, 48);
  assert.equal(bound.latentNorm.l1, 0);
});

/** Three orthogonal layers of 128 with GroupSort, on 28·28·3 pixels. */
function mlp(biasScale: number): { builder: GraphBuilder; latent: string } {
  const random = new Random(4);
  const builder = new GraphBuilder(['N', 28, 28, 3]);
  let [name, size] = [builder.node('Reshape', ['image', builder.ints([-1, 2352])]), 2352];
  for (let layer = 0; layer < 3; layer++) {
    const w = builder.floats([128, size], random.orthonormalRows(128, size));
    name = builder.node('Gemm', [name, w, builder.floats([128], random.normals(128, biasScale))], { transB: 1 });
    if (layer < 2) name = builder.groupSort(name);
    size = 128;
  }
  return { builder, latent: name };
}

test('the network of CMNIST: L within 1e-5 of 1, latent error below 6e-3, in about a second', () => {
  const { builder, latent } = mlp(0.02);
  const graph = builder.graph(latent);
  const bound = boundEncoder(graph, { input: 'image', latent, rules: allRules });
  assert.ok(cpuSeconds(() => boundEncoder(graph, { input: 'image', latent, rules: allRules })) < 3);
  assert.ok(bound.lipschitz >= 1 && bound.lipschitz < 1 + 1e-5, `${bound.lipschitz}`);
  const errors = bound.latentError.map(({ constant, l2, l1 }) => constant + 9 * l2 + 100 * l1);
  assert.ok(Math.min(...errors) < 6e-3, `${errors}`);
  assert.ok(bound.latentError.length <= 3);
});

test('a large bias makes a large error: computed values really are that far off', () => {
  const { builder, latent } = mlp(1e6);
  const graph = builder.graph(latent);
  const bound = boundEncoder(graph, { input: 'image', latent, rules: allRules });
  const random = new Random(8);
  const data = Array.from({ length: 2352 }, () => Math.fround(random.next() * 0.1));
  const image = { dims: [1, 28, 28, 3], data };
  const z = run(graph, image, exact).get(latent)!.data;
  let largest = 0;
  for (const order of ORDERS) {
    const computed = run(graph, image, float32(random, { order, fma: false, flush: false })).get(latent)!.data;
    largest = Math.max(largest, Math.hypot(...computed.map((v, i) => v - z[i]!)));
  }
  const smallest = Math.min(...bound.latentError.map((form) => form.constant));
  assert.ok(largest > 0.5, `${largest}`);
  assert.ok(largest <= smallest, `${largest} > ${smallest}`);
});

test('the error of a sum that stagnates comes within a factor of four of the bound', () => {
  // 1 + 2⁻²⁴ + 2⁻²⁴ + … in order: every term is lost.
  const n = 4096;
  const builder = new GraphBuilder(['N', n]);
  const latent = builder.node('MatMul', ['image', builder.floats([n, 1], [1, ...Array<number>(n - 1).fill(1)])]);
  const graph = builder.graph(latent);
  const bound = boundEncoder(graph, { input: 'image', latent, rules: allRules });
  const data = [1, ...Array<number>(n - 1).fill(2 ** -24)];
  const arithmetic = float32(new Random(1), { order: 'forward', fma: true, flush: false });
  const error =
    run(graph, { dims: [1, n], data }, exact).get(latent)!.data[0]! -
    run(graph, { dims: [1, n], data }, arithmetic).get(latent)!.data[0]!;
  const norm = Math.hypot(...data);
  const l1 = data.reduce((a, b) => a + b, 0);
  const smallest = Math.min(...bound.latentError.map((form) => form.constant + form.l2 * norm + form.l1 * l1));
  assert.ok(error > 0 && error <= smallest && smallest < 4 * error, `${error}, ${smallest}`);
});

test('a product in parts: exact L, the roundings of its longest part only in a Sum', () => {
  const random = new Random(6);
  const w = random.orthonormalRows(16, 512);
  const parts = (op: 'Sum' | 'Add', width: number): EncoderBound =>
    prove(['N', 512], (b) => {
      const count = 512 / width;
      const pieces = b.nodeWith('Split', ['image'], count, { axis: 1 });
      const products = pieces.map((piece, p) => {
        const block = Array.from({ length: width * 16 }, (_, i) => w[(i % 16) * 512 + p * width + Math.floor(i / 16)]!);
        return b.node('MatMul', [piece, b.floats([width, 16], block)]);
      });
      return b.node(op, products);
    });
  const errorOf = (bound: EncoderBound): number => Math.min(...bound.latentError.map((form) => form.l2 + form.l1 * 20));
  for (const bound of [parts('Sum', 64), parts('Add', 256)])
    assert.ok(bound.lipschitz >= 1 && bound.lipschitz < 1 + 1e-5);
  assert.ok(errorOf(parts('Sum', 64)) < errorOf(parts('Add', 256)) / 4);
});

test('products in blocks: the largest norm of a block, also where each is taken in parts', () => {
  const random = new Random(9);
  const [blocks, rows, cols] = [3, 6, 4];
  const w = random.normals(blocks * rows * cols, 1).map(Math.fround);
  const each = Array.from({ length: blocks }, (_, f) => w.slice(f * rows * cols, (f + 1) * rows * cols));
  const largest = Math.max(...each.map((block) => largestSingularValue(block, rows, cols)));
  const onRight = prove(['N', blocks, 1, rows], (b) =>
    b.node('Flatten', [b.node('MatMul', ['image', b.floats([blocks, rows, cols], w)])]),
  );
  const onLeft = prove(['N', blocks, cols, 5], (b) =>
    b.node('Flatten', [b.node('MatMul', [b.floats([blocks, rows, cols], w), 'image'])]),
  );
  const inParts = prove(['N', blocks, 1, rows], (b) => {
    const pieces = b.nodeWith('Split', ['image'], 3, { axis: 3 });
    const products = pieces.map((piece, p) => {
      const part = each.flatMap((block) => block.slice(2 * p * cols, 2 * (p + 1) * cols));
      return b.node('MatMul', [piece, b.floats([blocks, 2, cols], part)]);
    });
    return b.node('Flatten', [b.node('Sum', products)]);
  });
  for (const { lipschitz } of [onRight, onLeft, inParts]) {
    assert.ok(lipschitz >= largest && lipschitz < largest * 1.001, `${lipschitz}, largest block ${largest}`);
  }
});

test('one matrix at many places, in parts: its norm; one from the left and one from the right: their sum', () => {
  const random = new Random(10);
  const [rows, cols] = [12, 8];
  const w = random.normals(rows * cols, 1).map(Math.fround);
  const norm = largestSingularValue(w, rows, cols);
  const pointwise = prove(['N', 3, 5, rows], (b) => {
    const pieces = b.nodeWith('Split', ['image'], 4, { axis: 3 });
    const products = pieces.map((piece, p) =>
      b.node('MatMul', [piece, b.floats([3, cols], w.slice(3 * p * cols, 3 * (p + 1) * cols))]),
    );
    return b.node('Flatten', [b.node('Sum', products)]);
  });
  assert.ok(pointwise.lipschitz >= norm && pointwise.lipschitz < norm * 1.001, `${pointwise.lipschitz}, ${norm}`);
  // x ↦ Ix + xI = 2x, though every part has the shape of the other.
  const identity = Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0));
  const bothSides = prove(['N', 4, 4], (b) => {
    const eye = b.floats([4, 4], identity);
    const products = [b.node('MatMul', [eye, 'image']), b.node('MatMul', ['image', eye])];
    return b.node('Flatten', [b.node('Sum', products)]);
  });
  assert.ok(bothSides.lipschitz >= 2 && bothSides.lipschitz < 2.001, `${bothSides.lipschitz}`);
});

test('maxImageNorm: beyond it a partial sum may overflow, within it none does', () => {
  const bound = prove(['N', 2], (b) => b.node('MatMul', ['image', b.floats([2, 1], [1e30, -1e30])]));
  assert.ok(bound.maxImageNorm > 1e6 && bound.maxImageNorm < 3.5e8, `${bound.maxImageNorm}`);
  assert.equal(prove(['N', 2], (b) => b.node('Relu', ['image'])).maxImageNorm, 2 ** 60);
});
