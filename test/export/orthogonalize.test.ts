/** Newton–Schulz against what defines the nearest orthogonal matrix: R = polar(Q) when RᵀQ is symmetric and positive. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../src/certify-runtime/smoothing/random.ts';
import { orthogonalityDefect, orthogonalize } from '../../src/network/orthogonalize.ts';
import { distance, identity, multiply, norm, rowsOf, subtract, transpose } from '../support/numbers/matrix.ts';

/** Orthonormal columns by Gram–Schmidt, done twice, plus noise of the given size. */
function nearlyOrthogonal(rows: number, columns: number, noise: number, seed: number): number[] {
  const random = createRandom(seed);
  const tall = rows >= columns;
  const [n, m] = tall ? [rows, columns] : [columns, rows];
  const basis: number[][] = [];
  for (let k = 0; k < m; k++) {
    let vector = Array.from({ length: n }, () => random.normal());
    for (let pass = 0; pass < 2; pass++) {
      for (const other of basis) {
        const along = vector.reduce((sum, x, i) => sum + x * other[i]!, 0);
        vector = vector.map((x, i) => x - along * other[i]!);
      }
    }
    const length = Math.hypot(...vector);
    basis.push(vector.map((x) => x / length));
  }
  const q = tall ? transpose(basis) : basis;
  return q.flat().map((x) => x + noise * (2 * random.uniform() - 1));
}

const SIZES = [
  [1, 1],
  [4, 1],
  [1, 4],
  [7, 7],
  [30, 8],
  [8, 30],
  [300, 40],
] as const;

for (const [rows, columns] of SIZES) {
  test(`${rows}×${columns}: orthogonal to float64's precision, and the nearest such matrix`, () => {
    const size = Math.min(rows, columns);
    const noise = 1e-4 / size;
    const q = nearlyOrthogonal(rows, columns, noise, 10 * rows + columns);
    const r = orthogonalize(q, rows, columns);
    assert.equal(r.length, q.length);
    const R = rowsOf(r, columns);
    const Q = rowsOf(q, columns);
    const gram = (a: number[][], b: number[][]) =>
      rows >= columns ? multiply(transpose(a), b) : multiply(a, transpose(b));
    const off = distance(gram(R, R), identity(size));
    assert.ok(off < 1e-13, `RᵀR − I: ${off}`);
    assert.ok(Math.abs(orthogonalityDefect(r, rows, columns) - off) < 1e-15);
    assert.ok(orthogonalityDefect(q, rows, columns) > noise / 100, 'nothing was to be done');
    // Q = R·H with H symmetric and near I, hence positive: the polar decomposition is unique (Higham 2008, th. 8.1).
    const h = gram(R, Q);
    assert.ok(distance(h, transpose(h)) < 1e-13, `RᵀQ is not symmetric: ${distance(h, transpose(h))}`);
    assert.ok(distance(h, identity(size)) < 0.1);
    // Nearer to Q than the matrix that Q was made from, and hence not further than its noise.
    assert.ok(norm(subtract(R, Q)) <= noise * Math.sqrt(rows * columns));
  });
}

test('known defects', () => {
  assert.equal(orthogonalityDefect([1, 0, 0, 1], 2, 2), 0);
  assert.equal(orthogonalityDefect([1, 0.5, 0, 1], 2, 2), 0.5);
  assert.equal(orthogonalityDefect([3, 4], 1, 2), 24);
  assert.equal(orthogonalityDefect([3, 4], 2, 1), 24);
  const scaled = [1 + 4e-4, 0, 0, 1 - 4e-4];
  assert.ok(distance([[...orthogonalize(scaled, 2, 2)]], [[1, 0, 0, 1]]) < 1e-15);
});

test('a matrix that no Cayley transform gave is refused', () => {
  for (const [q, defect] of [
    [[1.001, 0, 0, 1], /off orthogonal by 0\.002/],
    [[0, 0, 0, 0], /off orthogonal by 1/],
    [[1, 0, 0, Number.NaN], /off orthogonal by NaN/],
  ] as const) {
    assert.throws(
      () => orthogonalize(q, 2, 2),
      (error) => error instanceof RangeError && defect.test(error.message) && /2×2/.test(error.message),
    );
  }
});
