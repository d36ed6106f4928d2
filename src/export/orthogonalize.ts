/** Orthogonal matrices to float64 precision: what the Cayley transform gives in float32 is off by about 1e-6. */

/** The largest entry of |QᵀQ − I| over the smaller side of Q [rows, columns], row-major. */
export function orthogonalityDefect(q: ArrayLike<number>, rows: number, columns: number): number {
  const gram = smallGram(q, rows, columns);
  const size = Math.min(rows, columns);
  return gram.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (i % (size + 1) === 0 ? 1 : 0))), 0);
}

/** QᵀQ for a tall Q, QQᵀ for a wide one. */
function smallGram(q: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const tall = rows >= columns;
  const size = tall ? columns : rows;
  const gram = new Float64Array(size * size);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const value = q[r * columns + c]!;
      if (tall) for (let j = 0; j < columns; j++) gram[c * size + j]! += value * q[r * columns + j]!;
      else for (let i = 0; i < rows; i++) gram[r * size + i]! += value * q[i * columns + c]!;
    }
  }
  return gram;
}

// Newton–Schulz converges quadratically: 1e-3, 1e-6, 1e-12, float64's precision.
const ITERATIONS = 4;
/** Above this the matrix is not what a Cayley transform gives. */
const LARGEST_DEFECT = 1e-3;

/**
 * The nearest orthogonal (semi-orthogonal) matrix, by Newton–Schulz: Q ← Q(3I − QᵀQ)/2, in float64.
 * Higham, Functions of Matrices (2008), section 8.3.
 *
 * @throws RangeError where Q is not orthogonal to 1e-3 to begin with
 */
export function orthogonalize(q: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const defect = orthogonalityDefect(q, rows, columns);
  if (!(defect <= LARGEST_DEFECT)) {
    throw new RangeError(
      `a ${rows}×${columns} matrix is off orthogonal by ${defect}, expected at most ${LARGEST_DEFECT}`,
    );
  }
  const tall = rows >= columns;
  let current = Float64Array.from(q);
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const size = Math.min(rows, columns);
    const factor = smallGram(current, rows, columns).map((value, i) => (i % (size + 1) === 0 ? 1.5 : 0) - value / 2);
    const next = new Float64Array(current.length);
    for (let r = 0; r < rows; r++) {
      for (let k = 0; k < size; k++) {
        // Tall: Q·F, row r. Wide: F·Q, row r.
        const scale = tall ? current[r * columns + k]! : factor[r * size + k]!;
        const source = tall ? factor : current;
        for (let c = 0; c < columns; c++) next[r * columns + c]! += scale * source[k * columns + c]!;
      }
    }
    current = next;
  }
  return current;
}
