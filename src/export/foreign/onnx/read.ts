/**
 * Reads other programs' ONNX files on their way into the sealer: bytes to `OnnxModel`. It does not judge operators or
 * shapes; the proof does. Deployed files are read by certify-runtime's own reader, which accepts only what glean wrote.
 *
 * It skips what carries no computation (doc strings, value_info, unused opset imports, …), accepts packed numbers,
 * typed data and absent defaults, names dimensions that have no name, puts functions in place of their calls, and lifts
 * `Constant` nodes into initializers, so that the walk finds all constants there.
 */
import type { Graph, OnnxModel, OnnxNode, Tensor, ValueInfo } from '../../../certify-runtime/trusted/onnx/model.ts';
import { ElementType, type ElementTypeName } from '../../../certify-runtime/trusted/onnx/model.ts';
import { quote } from '../../../certify-runtime/trusted/onnx/wire.ts';
import { constantOf, readAttribute } from './attribute.ts';
import { elementName } from './elements.ts';
import { inlineFunctions } from './inline.ts';
import { type RawGraph, type RawInfo, type RawModel, type RawNode, readRaw } from './raw.ts';
import { checkOrder } from './raw-graph.ts';
import * as schema from './schema.ts';
import { toNumber, toTensor } from './tensor.ts';
import { decode, refuse } from './wire.ts';

/**
 * The whole model, with all of its nodes and outputs.
 *
 * @throws {OnnxFormatError} naming the part and byte, if the file is malformed, ambiguous, or holds what glean does not
 *   read.
 */
export function readForeignOnnx(bytes: Uint8Array): OnnxModel {
  const raw = readRaw(bytes);
  const nodes = inlineFunctions(raw, raw.graph.nodes);
  const graph = { ...raw.graph, nodes };
  checkOrder(graph);
  const overridden = new Set(graph.initializers.keys());
  const inputs = graph.inputs.filter(({ name }) => !overridden.has(name)).map(typedInfo);
  const outputs = graph.outputs.map(typedInfo);
  nameFreeDimensions([...inputs, ...outputs]);
  return toModel(raw, typedGraph(graph, inputs, outputs, true));
}

export function toModel(raw: RawModel, graph: Graph): OnnxModel {
  const { irVersion, opsets, producerName, producerVersion, metadata } = raw;
  return { irVersion, opset: opsets.get('')!, producerName, producerVersion, graph, metadata };
}

/**
 * The graph as the proof takes it.
 *
 * @throws OnnxFormatError if it holds what glean cannot represent, or (`finite`) a number that is not finite
 */
export function typedGraph(
  { name, nodes: raw, initializers: stored }: RawGraph,
  inputs: readonly ValueInfo[],
  outputs: readonly ValueInfo[],
  finite: boolean,
): Graph {
  const initializers = new Map<string, Tensor>();
  for (const { name: own, at, read } of stored.values()) initializers.set(own, toTensor(own, read(), at, finite));
  const nodes: OnnxNode[] = [];
  for (const node of raw) {
    if (node.domain !== '') {
      refuse(
        node.at,
        `${node.op} is of domain ${quote(node.domain)}, not of the default one; ${remedyFor(node.domain)}`,
      );
    }
    if (node.op !== 'Constant') {
      nodes.push(typedNode(node, finite));
      continue;
    }
    const { name: own, at, read } = constantOf(node);
    initializers.set(own, toTensor(own, read(), at, finite));
  }
  return { name, nodes, initializers, inputs, outputs };
}

/** What to do about operators that no rule could be written for. */
function remedyFor(domain: string): string {
  if (domain === 'ai.onnx.ml') return 'name a tensor in front of it with --logits, or export the network without it';
  if (domain.startsWith('com.microsoft')) return 'give the model as it was before ONNX Runtime optimized it';
  return 'export the network with the default operators';
}

function typedNode({ op, name, inputs, outputs, attributes: raw }: RawNode, finite: boolean): OnnxNode {
  const attributes = new Map(raw.map((attribute) => [attribute.name, readAttribute(attribute, finite)]));
  return { op, name, inputs, outputs, attributes };
}

type Dims = (number | string)[];

/** Element type and dimensions; one without a value or a name is the empty string. null if the file does not say. */
export function readInfo({ at, type }: RawInfo): { type: string; dims: Dims | null } | null {
  const tensor = type === undefined ? undefined : decode(type, schema.TYPE).tensor_type;
  if (type === undefined) return null;
  if (tensor === undefined) refuse(at, 'it is not a tensor');
  const { elem_type, shape } = decode(tensor, schema.TENSOR_TYPE);
  if (shape === undefined) return { type: elementName(elem_type), dims: null };
  const dims = decode(shape, schema.SHAPE).dim.map((span) => {
    const { dim_value: value, dim_param: param } = decode(span, schema.DIMENSION);
    if (value !== undefined && param !== undefined) refuse(span, 'has both dim_value and dim_param');
    // −1 is how some exporters write a free dimension.
    if (value === undefined || value === -1n) return param ?? '';
    return toNumber(span, value, 'dim_value', 0);
  });
  return { type: elementName(elem_type), dims };
}

function typedInfo(info: RawInfo): Omit<ValueInfo, 'dims'> & { dims: Dims } {
  const { type, dims } = readInfo(info) ?? refuse(info.at, 'type is missing');
  if (dims === null) refuse(info.at, 'shape is missing');
  if (!Object.hasOwn(ElementType, type)) refuse(info.at, `element type ${type} is not supported`);
  return { name: info.name, type: type as ElementTypeName, dims };
}

/** Gives each unnamed dimension a name that no other one has, so that none is taken to be equal to another. */
export function nameFreeDimensions(values: readonly { dims: Dims }[]): void {
  const taken = new Set(values.flatMap(({ dims }) => dims));
  let next = 0;
  for (const { dims } of values) {
    for (const [i, dim] of dims.entries()) {
      if (dim !== '') continue;
      while (taken.has(`unk__${next}`)) next++;
      dims[i] = `unk__${next++}`;
    }
  }
}
