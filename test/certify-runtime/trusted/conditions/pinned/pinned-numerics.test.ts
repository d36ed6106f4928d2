/** The numbers behind the norms, to the last bit: see pinned.test.ts. */

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
  largestEigenvalueUpper,
  startVector,
} from '../../../../../src/certify-runtime/trusted/bounds/symmetric.ts';
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
