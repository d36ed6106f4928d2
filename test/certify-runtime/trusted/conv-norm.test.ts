/** Conv's norms against the singular values of the whole convolution, built column by column by the interpreter. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAX_WORK } from '../../../src/certify-runtime/trusted/bounds/budget.ts';
import { cellsBound } from '../../../src/certify-runtime/trusted/bounds/conv-cells.ts';
import { chooseGrid, frequencyBound } from '../../../src/certify-runtime/trusted/bounds/conv-frequency.ts';
import {
  absoluteSum,
  gramKernel,
  gramKernelBound,
  gramKernelCost,
} from '../../../src/certify-runtime/trusted/bounds/conv-gram.ts';
import { convNorms } from '../../../src/certify-runtime/trusted/bounds/conv-norm.ts';
import { type ConvGeometry, tapsOfGroup } from '../../../src/certify-runtime/trusted/bounds/conv-taps.ts';
import { absoluteNormUpper } from '../../../src/certify-runtime/trusted/bounds/matrix-norm.ts';
import { sqrtUp } from '../../../src/certify-runtime/trusted/bounds/rounding.ts';
import { boundEncoder } from '../../../src/certify-runtime/trusted/walk/encoder.ts';
import { cpuSeconds } from '../../support/command/cpu-time.ts';
import { run } from '../../support/interpreter/interpreter.ts';
import { allRules } from '../../support/networks/all-rules.ts';
import { GraphBuilder } from '../../support/networks/graph-builder.ts';
import { exact } from '../../support/numbers/arithmetic.ts';
import { Random } from '../../support/numbers/random.ts';
import { largestSingularValue } from '../../support/numbers/svd.ts';
import { siteOf, walkOf } from './conditions/site.ts';

interface Case {
  readonly dims: readonly number[];
  readonly kernel: readonly number[];
  readonly attributes: Record<string, number | string | readonly number[]>;
}

/** L of one Conv, and the exact norm of its matrix. */
function both(shape: Case, weights: readonly number[]): { bound: number; sigma: number } {
  const builder = new GraphBuilder(['N', ...shape.dims]);
  const y = builder.node('Conv', ['image', builder.floats(shape.kernel, weights)], shape.attributes);
  const latent = builder.node('Flatten', [y]);
  const graph = builder.graph(latent);
  const n = shape.dims.reduce((a, b) => a * b, 1);
  const columns = Array.from({ length: n }, (_, i) => {
    const data = Array<number>(n).fill(0).with(i, 1);
    return run(graph, { dims: [1, ...shape.dims], data }, exact).get(latent)!.data;
  });
  const sigma = largestSingularValue(columns.flat(), n, columns[0]!.length);
  return { bound: boundEncoder(graph, { input: 'image', latent, rules: allRules }).lipschitz, sigma };
}

test('random small convolutions with all attributes: never below, within 2 %', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e9 }), (seed) => {
      const random = new Random(seed);
      const rank = 1 + random.below(2);
      const group = random.pick([1, 1, 2]);
      const spatial = Array.from({ length: rank }, () => 3 + random.below(4));
      const list = (n: number, least: number, most: number): number[] =>
        Array.from({ length: n }, () => least + random.below(most - least + 1));
      const size = list(rank, 1, 3);
      const channels = 1 + random.below(2);
      const kernel = [group * (1 + random.below(2)), channels, ...size];
      const padding = random.pick([
        { pads: list(2 * rank, 0, 2) },
        { auto_pad: 'SAME_UPPER' },
        { auto_pad: 'SAME_LOWER' },
        { auto_pad: 'VALID' },
      ]);
      const dilations = spatial.map((dim, i) => (2 * (size[i]! - 1) < dim ? 1 + random.below(2) : 1));
      // auto_pad with a stride beyond the window is refused.
      const strides = list(rank, 1, 3).map((stride, i) =>
        'auto_pad' in padding ? Math.min(stride, size[i]!) : stride,
      );
      const attributes = { group, strides, dilations, ...padding };
      const weights = random.normals(kernel.reduce((a, b) => a * b, 1)).map(Math.fround);
      const { bound, sigma } = both({ dims: [group * channels, ...spatial], kernel, attributes }, weights);
      assert.ok(bound >= sigma * (1 - 1e-12), `${bound} < ${sigma}`);
      assert.ok(bound <= sigma * 1.02, `${bound} > 1.02·${sigma} for ${JSON.stringify(attributes)} [${kernel}]`);
    }),
    { numRuns: 80 },
  );
});

function lattice(
  kernel: readonly [number, number, number, number],
  weights: readonly number[],
  stride: readonly [number, number] = [1, 1],
) {
  const [outputChannels, inputChannels, k1, k2] = kernel;
  const geometry: ConvGeometry = {
    ...{ inputChannels, outputChannels, groups: 1, kernel: [k1, k2], stride },
    ...{ dilation: [1, 1], padBegin: [0, 0], input: [1, 1], output: [1, 1] },
  };
  const taps = tapsOfGroup(Float32Array.from(weights), geometry, 0);
  const absolute = absoluteNormUpper(absoluteSum(taps));
  const gram = gramKernel(taps, absolute);
  return {
    ...{ absolute, gram: Math.sqrt(gramKernelBound(gram)) },
    grid: (n: number) => Math.sqrt(frequencyBound(gram, taps.extent, [k1 === 1 ? 1 : n, k2 === 1 ? 1 : n], absolute)),
  };
}

test('a kernel that is orthogonal on the whole lattice is within 1e-3 of 1, and larger inputs with padding stay below', () => {
  // A product of orthogonal 1×1 factors and shifts of half of the channels: paraunitary by construction.
  const random = new Random(11);
  const c = 8;
  const q = Array.from({ length: 3 }, () => random.orthonormalRows(c, c));
  const kernel = new Map<string, number[]>();
  const times = (a: readonly number[], b: readonly number[]): number[] =>
    Array.from({ length: c * c }, (_, i) =>
      Array.from({ length: c }, (_, k) => a[Math.floor(i / c) * c + k]! * b[k * c + (i % c)]!).reduce(
        (s, v) => s + v,
        0,
      ),
    );
  const half = (keepFirst: boolean, m: readonly number[]): number[] =>
    m.map((v, i) => (Math.floor(i / c) < c / 2 === keepFirst ? v : 0));
  for (const a of [false, true]) {
    for (const b of [false, true])
      kernel.set(`${Number(b)},${Number(a)}`, times(q[2]!, half(b, times(q[1]!, half(a, q[0]!)))));
  }
  const weights = Array.from({ length: c * c * 4 }, (_, i) => kernel.get(`${(i >> 1) & 1},${i & 1}`)![i >> 2]!);
  assert.ok(lattice([c, c, 2, 2], weights).gram < 1.001);
  const { bound, sigma } = both({ dims: [c, 3, 3], kernel: [c, c, 2, 2], attributes: { pads: [1, 1, 1, 1] } }, weights);
  assert.ok(bound < 1.001 && bound >= sigma * (1 - 1e-12), `${bound}, ${sigma}`);
  // Stride 2 of an orthogonal space-to-depth convolution.
  const down = random.orthonormalRows(8, 8);
  assert.ok(lattice([8, 2, 2, 2], down, [2, 2]).gram < 1.001);
});

test('the bounds on the lattice hold for large images and shrink with the grid', () => {
  for (const seed of [1, 2, 3, 4]) {
    const random = new Random(seed);
    const weights = random.normals(2 * 2 * 3 * 2).map(Math.fround);
    const bounds = lattice([2, 2, 3, 2], weights);
    const n = 7;
    const { sigma } = both({ dims: [2, n, n], kernel: [2, 2, 3, 2], attributes: { pads: [2, 1, 2, 1] } }, weights);
    const grids = [4, 8, 16, 32, 128].map((points) => bounds.grid(points));
    for (const bound of [bounds.absolute, bounds.gram, ...grids]) assert.ok(bound >= sigma * (1 - 1e-12));
    // All bound the same supremum: none may lie below the best by more than the best's own looseness.
    for (const bound of grids) assert.ok(bound >= grids.at(-1)! / 1.001);
    assert.ok(grids[3]! <= grids[4]! * 1.01);
    assert.ok(sigma > grids[4]! * 0.8, 'the zero-padded image is not far below the lattice');
  }
});

test('the known supremum of a difference kernel: 2 for [1, −1], also where the grid misses it', () => {
  const bounds = lattice([1, 1, 1, 2], [1, -1]);
  assert.ok(bounds.gram >= 2 && bounds.gram < 2.0001);
  // [1, 2, 1]·e^{iω/3}-like phases: a maximum between the grid points, found through the remainder.
  const shifted = lattice([2, 1, 1, 3], [1, 0, -0.3, 0.2, 1, 0.5]);
  assert.ok(shifted.grid(4) >= shifted.grid(1024) / 1.0001);
});

test('the largest value at a frequency of which only one axis is negative is not missed', () => {
  // Ĝ = 4 + cos(ω₁ + ω₂) − cos 2ω₁ is 6 at ±(π/2, −π/2), and less than 5.2 where 0 ≤ ω₁, ω₂ ≤ π.
  const shifts = [
    { sigma: [0, 0] as const, matrix: Float64Array.of(4) },
    { sigma: [1, 1] as const, matrix: Float64Array.of(0.5) },
    { sigma: [2, 0] as const, matrix: Float64Array.of(-0.5) },
  ];
  const kernel = { size: 1, shifts, absolute: Float64Array.of(6), error: 0 };
  const bound = frequencyBound(kernel, [3, 2], [64, 64], 1);
  assert.ok(bound >= 6 && bound < 6.05, `${bound}`);
});

const ROW: ConvGeometry = {
  ...{ inputChannels: 1, outputChannels: 1, groups: 1, kernel: [1, 4], stride: [1, 1], dilation: [1, 1] },
  ...{ padBegin: [0, 0], input: [1, 4000], output: [1, 3997] },
};

/** Four taps with this many zeros between them. */
function spread(
  taps: readonly number[],
  zeros: number,
): { readonly weights: Float32Array; readonly shape: ConvGeometry } {
  const weights = Float32Array.from({ length: 3 * (zeros + 1) + 1 }, (_, i) =>
    i % (zeros + 1) === 0 ? taps[i / (zeros + 1)]! : 0,
  );
  return { weights, shape: { ...ROW, kernel: [1, weights.length], output: [1, 4001 - weights.length] } };
}

function gramOf(weights: Float32Array, shape: ConvGeometry) {
  const taps = tapsOfGroup(weights, shape, 0);
  const absolute = absoluteNormUpper(absoluteSum(taps));
  return { absolute, extent: taps.extent, cost: gramKernelCost(taps), kernel: gramKernel(taps, absolute) };
}

test('a kernel too long for cells is bounded on a grid, whose work is counted', () => {
  // |1 + z + z² − z³|² = 4 + 2cos θ − 2cos 3θ is at most 4 + 16/√27.
  const { weights, shape } = spread([1, 1, 1, -1], 48);
  const site = siteOf('Conv', walkOf([]));
  const { norm, absolute } = convNorms(site, weights, shape);
  const known = Math.sqrt(4 + 16 / Math.sqrt(27));
  assert.ok(norm >= known && norm < 1.01 * known, `${norm} for ${known}`);
  const own = gramOf(weights, shape);
  const { grid, cost } = chooseGrid(own.extent, 1, 1.2e9)!;
  assert.equal(norm, sqrtUp(frequencyBound(own.kernel, own.extent, grid, absolute)));
  assert.equal(site.walk.work, own.cost + cost);
  // Where the magnitudes say more, they are taken: the largest |1 + z + z² + z³| is 4.
  const positive = spread([1, 1, 1, 1], 48);
  assert.ok(convNorms(siteOf('Conv', walkOf([])), positive.weights, positive.shape, true).norm < 4 + 1e-12);
});

test('work: a quarter of what is left goes to cells, a half to a grid, and each group has its part of a layer’s', () => {
  const weights = Float32Array.of(1, 1, 1, -1);
  const { kernel, extent, absolute, cost } = gramOf(weights, ROW);
  const needed = cellsBound(kernel, extent, absolute, 1e9).work;
  const check = (left: number, groups: number, found: 'cells' | 'grid' | 'nothing'): void => {
    const site = siteOf('Conv', walkOf([]));
    site.spend(MAX_WORK - left - cost);
    const padded = new Float32Array(weights.length * groups);
    padded.set(weights);
    const { norm } = convNorms(site, padded, { ...ROW, groups, inputChannels: groups, outputChannels: groups });
    const cells = cellsBound(kernel, extent, absolute, Math.min(left / 4, 3e9 / groups));
    const grid = chooseGrid(extent, 1, Math.min((left - cells.work) / 2, 1.2e9 / groups));
    const usesGrid = cells.bound === Number.POSITIVE_INFINITY && grid !== null;
    assert.equal(Number.isFinite(cells.bound) ? 'cells' : usesGrid ? 'grid' : 'nothing', found);
    assert.equal(Math.round(left - site.workLeft), Math.round(cells.work + (usesGrid ? grid.cost : 0)));
    const square = usesGrid ? frequencyBound(kernel, extent, grid.grid, absolute) : cells.bound;
    assert.equal(norm, Math.min(sqrtUp(gramKernelBound(kernel)), sqrtUp(square)));
  };
  check(8 * needed, 1, 'cells');
  check(3 * needed, 1, 'grid');
  check(needed / 5, 1, 'nothing');
  check(MAX_WORK / 2, 10, 'cells');
  check(MAX_WORK / 2, Math.ceil(3e9 / (0.9 * needed)), 'grid');
  check(MAX_WORK / 2, Math.ceil(3e9 / (0.2 * needed)), 'nothing');
});

test('a constant that is used twice is bounded once', () => {
  const site = siteOf('Conv', walkOf([]));
  const weights = Float32Array.of(1, 1, 1, -1);
  const first = convNorms(site, weights, ROW);
  const { work } = site.walk;
  assert.ok(work > 0, 'no work');
  assert.deepEqual(convNorms(site, weights, ROW), first);
  assert.equal(site.walk.work, work);
});

test('a circular padding has the norm of the lattice, though the padded image is small', () => {
  const shape: ConvGeometry = { ...ROW, kernel: [1, 2], padBegin: [0, 1], input: [1, 4], output: [1, 5] };
  const normOf = (wraps: boolean) => convNorms(siteOf('Conv', walkOf([])), Float32Array.of(1, -1), shape, wraps).norm;
  assert.ok(normOf(true) >= 2);
  // 2·cos(π/10), the largest singular value of a difference of 4 pixels between zeros.
  assert.ok(normOf(false) < 1.91);
});

test('of the bounds on the lattice and of the whole matrix the smaller one is taken', () => {
  const difference = (n: number): number => {
    const shape: ConvGeometry = { ...ROW, kernel: [1, 2], padBegin: [0, 1], input: [1, n], output: [1, n + 1] };
    return convNorms(siteOf('Conv', walkOf([])), Float32Array.of(1, -1), shape).norm;
  };
  // 2·cos(π/2(n + 1)) of the whole, which row sums alone prove to be about 2 where n is large; 2 on the lattice.
  assert.ok(difference(9) < 2 * Math.cos(Math.PI / 20) * (1 + 2 ** -12));
  assert.ok(difference(80) >= 2 * Math.cos(Math.PI / 162) && difference(80) < 2 + 1e-14);
});

test('convolutions with as many channels as a real encoder stay within the time', () => {
  const random = new Random(9);
  const builder = new GraphBuilder(['N', 3, 64, 64]);
  let [name, channels] = ['image', 3];
  for (const outputs of [32, 64, 64, 128]) {
    const weights = builder.floats([outputs, channels, 3, 3], random.normals(outputs * channels * 9, 0.05));
    name = builder.node('Conv', [name, weights, builder.floats([outputs], random.normals(outputs))], {
      strides: [2, 2],
      pads: [1, 1, 1, 1],
    });
    name = builder.groupSort(name);
    channels = outputs;
  }
  const latent = builder.node('Flatten', [name]);
  assert.ok(cpuSeconds(() => boundEncoder(builder.graph(latent), { input: 'image', latent, rules: allRules })) < 20);
});
