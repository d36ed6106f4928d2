/** Singular values by one-sided Jacobi rotations (Hestenes): the tests' oracle for ‖W‖₂, nothing like the Gram bound. */

/** All singular values of a rows × cols matrix (row-major), largest first. */
export function singularValues(values: ArrayLike<number>, rows: number, cols: number): number[] {
  // Columns of the taller orientation are made orthogonal to each other, pair by pair.
  const tall = rows >= cols;
  const [length, count] = tall ? [rows, cols] : [cols, rows];
  const columns = Array.from({ length: count }, (_, j) =>
    Float64Array.from({ length }, (_, i) => (tall ? values[i * cols + j]! : values[j * cols + i]!)),
  );
  for (let sweep = 0; sweep < 60; sweep++) {
    let rotated = false;
    for (let p = 0; p < count; p++) {
      for (let q = p + 1; q < count; q++) rotated = rotate(columns[p]!, columns[q]!) || rotated;
    }
    if (!rotated) break;
  }
  return columns.map((column) => Math.sqrt(column.reduce((s, v) => s + v * v, 0))).sort((a, b) => b - a);
}

/** Makes two columns orthogonal; false where they already are. */
function rotate(a: Float64Array, b: Float64Array): boolean {
  let [alpha, beta, gamma] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    alpha += a[i]! * a[i]!;
    beta += b[i]! * b[i]!;
    gamma += a[i]! * b[i]!;
  }
  if (Math.abs(gamma) <= 1e-15 * Math.sqrt(alpha * beta) || gamma === 0) return false;
  const zeta = (beta - alpha) / (2 * gamma);
  const t = Math.sign(zeta || 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
  const c = 1 / Math.sqrt(1 + t * t);
  const s = c * t;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]!, b[i]!];
    a[i] = c * x - s * y;
    b[i] = s * x + c * y;
  }
  return true;
}

/** σ_max. */
export function largestSingularValue(values: ArrayLike<number>, rows: number, cols: number): number {
  return singularValues(values, rows, cols)[0] ?? 0;
}
