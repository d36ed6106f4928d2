/** The sliding window of Conv and the pools: its kernel, strides, dilations and pads, and the size of the output. */

import type { Site } from '../walk/site.ts';

/** One spatial axis. */
export interface WindowAxis {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padBegin: number;
  readonly padEnd: number;
}

/**
 * Reads the attributes for an input [N, C, …spatial] and a kernel of the given sizes. With ceil_mode, a last window may
 * reach beyond the padding.
 */
export function readWindow(site: Site, spatial: readonly number[], kernel: readonly number[]): WindowAxis[] {
  const rank = spatial.length;
  const list = (name: string, length: number, otherwise: number, least: number): number[] => {
    const values = site.ints(name) ?? Array<number>(length).fill(otherwise);
    if (values.length !== length || values.some((value) => value < least || value > 2 ** 20)) {
      site.refuse(`${name} [${values}] does not fit ${rank} spatial dimensions`);
    }
    return values;
  };
  const strides = list('strides', rank, 1, 1);
  const dilations = list('dilations', rank, 1, 1);
  const pads = list('pads', 2 * rank, 0, 0);
  const autoPad = site.string('auto_pad', 'NOTSET');
  if (!['NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER'].includes(autoPad))
    site.refuse(`auto_pad ${autoPad} has no rule`);
  // Pads of 0 too: ONNX Runtime infers shapes by them, and runs by auto_pad.
  if (autoPad !== 'NOTSET' && site.ints('pads') !== null) site.refuse('auto_pad and pads contradict each other');
  const ceiling = site.flag('ceil_mode', false);
  if (ceiling && autoPad !== 'NOTSET') site.refuse('ceil_mode with auto_pad has no rule; write the pads');
  return spatial.map((input, axis) => {
    const [k, stride, dilation] = [kernel[axis]!, strides[axis]!, dilations[axis]!];
    const span = dilation * (k - 1) + 1;
    let [padBegin, padEnd] = [pads[axis]!, pads[axis + rank]!];
    if (autoPad.startsWith('SAME')) {
      const total = (Math.ceil(input / stride) - 1) * stride + span - input;
      if (total < 0)
        site.refuse('auto_pad with a stride beyond the window has no rule (ONNX Runtime shifts it); write the pads');
      padBegin = autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
      padEnd = total - padBegin;
    }
    const steps = (input + padBegin + padEnd - span) / stride;
    const output = (ceiling ? Math.ceil(steps) : Math.floor(steps)) + 1;
    // ONNX counts such a window where it infers shapes, and ONNX Runtime's kernels leave it out.
    if (ceiling && (output - 1) * stride >= input + padBegin)
      site.refuse('programs differ about ceil_mode where the last window starts behind the data; write pads instead');
    if (output < 1) site.refuse(`a window of ${span} does not fit ${input} with pads ${padBegin} and ${padEnd}`);
    return { input, output, kernel: k, stride, dilation, padBegin, padEnd };
  });
}
