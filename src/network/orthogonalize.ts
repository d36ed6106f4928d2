/** Makes matrices orthogonal to float64 precision; the float32 Cayley transform is off by about 1e-6. */

/** The smaller Gram matrix: QᵀQ for a tall Q, QQᵀ for a wide one. */
function smallGram(q: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const tall = rows >= columns;
  const size = tall ? columns : rows;
  const gram = new Float64Array(size * size);
  if (tall) {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        const value = q[r * columns + c]!;
        for (let j = c; j < columns; j++) gram[c * size + j]! += value * q[r * columns + j]!;
      }
    }
  } else {
    for (let r = 0; r < rows; r++) {
      for (let i = r; i < rows; i++) {
        let dot = 0;
        for (let c = 0; c < columns; c++) dot += q[r * columns + c]! * q[i * columns + c]!;
        gram[r * size + i] = dot;
      }
    }
  }
  for (let r = 0; r < size; r++) for (let c = 0; c < r; c++) gram[r * size + c] = gram[c * size + r]!;
  return gram;
}

/** The largest entry of |G − I|, G [size, size]. */
function defectOf(gram: Float64Array, size: number): number {
  return gram.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (i % (size + 1) === 0 ? 1 : 0))), 0);
}

/** The largest entry of |QᵀQ − I| over the smaller side of Q [rows, columns], row-major. */
export function orthogonalityDefect(q: ArrayLike<number>, rows: number, columns: number): number {
  return defectOf(smallGram(q, rows, columns), Math.min(rows, columns));
}

/** Above this defect, the matrix did not come from a Cayley transform. */
const LARGEST_DEFECT = 1e-3;
/** Below this defect, one more step is the last: it squares the defect, which is then below float64's precision. */
const LAST_DEFECT = 1e-9;

/**
 * The nearest orthogonal (semi-orthogonal) matrix, by Newton–Schulz: Q ← Q(3I − QᵀQ)/2, in float64. Converges
 * quadratically: 1e-3, 1e-6, 1e-12, float64's precision. Higham, Functions of Matrices (2008), section 8.3.
 *
 * @throws RangeError if Q is not orthogonal to 1e-3 to begin with
 */
export function orthogonalize(q: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const tall = rows >= columns;
  const size = Math.min(rows, columns);
  let current = Float64Array.from(q);
  for (;;) {
    const gram = smallGram(current, rows, columns);
    const defect = defectOf(gram, size);
    if (!(defect <= LARGEST_DEFECT)) {
      throw new RangeError(
        `a ${rows}×${columns} matrix is off orthogonal by ${defect}, expected at most ${LARGEST_DEFECT}`,
      );
    }
    const factor = gram.map((value, i) => (i % (size + 1) === 0 ? 1.5 : 0) - value / 2);
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
    if (defect < LAST_DEFECT) return current;
  }
}
