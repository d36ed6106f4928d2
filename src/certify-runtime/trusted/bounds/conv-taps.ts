/** A convolution kernel as matrices, one for each shift of the lattice; strides become input channels (polyphase). */

import type { Matrix } from './matrix-norm.ts';
import type { Floats } from './precision.ts';

/** Spatial description of a 2-D convolution; a 1-D one has height 1. */
export interface ConvGeometry {
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly groups: number;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly padBegin: readonly [number, number];
  readonly input: readonly [number, number];
  readonly output: readonly [number, number];
}

/** y[p] = Σ_τ A_τ·x[p + τ] on the lattice Z², τ in [0, a₁) × [0, a₂). A_τ is rows × cols, listed row-major in τ. */
export interface Taps {
  readonly extent: readonly [number, number];
  readonly rows: number;
  readonly cols: number;
  readonly matrices: readonly Float64Array[];
}

/** Where tap t of a kernel axis goes: the shift of the coarse lattice, and the phase within its cell (Lemma 7). */
function polyphase(
  size: number,
  stride: number,
  dilation: number,
): { shift: number[]; phase: number[]; phases: number; extent: number } {
  // With stride 1 the dilated kernel is the plain one on sublattices, so it has the same norm.
  const step = stride === 1 ? 1 : dilation;
  const positions = Array.from({ length: size }, (_, t) => t * step);
  const used = [...new Set(positions.map((q) => q % stride))];
  const shift = positions.map((q) => Math.floor(q / stride));
  return {
    shift,
    phase: positions.map((q) => used.indexOf(q % stride)),
    phases: used.length,
    extent: shift.at(-1)! + 1,
  };
}

/** The rows, cols and two extents that `tapsOfGroup` will give. */
export function tapsSize({
  outputChannels,
  inputChannels,
  groups,
  kernel,
  stride,
  dilation,
}: ConvGeometry): [number, number, number, number] {
  const y = polyphase(kernel[0], stride[0], dilation[0]);
  const x = polyphase(kernel[1], stride[1], dilation[1]);
  return [outputChannels / groups, (inputChannels / groups) * y.phases * x.phases, y.extent, x.extent];
}

/** The taps of one group: weights [out, in/groups, k₁, k₂] as polyphase matrices out/groups × (in/groups · phases). */
export function tapsOfGroup(weights: Floats, geometry: ConvGeometry, group: number): Taps {
  const rows = geometry.outputChannels / geometry.groups;
  const channels = geometry.inputChannels / geometry.groups;
  const [k1, k2] = geometry.kernel;
  const y = polyphase(k1, geometry.stride[0], geometry.dilation[0]);
  const x = polyphase(k2, geometry.stride[1], geometry.dilation[1]);
  const cols = channels * y.phases * x.phases;
  const matrices = Array.from({ length: y.extent * x.extent }, () => new Float64Array(rows * cols));
  let source = group * rows * channels * k1 * k2;
  for (let row = 0; row < rows; row++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let t1 = 0; t1 < k1; t1++) {
        for (let t2 = 0; t2 < k2; t2++) {
          const matrix = matrices[y.shift[t1]! * x.extent + x.shift[t2]!]!;
          const col = (channel * y.phases + y.phase[t1]!) * x.phases + x.phase[t2]!;
          matrix[row * cols + col] = weights[source++]!;
        }
      }
    }
  }
  return { extent: [y.extent, x.extent], rows, cols, matrices };
}

/** The adjoint convolution, which has the same norm: A_τ becomes its transpose at the mirrored shift. */
export function adjointTaps(taps: Taps): Taps {
  const { rows, cols } = taps;
  const matrices = taps.matrices.map((a) => {
    const flipped = new Float64Array(a.length);
    for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) flipped[j * rows + i] = a[i * cols + j]!;
    return flipped;
  });
  return { extent: taps.extent, rows: cols, cols: rows, matrices: matrices.reverse() };
}

/** The numbers of rows and columns of the matrix of the whole (zero-padded) convolution of one group. */
export function denseSize(geometry: ConvGeometry): { rows: number; cols: number } {
  const { groups, inputChannels, outputChannels, input, output } = geometry;
  return {
    rows: (outputChannels / groups) * output[0] * output[1],
    cols: (inputChannels / groups) * input[0] * input[1],
  };
}

/** The matrix of the whole (zero-padded) convolution of one group, with a row for every output pixel. */
export function denseMatrix(weights: Floats, geometry: ConvGeometry, group: number): Matrix {
  const { rows, cols } = denseSize(geometry);
  const values = new Float64Array(rows * cols);
  const { input, output, kernel, stride, dilation, padBegin } = geometry;
  const outputs = geometry.outputChannels / geometry.groups;
  const channels = geometry.inputChannels / geometry.groups;
  const taps = kernel[0] * kernel[1];
  let row = 0;
  for (let out = 0; out < outputs; out++) {
    for (let p1 = 0; p1 < output[0]; p1++) {
      for (let p2 = 0; p2 < output[1]; p2++, row++) {
        for (let t = 0; t < taps; t++) {
          const q1 = p1 * stride[0] + Math.floor(t / kernel[1]) * dilation[0] - padBegin[0];
          const q2 = p2 * stride[1] + (t % kernel[1]) * dilation[1] - padBegin[1];
          if (q1 < 0 || q2 < 0 || q1 >= input[0] || q2 >= input[1]) continue;
          for (let channel = 0; channel < channels; channel++) {
            const weight = weights[((group * outputs + out) * channels + channel) * taps + t]!;
            values[row * cols + (channel * input[0] + q1) * input[1] + q2] = weight;
          }
        }
      }
    }
  }
  return { rows, cols, values };
}
