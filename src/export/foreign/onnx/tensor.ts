/**
 * Reads a TensorProto: element type, shape and values, each checked against the others before anything is allocated.
 */
import { ARRAYS } from '../../../certify-runtime/trusted/onnx/codec.ts';
import type { ElementTypeName, Tensor, TensorData } from '../../../certify-runtime/trusted/onnx/model.ts';
import { quote } from '../../../certify-runtime/trusted/onnx/wire.ts';
import { elementTypeName, TENSOR } from './schema.ts';
import { decode, refuse, type Span } from './wire.ts';

const MAX_INT = 2 ** 31 - 1;

/** The integer as a number between `low` and `high`. */
export function toNumber(span: Span, value: bigint, what: string, low: number, high = MAX_INT): number {
  if (value < low || value > high) refuse(span, `${what} is ${value}, not between ${low} and ${high}`);
  return Number(value);
}

export function readElementType(span: Span, number: bigint): ElementTypeName {
  const [name, known] = elementTypeName(number);
  if (!known) refuse(span, `element type ${name} is not supported`);
  return name as ElementTypeName;
}

/**
 * Requires that dims ≥ 0 and that their product is the number of values; raw_data is little-endian, as is every host
 * that glean runs on.
 *
 * @throws {OnnxFormatError} if the number of values differs from the shape, they are given twice, are not finite, or
 *   are of a type that glean does not read.
 */
export function readTensor(unnamed: Span): Tensor {
  const message = decode(unnamed, TENSOR);
  const { name, raw_data: raw } = message;
  const span = { ...unnamed, path: `${unnamed.path} ${quote(name)}` };
  const type = readElementType(span, message.data_type);

  const dims = message.dims.map((dim) => toNumber(span, dim, 'a dimension', 0));
  // Zeros are not counted, so that no reader overflows on the way to a product of zero.
  const extent = dims.reduce((product, dim) => product * (dim || 1), 1);
  if (extent > MAX_INT) refuse(span, `dims [${dims.slice(0, 8)}] have a product of more than ${MAX_INT}`);
  const count = dims.includes(0) ? 0 : extent;

  const field = TYPED_FIELDS[type];
  for (const other of ['float_data', 'int32_data', 'int64_data', 'double_data'] as const) {
    if (message[other].length === 0) continue;
    if (raw) refuse(span, `has both raw_data and ${other}`);
    if (other !== field) refuse(span, `is of type ${type}, but ${other} is set`);
  }
  const size = ARRAYS[type].BYTES_PER_ELEMENT;
  const found = raw ? raw.length / size : message[field].length;
  if (found !== count) refuse(span, `dims [${dims.slice(0, 8)}] say ${count} values of ${type}, there are ${found}`);

  const data = raw ? new ARRAYS[type](new Uint8Array(raw).buffer) : fromTyped(span, type, message[field]);
  if (type === 'bool' && (data as Uint8Array).some((value) => value > 1)) refuse(span, 'a bool is neither 0 nor 1');
  if (type === 'float32' || type === 'float64') {
    for (let i = 0; i < count; i++) if (!Number.isFinite(data[i])) refuse(span, `value ${i} is ${data[i]}, not finite`);
  }
  return { name, type, dims, data };
}

/** The field that holds each type's values if they are not in raw_data. */
const TYPED_FIELDS = {
  float32: 'float_data',
  float64: 'double_data',
  int32: 'int32_data',
  int64: 'int64_data',
  bool: 'int32_data',
} as const satisfies Record<ElementTypeName, string>;

function fromTyped(span: Span, type: ElementTypeName, values: readonly (number | bigint)[]): TensorData {
  if (type === 'int64') return BigInt64Array.from(values as bigint[]);
  const data = new ARRAYS[type](values.map(Number));
  // A protobuf int32 silently cuts off what does not fit.
  if (typeof values[0] === 'bigint' && values.some((value, i) => value !== BigInt(data[i]!))) {
    refuse(span, `a value in ${TYPED_FIELDS[type]} does not fit ${type}`);
  }
  return data;
}
