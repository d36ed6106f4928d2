/**
 * ConvTranspose as a convolution: with stride s, each of the s×s phases of the result is a convolution of its own, and
 * the phases are put together as depth is to space.
 */
import type { OnnxNode } from '../../../certify-runtime/trusted/onnx/model.ts';
import { integerOf } from '../graph-draft.ts';
import { integersOf, type Rewriter } from './rewriter.ts';

/** One axis: result o takes w[k]·x[i] for i·stride + k·dilation − begin = o. */
interface Axis {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly begin: number;
  /** The taps of each phase. */
  readonly taps: number;
  /** Zeros behind the input beyond those that the taps need, for results that no input reaches. */
  readonly extra: number;
}

function axesOf(rewriter: Rewriter, node: OnnxNode, from: readonly number[], to: readonly number[]): Axis[] | null {
  const kernel = rewriter.dims(node.inputs[1])!.slice(2);
  const list = (name: string, otherwise: number) => integersOf(node, name) ?? kernel.map(() => otherwise);
  const [strides, dilations, extraRows] = [list('strides', 1), list('dilations', 1), list('output_padding', 0)];
  const pads = integersOf(node, 'pads') ?? kernel.flatMap(() => [0, 0]);
  const auto = node.attributes.get('auto_pad');
  const automatic = auto?.kind === 'string' && auto.value !== 'NOTSET' && auto.value !== 'VALID';
  const upper = auto?.kind === 'string' && auto.value === 'SAME_UPPER';
  return kernel.map((size, i): Axis => {
    const [input, output, stride, dilation] = [from[i]!, to[i]!, strides[i]!, dilations[i]!];
    const extent = (size - 1) * dilation + 1;
    const full = (input - 1) * stride + extent + extraRows[i]!;
    // Where the pads follow from the size of the result, ONNX divides them, the odd one going to the end if upper.
    const derived = automatic || node.attributes.has('output_shape');
    const total = full - output;
    const begin = derived ? (upper ? Math.floor(total / 2) : total - Math.floor(total / 2)) : pads[i]!;
    const taps = Math.ceil(extent / stride);
    const extra = Math.max(0, Math.ceil((begin + output) / stride) - (input + taps - 1));
    return { input, output, kernel: size, stride, dilation, begin, taps, extra };
  });
}

/** The kernel of the convolution that gives every phase: [M·s…, C/groups, taps…]. */
function phases(weights: Float32Array, dims: readonly number[], groups: number, axes: readonly Axis[]): Float32Array {
  const [inputs, outputs] = dims as [number, number];
  const perGroup = inputs / groups;
  const count = (of: (axis: Axis) => number) => axes.reduce((product, axis) => product * of(axis), 1);
  const [steps, taps, size] = [count((a) => a.stride), count((a) => a.taps), count((a) => a.kernel)];
  const values = new Float32Array(groups * outputs * steps * perGroup * taps);
  for (let k = 0; k < size; k++) {
    // Which phase and which tap kernel element k belongs to.
    let [rest, phase, tap, phaseUnit, tapUnit] = [k, 0, 0, 1, 1];
    for (const axis of axes.toReversed()) {
      const place = (rest % axis.kernel) * axis.dilation;
      rest = Math.floor(rest / axis.kernel);
      phase += phaseUnit * (place % axis.stride);
      tap += tapUnit * (axis.taps - 1 - Math.floor(place / axis.stride));
      phaseUnit *= axis.stride;
      tapUnit *= axis.taps;
    }
    for (let i = 0; i < inputs; i++) {
      const group = Math.floor(i / perGroup);
      for (let m = 0; m < outputs; m++) {
        const row = (group * outputs + m) * steps + phase;
        values[(row * perGroup + (i % perGroup)) * taps + tap] = weights[(i * outputs + m) * size + k]!;
      }
    }
  }
  return values;
}

export function convTranspose(rewriter: Rewriter, node: OnnxNode): void {
  const [from, to] = [rewriter.dims(node.inputs[0]), rewriter.dims(node.outputs[0])];
  const weights = rewriter.floats(node.inputs[1]);
  const biasName = (node.inputs[2] ?? '') === '' ? null : node.inputs[2]!;
  const bias = biasName === null ? null : rewriter.floats(biasName);
  if (from === undefined || to === undefined || weights === undefined || bias === undefined) return;
  const axes = axesOf(rewriter, node, from.slice(2), to.slice(2));
  if (axes === null || axes.some(({ begin }) => begin < 0)) return;
  const kernelDims = rewriter.dims(node.inputs[1])!;
  const groups = integerOf(node, 'group', 1)!;
  const channels = groups * kernelDims[1]!;
  const steps = axes.reduce((product, { stride }) => product * stride, 1);
  const data = phases(weights, kernelDims, groups, axes);
  rewriter.replace(node, (make) => {
    const dims = [channels * steps, from[1]! / groups, ...axes.map(({ taps }) => taps)];
    const pads = [...axes.map(({ taps }) => taps - 1), ...axes.map(({ taps, extra }) => taps - 1 + extra)];
    const offset = bias && [
      make.floats(
        [channels * steps],
        [...bias].flatMap((b) => Array<number>(steps).fill(b)),
      ),
    ];
    const conv = make.op('Conv', [node.inputs[0]!, make.floats(dims, data), ...(offset ?? [])], {
      group: groups,
      pads,
    });
    const places = axes.map(({ input, taps, extra }) => input + taps - 1 + extra);
    let whole = conv;
    if (steps > 1) {
      const split = [-1, channels, ...axes.map(({ stride }) => stride), ...places];
      const n = axes.length;
      const perm = [0, 1, ...axes.flatMap((_, i) => [2 + n + i, 2 + i])];
      const joined = [-1, channels, ...places.map((place, i) => place * axes[i]!.stride)];
      const blocks = make.op('Reshape', [conv, make.integers(split)]);
      whole = make.op('Reshape', [make.op('Transpose', [blocks], { perm }), make.integers(joined)]);
    }
    const cropped = axes.flatMap(({ begin, output, stride }, i) =>
      begin === 0 && output === places[i]! * stride ? [] : [i],
    );
    if (cropped.length === 0) return whole;
    const list = (of: (i: number) => number) => make.integers(cropped.map(of));
    const ends = list((i) => axes[i]!.begin + axes[i]!.output);
    return make.op('Slice', [whole, list((i) => axes[i]!.begin), ends, list((i) => i + 2)]);
  });
}
