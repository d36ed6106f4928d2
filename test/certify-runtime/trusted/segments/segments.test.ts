/** Linear operators taken together: never below the largest singular value of the whole, and next to it (Lemma 20). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundEncoder } from '../../../../src/certify-runtime/trusted/walk/encoder.ts';
import { allRules, rulesAlone } from '../../../support/networks/all-rules.ts';
import { GraphBuilder } from '../../../support/networks/graph-builder.ts';
import { largestSingularValue } from '../../../support/numbers/svd.ts';
import { Chance } from '../../../support/reference/chance.ts';
import { jacobianAt } from '../../../support/reference/jacobian.ts';
import { compile } from '../../../support/reference/program/compile.ts';

/** A graph's builder, and random constants for it. */
class Maker extends GraphBuilder {
  readonly chance: Chance;

  constructor(dims: readonly number[], seed: number) {
    super(['N', ...dims]);
    this.chance = new Chance(seed);
  }

  normals(dims: readonly number[], scale = 1): string {
    const size = dims.reduce((a, b) => a * b, 1);
    return this.floats(
      dims,
      Float32Array.from({ length: size }, () => scale * this.chance.normal()),
    );
  }

  conv(x: string, outputs: number, inputs: number, attributes: Record<string, number | number[]>, k = 3): string {
    return this.node('Conv', [x, this.normals([outputs, inputs, k, k], 0.4), this.normals([outputs])], attributes);
  }

  batchNormalization(x: string, channels: number): string {
    const positive = Float32Array.from({ length: channels }, () => 0.2 + this.chance.next());
    const constants = [0, 1, 2].map(() => this.normals([channels]));
    return this.node('BatchNormalization', [x, ...constants, this.floats([channels], positive)]);
  }

  /** Axis `axis` at the positions before + … of a circle of `size`. */
  circular(x: string, axis: number, size: number, before: number, after: number): string {
    const positions = Array.from({ length: before + size + after }, (_, i) => (i - before + 2 * size) % size);
    return this.node('Gather', [x, this.ints(positions)], { axis });
  }
}

type Make = (b: Maker) => string;

const SAME = { pads: [1, 1, 1, 1] };

function bounds(dims: readonly number[], make: Make, seed = 1): { whole: number; alone: number; truth: number } {
  const builder = new Maker(dims, seed);
  const latent = builder.node('Flatten', [make(builder)]);
  const graph = builder.graph(latent);
  const program = compile(graph, 1, [latent]);
  const [output] = program.outputs;
  const size = dims.reduce((a, b) => a * b, 1);
  const { matrix, rows, cols } = jacobianAt(
    program,
    new Float32Array(size),
    output!.kind === 'real' ? output!.slot : -1,
  );
  const proven = (rules: typeof allRules): number => boundEncoder(graph, { input: 'image', latent, rules }).lipschitz;
  return { whole: proven(allRules), alone: proven(rulesAlone), truth: largestSingularValue(matrix, rows, cols) };
}

/** x + Kx + K²x/2 + … up to `degree`, for K of [c, c, 3, 3], which is skew-symmetric but for rounding if asked. */
function series(b: Maker, c: number, degree: number, scale: number, skew = true): string {
  const w = Array.from({ length: c * c * 9 }, () => scale * b.chance.normal());
  const kernel = w.map((value, e) => {
    const [o, i, t] = [Math.floor(e / (9 * c)), Math.floor(e / 9) % c, e % 9];
    return skew ? value - w[(i * c + o) * 9 + 8 - t]! : value;
  });
  const weights = b.floats([c, c, 3, 3], kernel);
  let [power, sum] = ['image', 'image'];
  for (let k = 1; k <= degree; k++) {
    power = b.node('Div', [b.node('Conv', [power, weights], SAME), b.floats([], [k])]);
    sum = b.node('Add', [sum, power]);
  }
  return sum;
}

const LINEAR: Readonly<Record<string, readonly [dims: readonly number[], make: Make]>> = {
  'BatchNormalization after Conv': [[3, 4, 4], (b) => b.batchNormalization(b.conv('image', 4, 3, SAME), 4)],
  'Conv after BatchNormalization': [[3, 4, 4], (b) => b.conv(b.batchNormalization('image', 3), 4, 3, SAME)],
  'a scale of each channel after Conv': [
    [3, 4, 4],
    (b) => b.node('Mul', [b.conv('image', 4, 3, SAME), b.normals([4, 1, 1])]),
  ],
  'x + Conv(x)': [[3, 4, 4], (b) => b.node('Add', ['image', b.conv('image', 3, 3, SAME)])],
  'x + Wx': [[8], (b) => b.node('Add', ['image', b.node('MatMul', ['image', b.normals([8, 8])])])],
  'x − xW by Gemm': [[8], (b) => b.node('Sub', ['image', b.node('Gemm', ['image', b.normals([8, 8])], { transB: 1 })])],
  'two Convs of one tensor': [
    [2, 4, 4],
    (b) => b.node('Sub', [b.conv('image', 3, 2, SAME), b.conv('image', 3, 2, SAME)]),
  ],
  'Convs of different kernels': [
    [2, 4, 4],
    (b) => b.node('Sum', [b.conv('image', 2, 2, SAME), b.conv('image', 2, 2, {}, 1), 'image']),
  ],
  'x − its mean': [[3, 4, 4], (b) => b.node('Sub', ['image', b.node('GlobalAveragePool', ['image'])])],
  'x − its mean over channels': [
    [3, 2, 2],
    (b) => b.node('Sub', ['image', b.node('ReduceMean', ['image', b.ints([1])])]),
  ],
  'Conv of x − its mean': [
    [3, 4, 4],
    (b) => b.conv(b.node('Sub', ['image', b.node('ReduceMean', ['image', b.ints([2, 3])])]), 3, 3, SAME),
  ],
  'average after Conv': [
    [3, 4, 4],
    (b) => b.node('AveragePool', [b.conv('image', 4, 3, SAME)], { kernel_shape: [2, 2], strides: [2, 2] }),
  ],
  'global average after Conv': [[3, 4, 4], (b) => b.node('GlobalAveragePool', [b.conv('image', 4, 3, SAME)])],
  'mean of a product': [
    [4, 6],
    (b) => b.node('ReduceMean', [b.node('MatMul', ['image', b.normals([6, 5])]), b.ints([1])]),
  ],
  'a strided Conv after a strided one': [
    [2, 8, 8],
    (b) => b.conv(b.conv('image', 3, 2, { ...SAME, strides: [2, 2] }), 2, 3, { strides: [1, 1], dilations: [1, 1] }),
  ],
  'circular padding': [[2, 4, 5], (b) => b.conv(b.circular(b.circular('image', 2, 4, 1, 1), 3, 5, 1, 1), 3, 2, {})],
  'a circle begun elsewhere': [
    [2, 4, 5],
    (b) => b.conv(b.circular(b.circular('image', 2, 4, 2, 0), 3, 5, 0, 2), 3, 2, {}),
  ],
  'padding that repeats the edge': [
    [2, 4, 4],
    (b) => {
      const edge = (x: string, axis: number): string => b.node('Gather', [x, b.ints([0, 0, 1, 2, 3, 3])], { axis });
      return b.conv(edge(edge('image', 2), 3), 2, 2, {});
    },
  ],
  'a chain of products': [
    [6],
    (b) =>
      b.node('MatMul', [
        b.node('Mul', [b.node('MatMul', ['image', b.normals([6, 5])]), b.normals([5])]),
        b.normals([5, 4]),
      ]),
  ],
  'products on both sides': [
    [4, 4],
    (b) => b.node('MatMul', [b.normals([3, 4]), b.node('MatMul', ['image', b.normals([4, 3])])]),
  ],
  'products in blocks': [
    [2, 3, 4],
    (b) =>
      b.node('MatMul', [
        b.node('Mul', [b.node('MatMul', ['image', b.normals([2, 4, 4])]), b.normals([2, 1, 4])]),
        b.normals([2, 4, 3]),
      ]),
  ],
  'a Taylor series of a Conv': [[2, 3, 4], (b) => series(b, 2, 5, 0.2)],
  'a series of a Conv that is not skew': [[2, 3, 4], (b) => series(b, 2, 3, 0.3, false)],
  'a difference that vanishes': [[5], (b) => b.node('Sub', [b.node('Neg', ['image']), b.node('Neg', ['image'])])],
  'parts that are brought together again': [
    [6],
    (b) => {
      const [x, y] = b.nodeWith('Split', ['image'], 2, { axis: 1, num_outputs: 2 }) as [string, string];
      return b.node('Add', [b.node('MatMul', [x, b.normals([3, 3])]), b.node('Mul', [y, b.normals([3])])]);
    },
  ],
};

for (const [name, [dims, make]] of Object.entries(LINEAR)) {
  test(`one linear map: ${name}`, () => {
    for (const seed of [1, 2, 3]) {
      const { whole, alone, truth } = bounds(dims, make, seed);
      assert.ok(whole >= truth * (1 - 1e-12), `${whole} < ${truth}`);
      assert.ok(whole <= truth * 1.001 + 1e-12, `${whole} is far above ${truth}`);
      assert.ok(whole <= alone);
    }
  });
}

/** What has the size of usual networks, so that no matrix of the whole is formed: the bound is that of the form alone. */
const LARGE: Readonly<Record<string, readonly [dims: readonly number[], most: number, make: Make]>> = {
  'x − its mean': [[16, 32, 32], 1, (b) => b.node('Sub', ['image', b.node('GlobalAveragePool', ['image'])])],
  'a Conv that is undone': [
    [8, 40, 40],
    1e-6,
    (b) => {
      const y = b.conv('image', 8, 8, SAME);
      return b.node('Sub', [b.node('Mul', [y, b.floats([], [0.5])]), b.node('Div', [y, b.floats([], [2])])]);
    },
  ],
  'the Taylor series of a skew Conv': [[6, 24, 24], 1.001, (b) => series(b, 6, 8, 0.05)],
  'a Conv of one tap in a circle': [
    [4, 48, 48],
    1,
    (b) => {
      const x = b.circular(b.circular('image', 2, 48, 1, 1), 3, 48, 2, 0);
      const one = Float32Array.from({ length: 4 * 4 * 9 }, (_, i) =>
        Math.floor(i / 9) % 5 === 0 && i % 9 === 2 ? 1 : 0,
      );
      return b.node('Conv', [x, b.floats([4, 4, 3, 3], one)]);
    },
  ],
  'a scale that BatchNormalization takes back': [
    [8, 40, 40],
    1,
    (b) => {
      const factors = [1, 2, 4, 8, 16, 32, 64, 128];
      const x = b.node('Mul', ['image', b.floats([8, 1, 1], factors)]);
      const back = b.floats(
        [8],
        factors.map((factor) => 1 / factor),
      );
      const one = Array(8).fill(1);
      const zero = b.floats([8], Array(8).fill(0));
      return b.node('BatchNormalization', [x, back, zero, zero, b.floats([8], one)], { epsilon: { float: 0 } });
    },
  ],
};

for (const [name, [dims, most, make]] of Object.entries(LARGE)) {
  test(`large: ${name}`, () => {
    const builder = new Maker(dims, 5);
    const latent = builder.node('Flatten', [make(builder)]);
    const { lipschitz } = boundEncoder(builder.graph(latent), { input: 'image', latent, rules: allRules });
    assert.ok(lipschitz <= most * (1 + 1e-9), `${lipschitz}`);
    assert.ok(most < 1 || lipschitz >= 1);
  });
}

test('what looks like one tensor and is two is bounded as two', () => {
  const pairs: Record<string, Make> = {
    'a Relu in between': (b) => b.node('Sub', ['image', b.node('Relu', ['image'])]),
    'the same Relu, computed twice': (b) =>
      b.node('Sub', [b.node('Relu', ['image']), b.node('Relu', [b.node('Neg', ['image'])])]),
    'a sort': (b) => b.node('Sub', ['image', b.groupSort('image')]),
    'other elements of it': (b) =>
      b.node('Sub', ['image', b.node('Gather', ['image', b.ints([1, 0, 3, 2])], { axis: 1 })]),
  };
  for (const [name, make] of Object.entries(pairs)) {
    const { whole } = bounds([4], make);
    // The last of them is linear, with I − P of norm 2; the first has slopes in [0, 1].
    assert.ok(whole >= (name.startsWith('a Relu') ? 1 : Math.SQRT2) * (1 - 1e-12), `${name}: ${whole}`);
  }
});

test('a deep residual network has errors that add up, and not errors that double', () => {
  const builder = new Maker([2, 4, 4], 7);
  let x = 'image';
  for (let i = 0; i < 12; i++) {
    x = builder.node('Sub', [x, builder.node('GlobalAveragePool', [x])]);
    x = builder.node('Relu', [builder.node('Add', [x, builder.normals([2, 1, 1])])]);
  }
  const latent = builder.node('Flatten', [x]);
  const graph = builder.graph(latent);
  const whole = boundEncoder(graph, { input: 'image', latent, rules: allRules });
  const alone = boundEncoder(graph, { input: 'image', latent, rules: rulesAlone });
  assert.ok(whole.lipschitz < 1 + 1e-9);
  assert.ok(alone.lipschitz > 4000);
  assert.ok(whole.latentNorm.l2 < 3);
  const slope = (bound: typeof whole): number =>
    Math.min(...bound.latentError.map(({ l2, l1 }) => l2 + l1 * Math.sqrt(32)));
  assert.ok(slope(whole) < 2e-4 && slope(whole) < slope(alone) / 100, `${slope(whole)}, ${slope(alone)}`);
});
