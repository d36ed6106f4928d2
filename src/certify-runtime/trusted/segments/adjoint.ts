/** The adjoint of a form, and its columns. Lemma 21. */

import { transpose } from '../bounds/matrix-norm.ts';
import type { Blocks, Kernel } from './form.ts';

/** The adjoint; null for a Conv that changes the size of the image, or has strides, dilations or groups. */
export function adjoint(form: Blocks | Kernel): Blocks | Kernel | null {
  if (form.kind === 'blocks') return { ...form, matrices: form.matrices.map(transpose) };
  const { geometry: g, weights } = form;
  if (!isPlain(form)) return null;
  const taps = g.kernel[0] * g.kernel[1];
  const turned = new Float64Array(weights.length);
  for (let out = 0; out < g.outputChannels; out++) {
    for (let i = 0; i < g.inputChannels; i++) {
      // Mirrored on both axes, tap t is tap taps − 1 − t.
      for (let t = 0; t < taps; t++)
        turned[(i * g.outputChannels + out) * taps + taps - 1 - t] = weights[(out * g.inputChannels + i) * taps + t]!;
    }
  }
  const padBegin: [number, number] = [g.kernel[0] - 1 - g.padBegin[0], g.kernel[1] - 1 - g.padBegin[1]];
  const geometry = { ...g, inputChannels: g.outputChannels, outputChannels: g.inputChannels, padBegin };
  return { ...form, weights: turned, geometry };
}

function isPlain({ geometry: g }: Kernel): boolean {
  const axes = [0, 1] as const;
  const same = axes.every((x) => g.stride[x] === 1 && g.dilation[x] === 1 && g.input[x] === g.output[x]);
  return same && g.groups === 1 && axes.every((x) => g.padBegin[x] < g.kernel[x]);
}

/** What multiplies one channel of the input, for each of them. */
interface Columns {
  readonly count: number;
  readonly length: number;
  /** Entry k of column h. */
  readonly at: (h: number, k: number) => number;
  /** The column of element e of the input. */
  readonly columnOf: (e: number) => number;
}

export function columns(form: Blocks | Kernel): Columns | null {
  if (form.kind === 'kernel') {
    const { geometry: g, weights } = form;
    if (g.groups !== 1) return null;
    const [taps, places] = [g.kernel[0] * g.kernel[1], g.input[0] * g.input[1]];
    return {
      count: g.inputChannels,
      length: g.outputChannels * taps,
      at: (h, k) => weights[(Math.floor(k / taps) * g.inputChannels + h) * taps + (k % taps)]!,
      columnOf: (e) => Math.floor(e / places) % g.inputChannels,
    };
  }
  const { matrices, before, after } = form;
  const { rows, cols } = matrices[0]!;
  return {
    count: matrices.length * cols,
    length: rows,
    at: (h, k) => matrices[Math.floor(h / cols)]!.values[k * cols + (h % cols)]!,
    columnOf: (e) =>
      (Math.floor(e / (after * cols * before)) % matrices.length) * cols + (Math.floor(e / after) % cols),
  };
}
