/** Conv, 1-D and 2-D, with every attribute. Lemma 7. */

import { convNorms } from '../bounds/conv-norm.ts';
import { largestMagnitude, vectorNormUpper } from '../bounds/matrix-norm.ts';
import { mulUp, sqrtUp } from '../bounds/rounding.ts';
import { linearMeasure } from '../walk/linear.ts';
import { rebased } from '../walk/rearrange.ts';
import type { RuleResult, Rules } from '../walk/rule.ts';
import type { Site } from '../walk/site.ts';
import { computed, measureOf, sizeOf } from '../walk/state.ts';
import { recorded } from '../walk/steps.ts';
import { readWindow, type WindowAxis } from './window.ts';

function conv(site: Site): RuleResult {
  const data = site.data(0);
  const { shape } = data;
  const { dims, values: weights } = site.floats(1);
  const [rows, channels, ...spatial] = shape as [number, number, ...number[]];
  if (spatial.length !== 1 && spatial.length !== 2) site.refuse(`only 1-D and 2-D have a rule, not [N·${shape}]`);
  const groups = site.int('group', 1);
  const [outputs, perGroup, ...kernel] = dims as [number, number, ...number[]];
  const fits = dims.length === shape.length && groups >= 1 && perGroup * groups === channels && outputs % groups === 0;
  if (!fits || weights.length === 0) site.refuse(`a kernel [${dims}] in ${groups} groups does not fit [N·${shape}]`);
  const declared = site.ints('kernel_shape');
  if (declared !== null && `${declared}` !== `${kernel}`)
    site.refuse(`kernel_shape [${declared}] is not that of [${dims}]`);

  const axes = readWindow(site, spatial, kernel);
  const out = [rows, outputs, ...axes.map((axis) => axis.output)];
  site.checkShape(out);
  const both = (of: (axis: WindowAxis) => number, missing: number): [number, number] => {
    const values = axes.map(of);
    return values.length === 1 ? [missing, values[0]!] : [values[0]!, values[1]!];
  };
  const geometry = {
    inputChannels: channels,
    outputChannels: outputs,
    groups,
    kernel: both((axis) => axis.kernel, 1),
    stride: both((axis) => axis.stride, 1),
    dilation: both((axis) => axis.dilation, 1),
    padBegin: both((axis) => axis.padBegin, 0),
    input: both((axis) => axis.input, 1),
    output: both((axis) => axis.output, 1),
  };
  const norms = convNorms(site, weights, geometry);
  const map = {
    ...norms,
    terms: perGroup * sizeOf(kernel),
    inputs: sizeOf(shape),
    outputs: sizeOf(out),
    bias: biasNorm(site, outputs, sizeOf(out) / outputs),
    weight: largestMagnitude(weights),
  };
  const operand = rebased(site, data);
  const output = computed(out, linearMeasure(site, map, measureOf(operand)));
  const step = { kind: 'conv', weights, geometry, rows, absolute: norms.absolute } as const;
  return { outputs: [recorded(output, step, [operand])], upper: norms.norm };
}

/** ‖b‖₂ after every channel's value is put at each of its `places`. */
function biasNorm(site: Site, outputs: number, places: number): number {
  if (!site.has(2)) return 0;
  const { dims, values } = site.floats(2);
  if (dims.length !== 1 || values.length !== outputs) site.refuse(`a bias [${dims}] for ${outputs} channels`);
  return mulUp(sqrtUp(places), vectorNormUpper(values));
}

export const convRules: Rules = {
  Conv: { attributes: ['auto_pad', 'dilations', 'group', 'kernel_shape', 'pads', 'strides'], apply: conv },
};
