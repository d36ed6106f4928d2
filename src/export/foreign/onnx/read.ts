/**
 * Reads other programs' ONNX files on their way into the sealer: bytes to `OnnxModel`. It does not judge operators or
 * shapes; the proof does. Deployed files are read by certify-runtime's own reader, which accepts only what glean wrote.
 *
 * It skips what carries no computation (doc strings, value_info, unused opset imports, …), accepts packed numbers,
 * typed data and absent defaults, names dimensions that have no name, and lifts `Constant` nodes into initializers, so
 * that the walk finds all constants there.
 */
import type {
  Attribute,
  Graph,
  OnnxModel,
  OnnxNode,
  Tensor,
  ValueInfo,
} from '../../../certify-runtime/trusted/onnx/model.ts';
import { quote } from '../../../certify-runtime/trusted/onnx/wire.ts';
import * as schema from './schema.ts';
import { readElementType, readTensor, toNumber } from './tensor.ts';
import { decode, refuse, type Span } from './wire.ts';

const MAX_BYTES = 2 ** 31 - 1; // protobuf's own limit
const MAX_VALUES = 1_000_000;
const OLDEST_IR = 4; // before 4, initializers had to be graph inputs
const NEWEST_IR = 13;

/**
 * @throws {OnnxFormatError} naming the part and byte, if the file is malformed, ambiguous, or holds what glean does not
 *   read.
 */
export function readForeignOnnx(bytes: Uint8Array): OnnxModel {
  const { buffer, byteOffset, byteLength } = bytes;
  const span: Span = {
    bytes: new Uint8Array(buffer, byteOffset, byteLength), // a Buffer's methods behave differently
    view: new DataView(buffer, byteOffset, byteLength),
    start: 0,
    end: byteLength,
    path: '',
  };
  if (byteLength > MAX_BYTES) refuse(span, `${byteLength} bytes, more than ${MAX_BYTES}`);
  // With this mark, ONNX Runtime takes the bytes for a flatbuffer in its own format, which is another model in the same
  // file.
  if (byteLength >= 8 && span.view.getUint32(4) === 0x4f52544d) refuse(span, "bytes 4 to 7 are 'ORTM'", 4);

  const model = decode(span, schema.MODEL);
  return {
    irVersion: toNumber(span, model.ir_version, 'ir_version', OLDEST_IR, NEWEST_IR),
    opset: readOpset(span, model.opset_import),
    producerName: model.producer_name,
    producerVersion: model.producer_version,
    graph: readGraph(model.graph),
    metadata: readMap(model.metadata_props, (entry) => {
      const { key, value } = decode(entry, schema.ENTRY);
      return [key, value];
    }),
  };
}

/**
 * A map of what each span holds; a name that occurs twice is refused, because readers differ on which one they take.
 */
function readMap<T>(spans: readonly Span[], read: (span: Span) => readonly [string, T]): Map<string, T> {
  const map = new Map<string, T>();
  for (const span of spans) {
    const [name, value] = read(span);
    if (map.has(name)) refuse(span, `${quote(name)} is there twice`);
    map.set(name, value);
  }
  return map;
}

const isDefaultDomain = (domain: string) => domain === '' || domain === 'ai.onnx';

function readOpset(model: Span, imports: readonly Span[]): number {
  let opset: number | undefined;
  for (const span of imports) {
    const { domain, version } = decode(span, schema.OPSET);
    if (!isDefaultDomain(domain)) continue; // unused, because every node is of the default domain
    if (opset !== undefined) refuse(span, 'the default operator set is imported twice');
    opset = toNumber(span, version, 'version', 1);
  }
  return opset ?? refuse(model, 'opset_import does not name the default operator set');
}

function readGraph(span: Span): Graph {
  const graph = decode(span, schema.GRAPH);
  const defined = new Map<string, string>();
  const define = (at: Span, name: string) => {
    if (name === '') refuse(at, 'has no name');
    const first = defined.get(name);
    if (first !== undefined) refuse(at, `${quote(name)} is already defined by ${first}`);
    if (defined.size === MAX_VALUES) refuse(at, `more than ${MAX_VALUES} values`);
    defined.set(name, at.path);
  };
  const use = (at: Span, name: string) => {
    if (!defined.has(name)) refuse(at, `${quote(name)} is not defined before it is used`);
  };

  const inputs = graph.input.map(readValueInfo);
  const outputs = graph.output.map(readValueInfo);
  nameFreeDimensions([...inputs, ...outputs]);

  for (const [i, input] of inputs.entries()) define(graph.input[i]!, input.name);
  const initializers = readMap(graph.initializer, (at) => {
    const tensor = readTensor(at);
    define(at, tensor.name);
    return [tensor.name, tensor];
  });
  const nodes: OnnxNode[] = [];
  for (const at of graph.node) {
    const node = readNode(at);
    for (const name of node.inputs) if (name !== '') use(at, name);
    for (const name of node.outputs) if (name !== '') define(at, name);
    if (node.op !== 'Constant') {
      nodes.push(node);
      continue;
    }
    const tensor = constantOf(at, node);
    initializers.set(tensor.name, tensor);
  }
  const seen = new Set<string>();
  for (const [i, { name }] of outputs.entries()) {
    const at = graph.output[i]!;
    use(at, name);
    if (seen.has(name)) refuse(at, `${quote(name)} is there twice`);
    seen.add(name);
  }
  return { name: graph.name, nodes, initializers, inputs, outputs };
}

function readNode(span: Span): OnnxNode {
  const { name, op_type: op, input, output, attribute, domain } = decode(span, schema.NODE);
  if (!isDefaultDomain(domain)) refuse(span, `${op} is of domain ${quote(domain)}, not of the default one`);
  return { op, name, inputs: input, outputs: output, attributes: readMap(attribute, readAttribute) };
}

function readAttribute(span: Span): readonly [string, Attribute] {
  const message = decode(span, schema.ATTRIBUTE);
  const at = { ...span, path: `${span.path} ${quote(message.name)}` };
  const type = schema.ATTRIBUTE_TYPES[Number(message.type) as keyof typeof schema.ATTRIBUTE_TYPES];
  if (!type) refuse(at, `attribute type ${message.type} is not supported`);
  const [kind, field] = type;
  for (const [, other] of Object.values(schema.ATTRIBUTE_TYPES)) {
    const value = message[other];
    const used = Array.isArray(value) ? value.length > 0 : value !== undefined;
    if (used && other !== field) refuse(at, `is of type ${kind}, but ${other} is set`);
  }
  // proto3 writers leave out a zero and an empty string.
  const absent = { f: 0, i: 0n, s: '' }[field as 'f' | 'i' | 's'];
  const raw = message[field] ?? absent ?? refuse(at, `is of type ${kind}, but ${field} is missing`);
  if (kind === 'float' || kind === 'floats') {
    if (![raw].flat().every(Number.isFinite)) refuse(at, 'is not finite');
  }
  return [message.name, { kind, value: kind === 'tensor' ? readTensor(raw as Span) : raw } as Attribute];
}

/** The tensor a Constant node stands for, under the name of its output. */
function constantOf(span: Span, { inputs, outputs, attributes }: OnnxNode): Tensor {
  const [name] = outputs;
  const [entry, ...more] = attributes;
  if (!name || outputs.length > 1 || inputs.length > 0 || !entry || more.length > 0) {
    refuse(span, 'a Constant has one output, one attribute and no input');
  }
  const [key, { kind, value }] = entry;
  if (key === 'value' && kind === 'tensor') return { ...value, name };
  if (key === 'value_float' && kind === 'float')
    return { name, type: 'float32', dims: [], data: Float32Array.of(value) };
  if (key === 'value_int' && kind === 'int') return { name, type: 'int64', dims: [], data: BigInt64Array.of(value) };
  if (key === 'value_floats' && kind === 'floats') {
    return { name, type: 'float32', dims: [value.length], data: Float32Array.from(value) };
  }
  if (key === 'value_ints' && kind === 'ints') {
    return { name, type: 'int64', dims: [value.length], data: BigInt64Array.from(value) };
  }
  refuse(span, `a Constant of ${quote(key)} (${kind}) is not supported`);
}

/** A graph input or output; a dimension without a value or name is the empty string until `nameFreeDimensions`. */
function readValueInfo(span: Span): Omit<ValueInfo, 'dims'> & { dims: (number | string)[] } {
  const { name, type } = decode(span, schema.VALUE_INFO);
  const tensorType = decode(decode(type, schema.TYPE).tensor_type, schema.TENSOR_TYPE);
  const dims = decode(tensorType.shape, schema.SHAPE).dim.map((at) => {
    const { dim_value: value, dim_param: param } = decode(at, schema.DIMENSION);
    if (value !== undefined && param !== undefined) refuse(at, 'has both dim_value and dim_param');
    if (value !== undefined) return toNumber(at, value, 'dim_value', 0);
    return param ?? '';
  });
  return { name, type: readElementType(span, tensorType.elem_type), dims };
}

/** Gives each unnamed dimension a name that no other one has, so that none is taken to be equal to another. */
function nameFreeDimensions(values: readonly { dims: (number | string)[] }[]): void {
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
