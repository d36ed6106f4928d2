/**
 * Reads and writes ONNX's messages. This is the one place with ONNX's field numbers (onnx.proto of ONNX 1.18 to 1.20),
 * and it knows only the fields that glean writes.
 */

import type { Attribute, ElementTypeName, OnnxModel, OnnxNode, Tensor, ValueInfo } from './model.ts';
import { ElementType } from './model.ts';
import { encode, Message, quote, refuse } from './wire.ts';

const MAX_ELEMENTS = 2 ** 31 - 1;

/** The array that holds each element type's values. */
export const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
} as const;

/** Typed arrays have the host's byte order, but ONNX's tensors do not. No host of ONNX Runtime is big-endian. */
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

const bigints = (values: readonly number[]) => values.map(BigInt);
const text = (message: Message, number: number) => message.texts(number)[0] ?? '';
const part = (message: Message, number: number) => message.parts(number)[0] ?? new Message(new Uint8Array());
const int = (message: Message, number: number) => Number(message.ints(number)[0] ?? 0);

function elementType(number: number, owner: string): ElementTypeName {
  const found = Object.entries(ElementType).find(([, other]) => other === number);
  return (found ?? refuse(`${owner}: element type ${number} is not supported`))[0] as ElementTypeName;
}

/**
 * TensorProto: dims 1, data_type 2, name 8, raw_data 9.
 *
 * @throws OnnxFormatError if the number of values is not what the dimensions say, or one is not finite or not a bool
 */
function readTensor(message: Message): Tensor {
  const name = text(message, 8);
  const fail = (problem: string) => refuse(`tensor ${quote(name)}: ${problem}`, { tensor: name });
  const type = elementType(int(message, 2), `tensor ${quote(name)}`);
  const dims = message.ints(1).map(Number);
  const raw = message.blobs(9)[0] ?? fail('raw_data is missing');
  // Zeros count as ones here, so that no reader overflows on the way to a product of zero.
  const extent = dims.reduce((product, dim) => product * (dim || 1), 1);
  const found = raw.length / ARRAYS[type].BYTES_PER_ELEMENT;
  if (dims.some((dim) => dim < 0) || extent > MAX_ELEMENTS || (dims.includes(0) ? 0 : extent) !== found) {
    fail(`dims [${dims.slice(0, 8)}] do not fit its ${found} values of ${type}`);
  }
  if (!LITTLE_ENDIAN) fail('this machine is big-endian');
  const data = new ARRAYS[type](new Uint8Array(raw).buffer);
  for (let i = 0; i < found; i++) {
    const value = Number(data[i]);
    if (!Number.isFinite(value) || (type === 'bool' && value > 1)) fail(`value ${i} is ${value}`);
  }
  return { name, type, dims, data };
}

export function encodeTensor({ name, type, dims, data }: Tensor): Uint8Array {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return encode({ 1: bigints(dims), 2: BigInt(ElementType[type]), 8: name, 9: raw });
}

/** For each AttributeProto.type, the kind of attribute here and the number of the field that contains its value. */
const ATTRIBUTES: Readonly<Record<number, readonly [kind: Attribute['kind'], field: number]>> = {
  1: ['float', 2],
  2: ['int', 3],
  3: ['string', 4],
  4: ['tensor', 5],
  6: ['floats', 7],
  7: ['ints', 8],
  8: ['strings', 9],
};

/** AttributeProto: name 1, type 20, and the value's field. */
function readAttribute(message: Message): readonly [string, Attribute] {
  const name = text(message, 1);
  const type = int(message, 20);
  const [kind, field] = ATTRIBUTES[type] ?? refuse(`attribute ${quote(name)}: type ${type} is not supported`);
  const values = /float/.test(kind)
    ? message.floats(field)
    : /int/.test(kind)
      ? message.ints(field)
      : /string/.test(kind)
        ? message.texts(field)
        : message.parts(field).map(readTensor);
  const value = kind.endsWith('s') ? values : values[0];
  if (value === undefined || values.some((entry) => typeof entry === 'number' && !Number.isFinite(entry))) {
    refuse(`attribute ${quote(name)}: its value is missing or not finite`);
  }
  return [name, { kind, value } as Attribute];
}

function encodeAttribute([name, { kind, value }]: readonly [string, Attribute]): Uint8Array {
  const [type, [, field]] = Object.entries(ATTRIBUTES).find(([, [other]]) => other === kind)!;
  return encode({ 1: name, [field]: kind === 'tensor' ? encodeTensor(value) : value, 20: BigInt(type) });
}

/** NodeProto: input 1, output 2, name 3, op_type 4, attribute 5. */
function readNode(message: Message): OnnxNode {
  return {
    op: text(message, 4),
    name: text(message, 3),
    inputs: message.texts(1),
    outputs: message.texts(2),
    attributes: new Map(message.parts(5).map(readAttribute)),
  };
}

export function encodeNode({ op, name, inputs, outputs, attributes }: OnnxNode): Uint8Array {
  return encode({ 1: inputs, 2: outputs, 3: name, 4: op, 5: [...attributes].map(encodeAttribute) });
}

/** ValueInfoProto: name 1, type 2 {tensor_type 1 {elem_type 1, shape 2 {dim 1 {dim_value 1 or dim_param 2}}}}. */
function readInfo(message: Message): ValueInfo {
  const name = text(message, 1);
  const tensor = part(part(message, 2), 1);
  const dims = part(tensor, 2)
    .parts(1)
    .map((dim) => (dim.ints(1).length > 0 ? int(dim, 1) : text(dim, 2)));
  return { name, type: elementType(int(tensor, 1), quote(name)), dims };
}

export function encodeInfo({ name, type, dims }: ValueInfo): Uint8Array {
  const dim = dims.map((size) => encode(typeof size === 'string' ? { 2: size } : { 1: BigInt(size) }));
  return encode({ 1: name, 2: encode({ 1: encode({ 1: BigInt(ElementType[type]), 2: encode({ 1: dim }) }) }) });
}

/**
 * ModelProto: ir_version 1, producer_name 2, producer_version 3, graph 7, opset_import 8 {domain 1, version 2},
 * metadata_props 14 {key 1, value 2}. GraphProto: node 1, name 2, initializer 5, input 11, output 12.
 *
 * All else in the bytes is ignored. If a field that should occur once occurs several times, the first is taken.
 *
 * @throws OnnxFormatError if they are not an ONNX model, or are one that glean cannot represent
 */
export function decodeOnnx(bytes: Uint8Array): OnnxModel {
  const model = new Message(bytes);
  const graph = part(model, 7);
  const tensors = graph.parts(5).map(readTensor);
  return {
    irVersion: int(model, 1),
    opset: int(part(model, 8), 2),
    producerName: text(model, 2),
    producerVersion: text(model, 3),
    graph: {
      name: text(graph, 2),
      nodes: graph.parts(1).map(readNode),
      initializers: new Map(tensors.map((tensor) => [tensor.name, tensor])),
      inputs: graph.parts(11).map(readInfo),
      outputs: graph.parts(12).map(readInfo),
    },
    metadata: new Map(model.parts(14).map((entry) => [text(entry, 1), text(entry, 2)])),
  };
}

/** The file of a model: fields ascend, varints are minimal, numbers unpacked, tensors raw_data. Its form is unique. */
export function encodeOnnx({ graph, ...model }: OnnxModel): Uint8Array<ArrayBuffer> {
  return encode({
    1: BigInt(model.irVersion),
    2: model.producerName,
    3: model.producerVersion,
    7: encode({
      1: graph.nodes.map(encodeNode),
      2: graph.name,
      5: [...graph.initializers.values()].map(encodeTensor),
      11: graph.inputs.map(encodeInfo),
      12: graph.outputs.map(encodeInfo),
    }),
    8: encode({ 1: '', 2: BigInt(model.opset) }),
    14: metadataEntries(model.metadata),
  });
}

const metadataEntries = (metadata: OnnxModel['metadata']) =>
  [...metadata].map(([key, value]) => encode({ 1: key, 2: value }));

/** The bytes that, after a file without metadata, make it the file of the same model with this metadata. */
export function encodeMetadata(metadata: OnnxModel['metadata']): Uint8Array<ArrayBuffer> {
  return encode({ 14: metadataEntries(metadata) });
}
