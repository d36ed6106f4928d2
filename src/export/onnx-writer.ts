/**
 * Writes an ONNX file: `OnnxModel` to bytes, one form for one model, without a protobuf library.
 *
 * Fields ascend, varints are minimal, maps keep their order, numbers are unpacked as ONNX's proto2 has them, tensors are
 * raw_data. Strict `readOnnx` accepts these files and no others.
 */
import { OnnxFormatError } from '../certify-runtime/core/errors.ts';
import {
  type Attribute,
  ElementType,
  type OnnxModel,
  type Tensor,
  type ValueInfo,
} from '../certify-runtime/core/onnx/model.ts';
import { readOnnx } from '../certify-runtime/core/onnx/read.ts';
import * as schema from '../certify-runtime/core/onnx/schema.ts';
import {
  type Message,
  quote,
  type Scalar,
  type Schema,
  scalarOf,
  swapToHost,
  wireType,
} from '../certify-runtime/core/onnx/wire.ts';

/**
 * The file's bytes. They are read back before they are returned, so what is not a sealable model is refused here.
 *
 * @throws {OnnxFormatError} if the model breaks a rule of the strict reader, or holds a value the file cannot hold exactly
 *   (an attribute that is not a float32, a lone surrogate): nothing is rounded or replaced on the way.
 */
export function writeOnnx(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const { graph } = model;
  const bytes = encode(schema.MODEL, {
    ir_version: integer(model.irVersion),
    producer_name: model.producerName,
    producer_version: model.producerVersion,
    graph: encode(schema.GRAPH, {
      node: graph.nodes.map((node) =>
        encode(schema.NODE, {
          input: [...node.inputs],
          output: [...node.outputs],
          name: node.name,
          op_type: node.op,
          attribute: [...node.attributes].map(attribute),
        }),
      ),
      name: graph.name,
      initializer: [...graph.initializers].map(([name, value]) => {
        if (name !== value.name) fail(`initializer ${quote(value.name)} is filed under ${quote(name)}`);
        return tensor(value);
      }),
      input: graph.inputs.map(valueInfo),
      output: graph.outputs.map(valueInfo),
    }),
    opset_import: [encode(schema.OPSET, { domain: '', version: integer(model.opset) })],
    metadata_props: [...model.metadata].map(([key, value]) => encode(schema.ENTRY, { key, value })),
  });
  readOnnx(bytes);
  return bytes;
}

function attribute([name, { kind, value }]: readonly [string, Attribute]): Uint8Array {
  const entry = Object.entries(schema.ATTRIBUTE_TYPES).find(([, [known]]) => known === kind);
  if (!entry) fail(`attribute ${quote(name)} is of the unknown kind ${quote(kind)}`);
  const [number, [, field]] = entry;
  const content = kind === 'tensor' ? tensor(value) : value;
  return encode(schema.ATTRIBUTE, { name, [field]: content, type: BigInt(number) });
}

function tensor({ name, type, dims, data }: Tensor): Uint8Array {
  if (!(data instanceof schema.ARRAYS[type])) fail(`tensor ${quote(name)} is of type ${type}, its data is not`);
  return encode(schema.TENSOR, {
    dims: dims.map(integer),
    data_type: BigInt(ElementType[type]),
    name,
    raw_data: swapToHost(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), data.BYTES_PER_ELEMENT),
  });
}

function valueInfo({ name, type, dims }: ValueInfo): Uint8Array {
  const dim = dims.map((value) =>
    encode(schema.DIMENSION, typeof value === 'string' ? { dim_param: value } : { dim_value: integer(value) }),
  );
  const tensorType = encode(schema.TENSOR_TYPE, {
    elem_type: BigInt(ElementType[type]),
    shape: encode(schema.SHAPE, { dim }),
  });
  return encode(schema.VALUE_INFO, { name, type: encode(schema.TYPE, { tensor_type: tensorType }) });
}

/** A message from its fields; numeric keys of an object come in ascending order, and so do the fields. */
function encode<S extends Schema>(of: S, values: Partial<Message<S, Uint8Array>>): Uint8Array<ArrayBuffer> {
  const chunks: Uint8Array[] = [];
  for (const [number, [name, kind]] of Object.entries(of)) {
    const value = (values as Record<string, unknown>)[name];
    if (value === undefined) continue;
    const [scalar, repeated] = scalarOf(kind);
    const tag = varint(BigInt(Number(number) * 8 + wireType[scalar]));
    for (const item of repeated ? (value as unknown[]) : [value]) chunks.push(tag, ...payload(scalar, item));
  }
  return concat(chunks);
}

function payload(scalar: Scalar, value: unknown): Uint8Array[] {
  if (scalar === 'int') {
    const int = value as bigint;
    if (BigInt.asIntN(64, int) !== int) fail(`${int} is not a 64-bit integer`);
    return [varint(BigInt.asUintN(64, int))];
  }
  if (scalar === 'float' || scalar === 'double') {
    const float = value as number;
    const size = scalar === 'float' ? 4 : 8;
    const view = new DataView(new ArrayBuffer(size));
    if (size === 8) view.setFloat64(0, float, true);
    else if (Object.is(Math.fround(float), float)) view.setFloat32(0, float, true);
    else fail(`${float} is not a float32 (Math.fround it)`);
    return [new Uint8Array(view.buffer)];
  }
  const bytes = typeof value === 'string' ? text(value) : (value as Uint8Array);
  return [varint(BigInt(bytes.length)), bytes];
}

const utf8 = new TextEncoder();

function text(value: string): Uint8Array {
  if (/\p{Surrogate}/u.test(value)) fail(`${quote(value)} holds a lone surrogate`);
  return utf8.encode(value);
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

function concat(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function integer(value: number): bigint {
  if (!Number.isSafeInteger(value)) fail(`${value} is not an integer`);
  return BigInt(value);
}

function fail(problem: string): never {
  throw new OnnxFormatError(`cannot write: ${problem}`, { problem });
}
