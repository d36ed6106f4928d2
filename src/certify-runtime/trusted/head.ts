/** The linear head y = Wz + b as it stands in a graph, the distances between its rows, and its float32 error. */

import { constantBound, isFiniteBound, scale, sum } from './bounds/affine.ts';
import type { AffineBound, EncoderBound, LinearHead } from './bounds/bound.ts';
import { largestMagnitude, vectorNormUpper } from './bounds/matrix-norm.ts';
import { type Floats, gammaOf, type Precision } from './bounds/precision.ts';
import { addUp, FLUSH_32, gamma32, mulUp, OVERFLOW_32, sqrtUp } from './bounds/rounding.ts';
import { UnprovableError } from './errors.ts';
import { TENSORS } from './file/names.ts';
import { type Attribute, ElementType, type Graph, type OnnxNode } from './onnx/model.ts';
import { EXTRA_ROUNDINGS } from './walk/linear.ts';

/**
 * Reads y = Wz + b between tensors `latent` and `logits`: one Gemm (alpha = beta = 1), or a MatMul and at most one Add;
 * in float64 there is a Cast before and one behind.
 * @throws UnprovableError that names the node if the head is anything else
 */
export function readLinearHead(
  graph: Graph,
  { latent, logits }: { readonly latent: string; readonly logits: string } = TENSORS,
): LinearHead {
  const producer = (name: string): OnnxNode => {
    const node = graph.nodes.find(({ outputs }) => outputs.includes(name));
    if (node === undefined) throw new UnprovableError(`no node computes "${name}"`, { name });
    return node;
  };
  const end = producer(logits);
  const precision = end.op === 'Cast' ? 'float64' : 'float32';
  const last = precision === 'float64' ? producer(castInput(end, 'float32')) : end;
  const add = last.op === 'Add' ? last : null;
  const product = (node: OnnxNode) => node.op === 'MatMul' && node.outputs.some((name) => last.inputs.includes(name));
  const layer = (add && graph.nodes.find(product)) ?? last;
  const gemm = layer.op === 'Gemm';
  if (!gemm && layer.op !== 'MatMul') refuse(layer, 'the head is not one linear layer (Gemm, or MatMul and Add)');
  const [first = ''] = layer.inputs;
  const taken = precision === 'float64' ? castInput(producer(first), 'float64') : first;
  if (taken !== latent) refuse(layer, `its first input must be "${latent}"`);
  for (const node of [layer, last]) {
    const most = node.op === 'Gemm' ? 3 : 2;
    if (node.inputs.length > most || node.outputs.length !== 1) refuse(node, 'it has more than a linear layer needs');
    for (const [name, { value }] of node.attributes) checkAttribute(node, name, value);
  }
  const [, weights = '', third = ''] = layer.inputs;
  const linear = weightsOf(graph, layer, precision, weights, !gemm || layer.attributes.get('transB')?.value !== 1n);
  const added = add?.inputs.find((name) => name !== '' && !layer.outputs.includes(name));
  const bias = add === null ? third : (added ?? refuse(add, 'it must add one constant'));
  return { ...linear, precision, bias: biasOf(graph, last, precision, bias, linear.classes) };
}

function refuse(node: OnnxNode, reason: string): never {
  throw new UnprovableError(`${node.op} "${node.name}": ${reason}`, { op: node.op, node: node.name });
}

/** What a Cast to `precision` takes. */
function castInput(node: OnnxNode, precision: Precision): string {
  const to = node.attributes.get('to')?.value;
  const whole = node.op === 'Cast' && node.inputs.length === 1 && node.outputs.length === 1;
  if (!whole || node.attributes.size !== 1 || to !== BigInt(ElementType[precision]))
    refuse(node, `it must be a Cast to ${precision}`);
  return node.inputs[0]!;
}

/** A Gemm's scales must be 1, and only W may be transposed. No other operator of a head has an attribute. */
function checkAttribute(node: OnnxNode, name: string, value: Attribute['value']): void {
  const allowed: Readonly<Record<string, readonly unknown[]>> = {
    alpha: [1],
    beta: [1],
    transA: [0n],
    transB: [0n, 1n],
  };
  if (node.op !== 'Gemm' || !allowed[name]?.includes(value)) refuse(node, `attribute ${name} has no rule in a head`);
}

/** A constant of this type. An initializer that is also an input is not one, because the caller may replace it. */
function constantOf(
  graph: Graph,
  node: OnnxNode,
  precision: Precision,
  name: string,
): { dims: readonly number[]; values: Floats } {
  const tensor = graph.initializers.get(name);
  const data = tensor?.type === precision ? tensor.data : null;
  const real = data instanceof Float32Array || data instanceof Float64Array;
  if (!real || graph.inputs.some((info) => info.name === name)) {
    refuse(node, `"${name}" must be a constant of ${precision}`);
  }
  const { dims } = tensor!;
  const tooLarge = data.some((value: number) => !(Math.abs(value) < 2 * OVERFLOW_32));
  if (dims.reduce((a, b) => a * b, 1) !== data.length || tooLarge) {
    refuse(node, `"${name}" has a wrong number of values, or one that is not finite`);
  }
  return { dims, values: data };
}

/** W as K rows of d, read from a matrix that is stored as it is or transposed. */
function weightsOf(
  graph: Graph,
  node: OnnxNode,
  precision: Precision,
  name: string,
  transposed: boolean,
): Omit<LinearHead, 'bias'> {
  const { dims, values } = constantOf(graph, node, precision, name);
  if (dims.length !== 2 || values.length === 0) refuse(node, `its matrix must have rank 2, not [${dims}]`);
  const [rows, cols] = dims as [number, number];
  if (!transposed) return { classes: rows, latentSize: cols, weights: values };
  const weights = values.slice();
  for (const i of weights.keys()) weights[i] = values[(i % rows) * cols + Math.floor(i / rows)]!;
  return { classes: cols, latentSize: rows, weights };
}

function biasOf(graph: Graph, node: OnnxNode, precision: Precision, name: string, classes: number): Floats {
  if (name === '') return new Float32Array(classes);
  const { dims, values } = constantOf(graph, node, precision, name);
  if (dims.length > 2 || (dims.length === 2 && dims[0] !== 1) || ![1, classes].includes(values.length)) {
    refuse(node, `the bias [${dims}] does not fit ${classes} classes`);
  }
  return values.length === classes ? values : new Float32Array(classes).fill(values[0]!);
}

/** s_cj = ‖w_c − w_j‖₂ for every pair of classes, K × K, each rounded up; the diagonal is 0. */
export function pairwiseDistances(head: LinearHead): Float64Array {
  const { classes, latentSize, weights } = head;
  const distances = new Float64Array(classes * classes);
  const difference = new Float64Array(latentSize);
  for (let c = 0; c < classes; c++) {
    for (let j = 0; j < c; j++) {
      for (let i = 0; i < latentSize; i++) difference[i] = weights[c * latentSize + i]! - weights[j * latentSize + i]!;
      // The difference of two float32 or float64 is off by at most 2⁻⁵³ of itself in float64.
      const s = mulUp(vectorNormUpper(difference), 1 + 2 ** -52);
      distances[c * classes + j] = s;
      distances[j * classes + c] = s;
    }
  }
  return distances;
}

/** What the head needs to know about the latent. */
export type LatentBound = Pick<EncoderBound, 'latentNorm' | 'latentChain'>;

/**
 * The n of which ρ(x) ≥ γ_n·(maxⱼ‖wⱼ‖·‖ẑ‖ + maxⱼ|bⱼ|) in float32: all roundings of a dot product, or the one that leaves
 * float64 (Lemmas 15 and 22).
 */
export function logitRoundings({ precision, latentSize }: LinearHead): number {
  return precision === 'float64' ? 1 : latentSize + EXTRA_ROUNDINGS;
}

/** ρ(x) ≥ maxⱼ|ŷⱼ − (wⱼ·ẑ + bⱼ)|. The scales at the end of the encoder may be applied after the sums. Lemma 15. */
export function headError(head: LinearHead, { latentNorm, latentChain }: LatentBound): AffineBound {
  const { row, bias } = magnitudes(head);
  const { scales, growth, reach } = latentChain;
  const length = head.latentSize + scales + EXTRA_ROUNDINGS;
  const { precision = 'float32' } = head;
  const gamma = gammaOf(precision, length);
  const root = sqrtUp(head.latentSize);
  const flush = sum(
    constantBound(mulUp(8 * FLUSH_32 * length, growth)),
    constantBound(mulUp(4 * FLUSH_32, mulUp(mulUp(row, root), growth))),
    scale(mulUp(2 * FLUSH_32, addUp(root, row)), reach),
  );
  const size = sum(scale(row, latentNorm), constantBound(bias));
  const own = sum(scale(gamma, size), flush);
  const cast = sum(scale(gamma32(1), sum(size, own)), constantBound(2 * FLUSH_32));
  const error = precision === 'float64' ? sum(own, cast) : own;
  if (!isFiniteBound(error)) throw new UnprovableError('the float32 error of the head has no finite bound');
  return error;
}

/** The largest ‖x‖₂ (at most `limit`) at which no logit and no partial sum of it overflows; 0 if there is none. */
export function maxHeadImageNorm(head: LinearHead, { latentChain }: LatentBound, limit: number): number {
  const { row, bias } = magnitudes(head);
  if (!(mulUp(Math.max(1, row), latentChain.growth) < OVERFLOW_32)) return 0;
  const magnitude = scale(4, sum(scale(row, latentChain.reach), constantBound(bias)));
  const room = OVERFLOW_32 - magnitude.constant;
  if (!(room > 0)) return 0;
  return magnitude.l2 > 0 ? Math.min(limit, (room / magnitude.l2) * (1 - 2 ** -50)) : limit;
}

/** maxⱼ ‖wⱼ‖₂ and maxⱼ |bⱼ|. */
function magnitudes({ classes, latentSize, weights, bias }: LinearHead): { row: number; bias: number } {
  let row = 0;
  for (let j = 0; j < classes; j++)
    row = Math.max(row, vectorNormUpper(weights.subarray(j * latentSize, (j + 1) * latentSize)));
  return { row, bias: largestMagnitude(bias) };
}
