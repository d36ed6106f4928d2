/** The sliding windows of Conv and the pools, in one or two dimensions. */

import type { OnnxNode } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { intOf, intsOf, stringOf } from './program/attributes.ts';
import { invalid, unsupported } from './program/tensors.ts';

/** One spatial axis: which inputs the window of output o covers, in order (−1: padding). */
interface WindowAxis {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  /** [o·kernel + k] */
  readonly positions: Int32Array;
}

/** Two axes, the first of size 1 where there is only one. */
export interface Window {
  readonly rows: WindowAxis;
  readonly cols: WindowAxis;
  readonly outDims: readonly number[];
}

const FLAT: WindowAxis = { input: 1, output: 1, kernel: 1, positions: new Int32Array(1) };

export function windowOf(node: OnnxNode, spatial: readonly number[], kernel: readonly number[]): Window {
  if (spatial.length < 1 || spatial.length > 2) unsupported(`${node.op} of ${spatial.length} spatial dimensions`);
  if (kernel.length !== spatial.length || kernel.some((k) => k < 1)) invalid(`kernel [${kernel}] on [${spatial}]`);
  const list = (name: string, length: number, otherwise: number): number[] => {
    const values = intsOf(node, name) ?? new Array<number>(length).fill(otherwise);
    return values.length === length ? values : invalid(`${name} [${values}]`);
  };
  const strides = list('strides', spatial.length, 1);
  const dilations = list('dilations', spatial.length, 1);
  const pads = list('pads', 2 * spatial.length, 0);
  if (intOf(node, 'ceil_mode', 0) !== 0) unsupported('ceil_mode');
  const autoPad = stringOf(node, 'auto_pad', 'NOTSET');
  const axes = spatial.map((input, i): WindowAxis => {
    const [k, stride, dilation] = [kernel[i]!, strides[i]!, dilations[i]!];
    if (stride < 1 || dilation < 1) invalid(`strides [${strides}], dilations [${dilations}]`);
    const span = dilation * (k - 1) + 1;
    let before = pads[i]!;
    let after = pads[i + spatial.length]!;
    if (autoPad === 'VALID') before = after = 0;
    if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') {
      // As ONNX Runtime does it: below 0, windows are shifted.
      const all = (Math.ceil(input / stride) - 1) * stride + span - input;
      before = Math.trunc((autoPad === 'SAME_UPPER' ? all : all + 1) / 2);
      after = all - before;
    }
    const output = Math.floor((before + input + after - span) / stride) + 1;
    if (output < 1) invalid(`a window of ${span} on ${input} with pads ${before}, ${after}`);
    const positions = new Int32Array(output * k);
    for (let o = 0; o < output; o++) {
      for (let j = 0; j < k; j++) {
        const position = o * stride - before + j * dilation;
        positions[o * k + j] = position >= 0 && position < input ? position : -1;
      }
    }
    return { input, output, kernel: k, positions };
  });
  const outDims = axes.map(({ output }) => output);
  return axes.length === 1 ? { rows: FLAT, cols: axes[0]!, outDims } : { rows: axes[0]!, cols: axes[1]!, outDims };
}
