/** Circular convolutions as dense matrices in float64, and their Cayley transform as the paper has it, on the whole matrix. */
import { add, identity, invert, multiply, type Rows, subtract, transpose } from '../numbers/matrix.ts';

interface Sizes {
  readonly height: number;
  readonly width: number;
  readonly kernel: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** x ↦ x·M, M the circular convolution with taps [k, k, inputs, outputs], centred at (⌊k/2⌋, ⌊k/2⌋). */
export function circularMatrix({ height, width, kernel, inputs, outputs }: Sizes, taps: ArrayLike<number>): number[][] {
  const matrix = Array.from({ length: height * width * inputs }, () => new Array(height * width * outputs).fill(0));
  const centre = Math.floor(kernel / 2);
  const wrap = (i: number, n: number) => ((i % n) + n) % n;
  for (let r = 0; r < height; r++) {
    for (let c = 0; c < width; c++) {
      for (let a = 0; a < kernel; a++) {
        for (let b = 0; b < kernel; b++) {
          // y[r + a − centre, c + b − centre] += x[r, c]·K[a, b]
          const to = wrap(r + a - centre, height) * width + wrap(c + b - centre, width);
          for (let i = 0; i < inputs; i++) {
            for (let o = 0; o < outputs; o++) {
              matrix[(r * width + c) * inputs + i]![to * outputs + o] +=
                taps[((a * kernel + b) * inputs + i) * outputs + o]!;
            }
          }
        }
      }
    }
  }
  return matrix;
}

/** Rows of channels `from` to `to` of `channels`, for every place. */
const channelRows = (rows: Rows, channels: number, from: number, to: number) =>
  rows.filter((_, i) => i % channels >= from && i % channels < to);

/**
 * Q = [(I+A)⁻¹(I−A); −2V(I+A)⁻¹], A = U − Uᵀ + VᵀV, on the matrices of the whole convolutions: no Fourier transform, one
 * large inverse. `taps` are [k, k, n, m], n the larger number of channels; where inputs < outputs the result is transposed.
 */
export function cayleyConvolutionMatrix(sizes: Sizes, taps: ArrayLike<number>): number[][] {
  const [n, m] = [Math.max(sizes.inputs, sizes.outputs), Math.min(sizes.inputs, sizes.outputs)];
  const whole = circularMatrix({ ...sizes, inputs: n, outputs: m }, taps);
  const u = channelRows(whole, n, 0, m);
  const v = channelRows(whole, n, m, n);
  const skew = subtract(u, transpose(u));
  const a = v.length === 0 ? skew : add(skew, multiply(transpose(v), v));
  const one = identity(a.length);
  const inverse = invert(add(one, a));
  const top = multiply(inverse, subtract(one, a));
  const bottom = v.length === 0 ? [] : multiply(v, inverse).map((row) => row.map((x) => -2 * x));
  const q = whole.map((_, i) => {
    const [place, channel] = [Math.floor(i / n), i % n];
    return channel < m ? top[place * m + channel]! : bottom[place * (n - m) + channel - m]!;
  });
  return sizes.inputs < sizes.outputs ? transpose(q) : q;
}
