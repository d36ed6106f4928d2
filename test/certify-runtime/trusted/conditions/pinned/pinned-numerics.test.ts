/** The numbers behind the norms, to the last bit: see pinned.test.ts. */

import { cellsBound } from '../../../../../src/certify-runtime/trusted/bounds/conv-cells.ts';
import { chooseGrid, frequencyBound } from '../../../../../src/certify-runtime/trusted/bounds/conv-frequency.ts';
import {
  absoluteSum,
  gramKernel,
  gramKernelBound,
  gramKernelCost,
} from '../../../../../src/certify-runtime/trusted/bounds/conv-gram.ts';
import {
  absoluteNormUpper,
  columnNormUpper,
  normsCost,
  spectralNormUpper,
  vectorSumUpper,
} from '../../../../../src/certify-runtime/trusted/bounds/matrix-norm.ts';
import {
  gershgorin,
  gram,
  isAtMost,
  largestEigenvalueUpper,
  startVector,
} from '../../../../../src/certify-runtime/trusted/bounds/symmetric.ts';
import { Random } from '../../../../support/numbers/random.ts';
import { awkward } from '../graphs.ts';
import { digest, numbersIn, pinsIn } from './pinned.ts';

const pinnedTest = pinsIn(new URL('pinned-numerics.json', import.meta.url));

pinnedTest('matrices', () => {
  const lines: Record<string, string> = {};
  for (const [rows, cols] of [
    [1, 1],
    [1, 5],
    [5, 1],
    [3, 3],
    [4, 7],
    [7, 4],
    [12, 12],
    [20, 3],
  ] as const) {
    for (const scale of [1, 1e-300, 1e30]) {
      const matrix = { rows, cols, values: Float64Array.from(awkward(rows * cols, rows + cols, scale)) };
      const known = [spectralNormUpper(matrix), absoluteNormUpper(matrix), columnNormUpper(matrix)];
      const sums = vectorSumUpper(matrix.values);
      lines[`${rows}×${cols}, ${scale}`] =
        `${known.map((v) => v.toPrecision(4)).join(' ')} #${digest([...known, sums, normsCost(rows, cols)])}`;
    }
  }
  return lines;
});

pinnedTest('largest eigenvalues', () => {
  const lines: Record<string, string> = {};
  for (const n of [1, 2, 3, 5, 8]) {
    const g = gram(Float64Array.from(awkward(n * (n + 1), n)), n, n + 1);
    const shifted = g.map((value, i) => (i % (n + 1) === 0 ? value - 1 : value));
    const all = [g, shifted, g.map((v) => v * 1e200), g.map((v) => v * 1e-200)].flatMap((matrix) => {
      const start = startVector(n);
      return [
        largestEigenvalueUpper(matrix, n),
        largestEigenvalueUpper(matrix, n, { start, iterations: 3 }),
        ...start,
        largestEigenvalueUpper(matrix, n, { start: Float64Array.from(awkward(n, 3)), iterations: 1 }),
        ...[0.1, 0.9, 0.97, 1, 1.02, 1.3].map((part) =>
          largestEigenvalueUpper(matrix, n, { atLeast: part * largestEigenvalueUpper(matrix, n) }),
        ),
        gershgorin(matrix, n),
      ];
    });
    lines[`${n}`] = `${all[0]!.toPrecision(6)} #${digest(all)}`;
  }
  return lines;
});

pinnedTest('parts of convolutions', () => {
  const lines: Record<string, string> = {};
  for (const extent of [
    [1, 1],
    [1, 2],
    [3, 1],
    [2, 3],
    [3, 3],
  ] as const) {
    for (const [rows, cols] of [
      [1, 2],
      [2, 2],
      [3, 4],
    ] as const) {
      const matrices = Array.from({ length: extent[0] * extent[1] }, (_, i) =>
        Float64Array.from(awkward(rows * cols, i + 40)),
      );
      const taps = { extent, rows, cols, matrices };
      const own = absoluteNormUpper(absoluteSum(taps));
      // A large norm makes the error terms large, that each of them can be seen.
      const all = [0, own, 1e4, 3.3e7, 1e9].flatMap((norm) => {
        const kernel = gramKernel(taps, norm);
        const grids = [4, 8].map((n) => [extent[0] === 1 ? 1 : n, extent[1] === 1 ? 1 : n] as const);
        const bounds = grids.map((grid) => frequencyBound(kernel, extent, grid, norm));
        const bare = frequencyBound({ ...kernel, error: 0 }, extent, grids[0]!, norm);
        return [kernel.error, gramKernelBound(kernel), gramKernelBound({ ...kernel, error: 0 }), ...bounds, bare];
      });
      const grid = chooseGrid(extent, rows, 1e12);
      const rest = [gramKernelCost(taps), ...numbersIn(grid), ...absoluteSum(taps).values];
      lines[`${extent}, ${rows}×${cols}`] = `${all[6]!.toPrecision(5)} #${digest([...all, ...rest])}`;
    }
  }
  return lines;
});

/** The smallest float64 between two that is accepted, where the second one is, and all above it. */
function smallest(low: number, high: number, isAccepted: (tau: number) => boolean): number {
  const value = new Float64Array(1);
  const bits = new BigInt64Array(value.buffer);
  const bitsOf = (x: number): bigint => new BigInt64Array(Float64Array.of(x).buffer)[0]!;
  let [below, above] = [bitsOf(low), bitsOf(high)];
  while (above - below > 1n) {
    const middle = (below + above) / 2n;
    bits[0] = middle;
    if (isAccepted(value[0]!)) above = middle;
    else below = middle;
  }
  bits[0] = above;
  return value[0]!;
}

pinnedTest('smallest shifts', () => {
  const lines: Record<string, string> = {};
  for (const n of [1, 2, 3, 5]) {
    const g = gram(Float64Array.from(awkward(n * (n + 1), n + 60)), n, n + 1);
    const one = Float64Array.from(g, (_, i) => (i % (n + 1) === 0 ? 1 : 0));
    const matrices: Record<string, readonly [scale: number, matrix: Float64Array]> = {
      'about 1': [1, g],
      'a large diagonal': [1, g.map((v, i) => v - (i > 0 ? 1e4 * one[i]! : 0))],
      negative: [1, one.map((v) => -v)],
      'as small as an underflow': [2 ** -1000, g.map((v, i) => 2 ** -1000 * (v / 8 - 8 * one[i]!))],
    };
    const factor = new Float64Array(n * n);
    for (const [name, [scale, matrix]] of Object.entries(matrices)) {
      const found = smallest(scale * 1e-30, scale * 1e6, (tau) => isAtMost(matrix, n, tau, factor));
      lines[`${n}, ${name}`] = `${found.toPrecision(6)} #${digest([found])}`;
    }
  }
  return lines;
});

/** c × c matrices A₀ and A₁ for which Ĝ(ω) is the identity but for roundings, whatever ω is. */
function orthogonal(c: number, seed: number): Float64Array[] {
  const [p, q] = [new Random(seed + 100).orthonormalRows(c, c), new Random(seed).orthonormalRows(c, c)];
  return [0, 1].map((half) =>
    Float64Array.from({ length: c * c }, (_, e) => {
      const [i, j] = [Math.floor(e / c), e % c];
      let sum = 0;
      for (let k = half; k < (half === 0 ? 1 : c); k++) sum += p[i * c + k]! * q[k * c + j]!;
      return sum;
    }),
  );
}

pinnedTest('cells', () => {
  const lines: Record<string, string> = {};
  const line = (name: string, taps: Parameters<typeof gramKernel>[0]): void => {
    const all = [0, 1, 1e4].flatMap((norm) => numbersIn(cellsBound(gramKernel(taps, norm), taps.extent, norm, 1e8)));
    lines[name] = `${all[0]!.toPrecision(6)} #${digest(all)}`;
  };
  for (const extent of [
    [1, 2],
    [3, 1],
    [2, 2],
    [2, 3],
  ] as const) {
    const matrices = Array.from({ length: extent[0] * extent[1] }, (_, i) => Float64Array.from(awkward(6, i + 70)));
    line(`${extent}`, { extent, rows: 2, cols: 3, matrices });
  }
  // Of these, roundings alone decide which frequency is the best.
  for (const seed of [10, 11])
    line(`orthogonal, ${seed}`, { extent: [1, 2], rows: 4, cols: 4, matrices: orthogonal(4, seed) });
  return lines;
});

pinnedTest('grids, the largest value on the last line', () => {
  // Every frequency (π, ω) is looked at once, and not −ω, at which a bound that is already proven would grow.
  const bounds = [1, 2, 3].flatMap((seed) => {
    const [a, b, c] = [0, 1, 2].map((i) => Float64Array.from(awkward(6, 10 * seed + i))) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const matrices = [a, b, c, a.map((v) => -v), b.map((v) => -v), c.map((v) => -v)];
    const kernel = gramKernel({ extent: [2, 3], rows: 2, cols: 3, matrices }, 3);
    return [4, 8, 16].map((n) => frequencyBound(kernel, [2, 3], [n, n], 3));
  });
  return { all: `${bounds[0]!.toPrecision(6)} #${digest(bounds)}` };
});
