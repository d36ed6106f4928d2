/**
 * A network in float64: the image is cast in, every constant and every operator is float64, and the latent and the
 * logits are rounded to float32 once. What cannot run or be proven in this form is refused by the proof.
 */
import { TENSORS } from '../../certify-runtime/trusted/file/names.ts';
import { ElementType, type OnnxNode, type Tensor } from '../../certify-runtime/trusted/onnx/model.ts';
import type { NetworkGraph } from './network-graph.ts';

/**
 * The network of `network-graph.ts`, whose tensors `image`, `latent` and `logits` stay float32, computed in float64. The
 * float32 constants are the same numbers in float64, or the `originals` that they were rounded from.
 */
export function inFloat64(
  { nodes, initializers, shape }: NetworkGraph,
  originals: ReadonlyMap<string, Float64Array> = new Map(),
): NetworkGraph {
  const taken = new Set([...initializers.keys(), ...nodes.flatMap(({ name, outputs }) => [name, ...outputs])]);
  const fresh = (wish: string): string => {
    let name = `float64/${wish}`;
    while (taken.has(name)) name = `float64/${name}`;
    taken.add(name);
    return name;
  };
  const doubles = new Map(
    [...initializers].map(([name, tensor]) => [name, asFloat64(tensor, originals.get(name))] as const),
  );
  // Inside, each of the three tensors has a twin; `latent` is cast back for the layer that reads it.
  const [image, wide, latent, logits] = ['image', 'wide', 'latent', 'logits'].map(fresh) as [
    string,
    string,
    string,
    string,
  ];
  const read = new Map<string, string>([
    [TENSORS.image, image],
    [TENSORS.latent, latent],
  ]);
  const written = new Map<string, string>([
    [TENSORS.latent, wide],
    [TENSORS.logits, logits],
  ]);
  const cast = (from: string, to: string, type: 'float32' | 'float64'): OnnxNode => ({
    op: 'Cast',
    name: fresh(`cast_${to}`),
    inputs: [from],
    outputs: [to],
    attributes: new Map([['to', { kind: 'int', value: BigInt(ElementType[type]) }]]),
  });
  const inside = nodes.flatMap((node): OnnxNode[] => {
    const renamed: OnnxNode = {
      ...node,
      inputs: node.inputs.map((name) => read.get(name) ?? name),
      outputs: node.outputs.map((name) => written.get(name) ?? name),
      attributes: node.op === 'Cast' ? castAttributes(node) : node.attributes,
    };
    if (!node.outputs.includes(TENSORS.latent)) return [renamed];
    return [renamed, cast(wide, TENSORS.latent, 'float32'), cast(TENSORS.latent, latent, 'float64')];
  });
  return {
    shape,
    initializers: spreadScalars(inside, doubles, image, shape),
    nodes: [cast(TENSORS.image, image, 'float64'), ...inside, cast(logits, TENSORS.logits, 'float32')],
  };
}

function asFloat64(tensor: Tensor, original: Float64Array | undefined): Tensor {
  const { data } = tensor;
  if (!(data instanceof Float32Array)) return tensor;
  const same = original?.length === data.length && data.every((value, i) => value === Math.fround(original[i]!));
  return { ...tensor, type: 'float64', data: same ? original : Float64Array.from(data) };
}

/** A cast to float32 inside the network stays idle. */
function castAttributes({ attributes }: OnnxNode): OnnxNode['attributes'] {
  const to = attributes.get('to');
  if (to?.value !== BigInt(ElementType.float32)) return attributes;
  return new Map([...attributes, ['to', { kind: 'int', value: BigInt(ElementType.float64) }]]);
}

/** Operators whose output has the shape of what they take that depends on the image. */
const KEEPS_SHAPE = new Set(
  'Abs Add BatchNormalization Cast Clip Div Dropout Identity LeakyRelu Max Min Mul Neg PRelu Relu Sub Sum'.split(' '),
);

/** The last dimensions of a node's output, as far as constants or `known` ones say them, and of more than one element. */
function lastDims(
  { op, inputs, attributes }: OnnxNode,
  initializers: ReadonlyMap<string, Tensor>,
  known: ReadonlyMap<string, readonly number[]>,
): readonly number[] | undefined {
  if (KEEPS_SHAPE.has(op)) return inputs.flatMap((name) => [known.get(name)].filter((dims) => dims !== undefined))[0];
  const constant = initializers.get(inputs[1] ?? '');
  if (constant === undefined) return undefined;
  const { dims, data } = constant;
  const turned = attributes.get('transB')?.value === 1n;
  const last =
    op === 'MatMul' || op === 'Gemm' ? dims.at(turned ? 0 : -1) : op === 'Reshape' ? Number(data[data.length - 1]) : 0;
  return last !== undefined && last > 1 ? [last] : undefined;
}

/**
 * Scales of one element are written once for each element of the last axis: ONNX Runtime would take them into a MatMul
 * as float32 (MatMulScaleFusion), which the proof refuses. Where the last axis is not known they stay as they are.
 */
function spreadScalars(
  nodes: readonly OnnxNode[],
  initializers: ReadonlyMap<string, Tensor>,
  image: string,
  [, width, channels]: NetworkGraph['shape'],
): ReadonlyMap<string, Tensor> {
  const known = new Map<string, readonly number[]>([[image, channels > 1 ? [channels] : [width, 1]]]);
  const spread = new Map(initializers);
  for (const node of nodes) {
    const dims = lastDims(node, initializers, known);
    if (dims === undefined) continue;
    known.set(node.outputs[0]!, dims);
    if (node.op !== 'Mul' && node.op !== 'Div') continue;
    for (const name of node.inputs) {
      const tensor = initializers.get(name);
      const alone = nodes.every((other) => other === node || !other.inputs.includes(name));
      if (!(tensor?.data instanceof Float64Array) || tensor.data.length !== 1 || !alone) continue;
      const size = dims.reduce((product, dim) => product * dim, 1);
      spread.set(name, { ...tensor, dims, data: new Float64Array(size).fill(tensor.data[0]!) });
    }
  }
  return spread;
}
