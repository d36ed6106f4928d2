/** Brings activations into the forms that have a rule: SiLU, GELU, hard swish, powers and roots. */
import type { OnnxNode } from '../../../../certify-runtime/trusted/onnx/model.ts';
import { type Builder, numberOf, type Rewriter, textOf } from '../rewriter.ts';
import { gelu as geluForm } from './functions.ts';

type Rewrite = (rewriter: Rewriter, node: OnnxNode) => void;

/** x·σ(αx), of operator set 24. */
function swish(rewriter: Rewriter, node: OnnxNode): void {
  const [x] = node.inputs as [string];
  const alpha = numberOf(node, 'alpha', 1);
  rewriter.replace(node, (make) => {
    const inner = alpha === 1 ? x : make.op('Mul', [x, make.scalar(alpha)]);
    return make.op('Mul', [x, make.op('Sigmoid', [inner])]);
  });
}

/** (x·½)·(erf(x/√2) + 1). The approximation by tanh has no rule. */
function gelu(rewriter: Rewriter, node: OnnxNode): void {
  if (textOf(node, 'approximate', 'none') !== 'none') return;
  const [x] = node.inputs as [string];
  rewriter.replace(node, (make) => geluForm(make, x));
}

/** x, x² = x·x and √x are all of the powers that have a rule. */
function pow(rewriter: Rewriter, node: OnnxNode): void {
  const [x] = node.inputs as [string];
  const exponents = rewriter.constant(node.inputs[1])?.data;
  if (exponents === undefined || exponents.length === 0) return;
  const exponent = Number(exponents[0]);
  // A list of exponents might stretch x.
  const stretches = exponents.length > 1 && `${rewriter.dims(x)}` !== `${rewriter.dims(node.outputs[0])}`;
  if (stretches || Array.from(exponents, Number).some((other) => other !== exponent)) return;
  if (exponent === 1) rewriter.replace(node, () => x);
  if (exponent === 2) rewriter.replace(node, (make) => make.op('Mul', [x, x]));
  if (exponent === 0.5) rewriter.replace(node, (make) => make.op('Sqrt', [x]));
}

/** softshrink: x − min(max(x, −λ), λ), if its bias is λ; otherwise it jumps. */
function shrink(rewriter: Rewriter, node: OnnxNode): void {
  const [x] = node.inputs as [string];
  const lambda = numberOf(node, 'lambd', 0.5);
  if (lambda < 0 || numberOf(node, 'bias', 0) !== lambda) return;
  rewriter.replace(node, (make) => {
    return make.op('Sub', [x, make.op('Clip', [x, make.scalar(-lambda), make.scalar(lambda)])]);
  });
}

/** log σ(x) = −softplus(−x). */
function log(rewriter: Rewriter, node: OnnxNode): void {
  const sigmoid = rewriter.draft.producer(node.inputs[0]!);
  if (sigmoid?.op !== 'Sigmoid') return;
  rewriter.replace(node, (make) => {
    return make.op('Neg', [make.op('Softplus', [make.op('Neg', [sigmoid.inputs[0]!])])]);
  });
}

function thresholdedRelu(rewriter: Rewriter, node: OnnxNode): void {
  if (numberOf(node, 'alpha', 1) === 0) rewriter.replace(node, (make) => make.op('Relu', [node.inputs[0]!]));
}

/** A product's factors: tensors, and the product of all scalars. Products inside that others read too are not opened. */
function factors(rewriter: Rewriter, name: string, inside = false): { tensors: string[]; scale: number } {
  const node = rewriter.draft.producer(name);
  const scalar = rewriter.floats(name)?.length === 1 ? rewriter.scalar(name) : undefined;
  if (scalar !== undefined) return { tensors: [], scale: scalar };
  const opened = node?.op === 'Mul' || (node?.op === 'Div' && rewriter.floats(node.inputs[1])?.length === 1);
  if (!opened || node === undefined || (inside && !rewriter.usedOnce(name))) return { tensors: [name], scale: 1 };
  const [a, b] = node.inputs.map((input) => factors(rewriter, input, true));
  if (node.op === 'Div') return { tensors: a!.tensors, scale: a!.scale / b!.scale };
  return { tensors: [...a!.tensors, ...b!.tensors], scale: a!.scale * b!.scale };
}

/** Whether the tensor is only a part of a larger product. */
function isFactor(rewriter: Rewriter, name: string): boolean {
  const reader = rewriter.draft.nodes.find(({ inputs }) => inputs.includes(name));
  const product = reader?.op === 'Mul' || (reader?.op === 'Div' && rewriter.scalar(reader.inputs[1]) !== undefined);
  return product && rewriter.usedOnce(name);
}

/** clip(αx + β, 0, h)/h as a hard sigmoid of x, and h; null if the tensor is nothing of the kind. */
function hardGate(rewriter: Rewriter, name: string, x: string): { alpha: number; beta: number; high: number } | null {
  const { draft } = rewriter;
  const clip = draft.producer(name);
  let inner: string | undefined;
  let high: number | undefined;
  if (clip?.op === 'Clip' && rewriter.scalar(clip.inputs[1]) === 0) {
    [inner] = clip.inputs;
    high = rewriter.scalar(clip.inputs[2]);
  }
  if (clip?.op === 'Min') {
    const bound = clip.inputs.find((input) => rewriter.constant(input) !== undefined);
    const relu = draft.producer(clip.inputs.find((input) => input !== bound) ?? '');
    if (clip.inputs.length === 2 && relu?.op === 'Relu') [inner] = relu.inputs;
    high = rewriter.scalar(bound);
  }
  if (inner === undefined || high === undefined || !(high > 0)) return null;
  let [scale, shift] = [1, 0];
  for (let steps = 0; inner !== x; steps++) {
    const node = draft.producer(inner);
    const i = node?.inputs.findIndex((input) => rewriter.scalar(input) !== undefined) ?? -1;
    if (node === undefined || i < 0 || steps > 4) return null;
    const constant = rewriter.scalar(node.inputs[i])!;
    if (node.op === 'Add') shift += scale * constant;
    else if (node.op === 'Sub' && i === 1) shift -= scale * constant;
    else if (node.op === 'Mul') scale *= constant;
    else if (node.op === 'Div' && i === 1) scale /= constant;
    else return null;
    inner = node.inputs[1 - i]!;
  }
  return { alpha: scale / high, beta: shift / high, high };
}

/** Whether the tensor is a gate that has a rule together with x: a sigmoid, a softplus's tanh, or erf + 1. */
function isGate(rewriter: Rewriter, name: string): boolean {
  const node = rewriter.draft.producer(name);
  const before = rewriter.draft.producer(node?.inputs.find((input) => rewriter.constant(input) === undefined) ?? '');
  if (node?.op === 'Add') return before?.op === 'Erf';
  if (node?.op === 'Tanh') return before?.op === 'Softplus';
  return node?.op === 'Sigmoid' || node?.op === 'HardSigmoid';
}

/** A product of x, a gate, and scalars in any order, as (x·gate)·scale. */
function gated(rewriter: Rewriter, node: OnnxNode): void {
  if (isFactor(rewriter, node.outputs[0]!)) return;
  const { tensors, scale } = factors(rewriter, node.outputs[0]!);
  if (tensors.length !== 2 || tensors[0] === tensors[1]) return;
  const scaled = (make: Builder, product: string, factor: number) =>
    factor === 1 ? product : make.op('Mul', [product, make.scalar(factor)]);
  for (const [x, gate] of [tensors, tensors.toReversed()] as [string, string][]) {
    const hard = hardGate(rewriter, gate, x);
    if (hard !== null) {
      rewriter.replace(node, (make) => {
        const [alpha, beta] = [{ float: hard.alpha }, { float: hard.beta }];
        const product = make.op('Mul', [x, make.op('HardSigmoid', [x], { alpha, beta })]);
        return scaled(make, product, roundedToOne(scale * hard.high));
      });
      return;
    }
    if (!isGate(rewriter, gate)) continue;
    // A plain product is in that form already.
    if (scale !== 1) rewriter.replace(node, (make) => scaled(make, make.op('Mul', [x, gate]), scale));
    return;
  }
}

/** A scale that would be 1 but for the rounding of a constant such as ⅙ is 1. */
function roundedToOne(scale: number): number {
  return Math.abs(scale - 1) < 2 ** -22 ? 1 : scale;
}

export const ACTIVATIONS: Readonly<Record<string, Rewrite>> = {
  Swish: swish,
  Gelu: gelu,
  Pow: pow,
  Shrink: shrink,
  Log: log,
  ThresholdedRelu: thresholdedRelu,
  Mul: gated,
  Div: gated,
};
