/** Float32 neighbours and distances rounded upwards, which an attack around a radius relies on. */

const word = new Int32Array(1);
const single = new Float32Array(word.buffer);

/** The next float32 above (direction 1) or below (−1) x; subnormals included. */
export function neighbour(x: number, direction: 1 | -1): number {
  single[0] = x;
  if (single[0] === 0) {
    word[0] = 1;
    return direction * single[0];
  }
  word[0]! += x > 0 === direction > 0 ? 1 : -1;
  return single[0];
}

/**
 * An upper bound of ‖a − b‖₂ for float32 vectors of n pixels, too large by at most n·2⁻⁵¹ of it: a difference is off by
 * 2⁻⁵³ of itself, and the sum of n squares by γ_{n+1} of float64 (Higham 2002, section 3.1).
 */
export function distanceUp(a: Float32Array, b: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = a[i]! - b[i]!;
    squares += difference * difference;
  }
  // Differences of float32 are multiples of 2⁻¹⁴⁹, so no square but 0 is below 2⁻²⁹⁸: nothing underflows in float64.
  const upper = Math.sqrt(squares * (1 + (a.length + 8) * 2 ** -52));
  return upper * (1 + 2 ** -51);
}
