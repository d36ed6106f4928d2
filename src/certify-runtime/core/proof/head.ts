/** The linear head y = Wz + b as a graph has it, the distances between its rows, and its float32 error. */

import { UnprovableError } from '../errors.ts';
import type { Graph, OnnxNode, Tensor } from '../onnx/model.ts';
import { constantBound, isFiniteBound, scale, sum } from './affine.ts';
import type { AffineBound, LinearHead } from './bound.ts';
import { EXTRA_ROUNDINGS } from './linear.ts';
import { largestMagnitude, vectorNormUpper } from './matrix-norm.ts';
import { FLUSH_32, gamma32, mulUp, OVERFLOW_32, sqrtUp } from './rounding.ts';

/**
 * Reads y = Wz + b between tensors `latent` and `logits`: one Gemm (alpha = beta = 1), or one MatMul and at most one Add.
 * @throws UnprovableError naming the node where the head is anything else.
 */
export function readLinearHead(graph: Graph, options: { latent: string; logits: string }): LinearHead {
  const nodes = headNodes(graph, options.latent, options.logits);
  const [first, second] = nodes;
  if (first === undefined)
    throw new UnprovableError(`no node computes "${options.logits}" from "${options.latent}"`, { ...options });
  if (first.op === 'Gemm' && nodes.length === 1) return readGemm(graph, first, options.latent);
  if (first.op === 'MatMul' && (nodes.length === 1 || (nodes.length === 2 && second!.op === 'Add'))) {
    return readMatMul(graph, first, second, options.latent);
  }
  const odd =
    nodes.find((node, i) => (i === 0 ? !['Gemm', 'MatMul'].includes(node.op) : node.op !== 'Add')) ?? nodes.at(-1)!;
  return refuse(odd, 'the head is not one linear layer (Gemm, or MatMul and Add)');
}

function refuse(node: OnnxNode, reason: string): never {
  throw new UnprovableError(`${node.op} "${node.name}": ${reason}`, { op: node.op, node: node.name });
}

/** The nodes that `logits` is computed from, back to `latent`. */
function headNodes(graph: Graph, latent: string, logits: string): OnnxNode[] {
  const producer = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const needed = new Set<OnnxNode>();
  const pending = [logits];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const node = name === latent || name === '' ? undefined : producer.get(name);
    if (node === undefined || needed.has(node)) continue;
    if (node.op === 'Constant') continue;
    needed.add(node);
    pending.push(...node.inputs);
  }
  return graph.nodes.filter((node) => needed.has(node));
}

function constantOf(graph: Graph, node: OnnxNode, name: string): { dims: readonly number[]; values: Float32Array } {
  const overridable = graph.inputs.some((info) => info.name === name);
  const made = graph.nodes
    .find((other) => other.op === 'Constant' && other.outputs[0] === name)
    ?.attributes.get('value');
  const tensor: Tensor | undefined = made?.kind === 'tensor' ? made.value : graph.initializers.get(name);
  if (tensor === undefined || overridable || !(tensor.data instanceof Float32Array)) {
    refuse(node, `"${name}" must be a constant of float32`);
  }
  if (!tensor.data.every(Number.isFinite)) refuse(node, `"${name}" holds a value that is not finite`);
  if (tensor.dims.reduce((a, b) => a * b, 1) !== tensor.data.length)
    refuse(node, `"${name}" has a wrong number of values`);
  return { dims: tensor.dims, values: tensor.data };
}

/** W as K rows of d, from a matrix that is stored as it is or transposed. */
function weightsOf(graph: Graph, node: OnnxNode, name: string, transposed: boolean): Omit<LinearHead, 'bias'> {
  const { dims, values } = constantOf(graph, node, name);
  if (dims.length !== 2 || values.length === 0) refuse(node, `its matrix must have rank 2, not [${dims}]`);
  const [rows, cols] = dims as [number, number];
  if (!transposed) return { classes: rows, latentSize: cols, weights: values };
  const weights = new Float32Array(values.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) weights[j * rows + i] = values[i * cols + j]!;
  return { classes: cols, latentSize: rows, weights };
}

function biasOf(graph: Graph, node: OnnxNode, name: string, classes: number): Float32Array {
  const { dims, values } = constantOf(graph, node, name);
  if (dims.length > 2 || (dims.length === 2 && dims[0] !== 1) || ![1, classes].includes(values.length)) {
    refuse(node, `the bias [${dims}] does not fit ${classes} classes`);
  }
  return values.length === classes ? values : new Float32Array(classes).fill(values[0]!);
}

function readGemm(graph: Graph, node: OnnxNode, latent: string): LinearHead {
  const flag = (name: string): bigint => {
    const attribute = node.attributes.get(name);
    return attribute?.kind === 'int' ? attribute.value : 0n;
  };
  for (const [name, attribute] of node.attributes) {
    const one = attribute.kind === 'float' && attribute.value === 1;
    if ((name === 'alpha' || name === 'beta') && one) continue;
    if ((name === 'transA' || name === 'transB') && attribute.kind === 'int') continue;
    refuse(node, `attribute ${name} has no rule in a head`);
  }
  if (flag('transA') !== 0n) refuse(node, 'transA has no rule in a head');
  if (node.inputs[0] !== latent) refuse(node, `its first input must be "${latent}"`);
  const linear = weightsOf(graph, node, node.inputs[1] ?? '', flag('transB') === 0n);
  const bias = node.inputs[2] ?? '';
  return {
    ...linear,
    bias: bias === '' ? new Float32Array(linear.classes) : biasOf(graph, node, bias, linear.classes),
  };
}

function readMatMul(graph: Graph, node: OnnxNode, add: OnnxNode | undefined, latent: string): LinearHead {
  if (node.inputs[0] !== latent) refuse(node, `its first input must be "${latent}"`);
  const linear = weightsOf(graph, node, node.inputs[1] ?? '', true);
  if (add === undefined) return { ...linear, bias: new Float32Array(linear.classes) };
  const bias = add.inputs.filter((name) => name !== node.outputs[0]);
  if (bias.length !== 1) refuse(add, 'it must add one constant');
  return { ...linear, bias: biasOf(graph, add, bias[0]!, linear.classes) };
}

/** s_cj = ‖w_c − w_j‖₂ for every pair of classes, K × K, each rounded up; 0 on the diagonal. */
export function pairwiseDistances(head: LinearHead): Float64Array {
  const { classes, latentSize, weights } = head;
  const distances = new Float64Array(classes * classes);
  const difference = new Float64Array(latentSize);
  for (let c = 0; c < classes; c++) {
    for (let j = 0; j < c; j++) {
      for (let i = 0; i < latentSize; i++) difference[i] = weights[c * latentSize + i]! - weights[j * latentSize + i]!;
      // The difference of two float32 is off by at most 2⁻⁵³ of itself in float64.
      const s = mulUp(vectorNormUpper(difference), 1 + 2 ** -52);
      distances[c * classes + j] = s;
      distances[j * classes + c] = s;
    }
  }
  return distances;
}

/** ρ(x) ≥ maxⱼ|ŷⱼ − (wⱼ·ẑ + bⱼ)|, given a bound of ‖ẑ(x)‖₂. Lemma 15. */
export function headError(head: LinearHead, latentNorm: AffineBound): AffineBound {
  const { row, bias } = magnitudes(head);
  const gamma = gamma32(head.latentSize + EXTRA_ROUNDINGS);
  const operations = 8 * FLUSH_32 * (head.latentSize + EXTRA_ROUNDINGS);
  const root = sqrtUp(head.latentSize);
  const flush = sum(
    constantBound(operations),
    constantBound(mulUp(2 * FLUSH_32, mulUp(row, root))),
    scale(mulUp(2 * FLUSH_32, root), latentNorm),
  );
  const error = sum(scale(gamma, sum(scale(row, latentNorm), constantBound(bias))), flush);
  if (!isFiniteBound(error)) throw new UnprovableError('the float32 error of the head has no finite bound');
  return error;
}

/** The largest ‖x‖₂ (at most `limit`) for which no logit and no partial sum of it overflows; 0 if there is none. */
export function maxHeadImageNorm(head: LinearHead, latentNorm: AffineBound, limit: number): number {
  const { row, bias } = magnitudes(head);
  const magnitude = scale(4, sum(scale(row, latentNorm), constantBound(bias)));
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
