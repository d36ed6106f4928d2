/**
 * Reads a TensorProto: element type, shape and values, each checked against the others before anything is allocated.
 * The values stay bytes until it is known which of them the network needs.
 */
import { ARRAYS } from '../../../certify-runtime/trusted/onnx/codec.ts';
import { ElementType, type ElementTypeName, type Tensor } from '../../../certify-runtime/trusted/onnx/model.ts';
import { quote } from '../../../certify-runtime/trusted/onnx/wire.ts';
import { type ElementName, elementName, elementOf, isElement } from './elements.ts';
import { TENSOR } from './schema.ts';
import { decode, type Message, refuse, type Span } from './wire.ts';

const MAX_INT = 2 ** 31 - 1;

/** Where something was in the file, for errors. */
export type Place = Pick<Span, 'path' | 'start'>;

/** A tensor of any element type that can be carried. */
export interface RawTensor {
  readonly type: ElementName;
  readonly dims: readonly number[];
  /** The values in row-major order, little-endian. */
  readonly bytes: Uint8Array;
}

/** A tensor as the file stores it; it is read when it is needed. */
export interface StoredTensor {
  readonly name: string;
  readonly at: Place;
  /** @throws OnnxFormatError if it is malformed, or of a type that cannot be carried */
  read(): RawTensor;
  /** The entries that say where its values are, if that is another file. */
  readonly external: readonly Span[] | null;
}

/** The integer as a number between `low` and `high`. */
export function toNumber(span: Place, value: bigint, what: string, low: number, high = MAX_INT): number {
  if (value < low || value > high) refuse(span, `${what} is ${value}, not between ${low} and ${high}`);
  return Number(value);
}

export function storedTensor(unnamed: Span): StoredTensor {
  const message = decode(unnamed, TENSOR);
  const { name } = message;
  const at = { ...unnamed, path: `${unnamed.path} ${quote(name)}` };
  const external = isElsewhere(message) ? message.external_data : null;
  return { name, at, read: () => readStored(at, message), external };
}

/** 0 is the default: the values are in this file, whatever external_data still says. */
function isElsewhere({ data_location: location }: Message<typeof TENSOR, Span>): boolean {
  return location !== undefined && location !== 0n;
}

/** A tensor that is there already. */
export function keptTensor(name: string, tensor: RawTensor, at: Place): StoredTensor {
  return { name, at, read: () => tensor, external: null };
}

/**
 * Element type, dims and the number of values they say.
 *
 * @throws OnnxFormatError if a dimension or their product is out of range
 */
function shapeOf(at: Span, message: Message<typeof TENSOR, Span>): Omit<RawTensor, 'bytes'> & { count: number } {
  const type = elementName(message.data_type);
  if (!isElement(type)) refuse(at, `element type ${type} is not supported`);
  if (message.segment !== undefined) refuse(at, 'segment is not supported');
  const dims = message.dims.map((dim) => toNumber(at, dim, 'a dimension', 0));
  // Zeros are not counted, so that no reader overflows on the way to a product of zero.
  const extent = dims.reduce((product, dim) => product * (dim || 1), 1);
  if (extent > MAX_INT) refuse(at, `dims [${dims.slice(0, 8)}] have a product of more than ${MAX_INT}`);
  return { type, dims, count: dims.includes(0) ? 0 : extent };
}

/** Its shape and the bytes that its values take, for one whose values are in another file. */
export function externalShape(at: Span): Omit<RawTensor, 'bytes'> & { size: number } {
  const { type, dims, count } = shapeOf(at, decode(at, TENSOR));
  return { type, dims, size: count * elementOf(type).bits.BYTES_PER_ELEMENT };
}

const FIELDS = ['float_data', 'int32_data', 'int64_data', 'double_data', 'uint64_data'] as const;

function readStored(at: Span, message: Message<typeof TENSOR, Span>): RawTensor {
  const { type, dims, count } = shapeOf(at, message);
  const { raw_data: raw } = message;
  if (isElsewhere(message)) refuse(at, 'its values are in another file (external_data), which was not read');
  const { bits, field } = elementOf(type);
  if (message.string_data.length > 0) refuse(at, `is of type ${type}, but string_data is set`);
  for (const other of FIELDS) {
    if (message[other].length === 0) continue;
    if (raw) refuse(at, `has both raw_data and ${other}`);
    if (other !== field) refuse(at, `is of type ${type}, but ${other} is set`);
  }
  const found = raw ? raw.length / bits.BYTES_PER_ELEMENT : message[field].length;
  if (found !== count) refuse(at, `dims [${dims.slice(0, 8)}] say ${count} values of ${type}, there are ${found}`);
  return { type, dims, bytes: raw ?? typedBytes(at, type, message[field]) };
}

/** The bytes of numbers that have a field of their own. */
function typedBytes(at: Place, type: ElementName, values: readonly (number | bigint)[]): Uint8Array {
  const { bits, field } = elementOf(type);
  const wide = bits === BigInt64Array || bits === BigUint64Array;
  const array = wide ? new bits(values as bigint[] & number[]) : new bits(values.map(Number) as number[] & bigint[]);
  // A protobuf int32 silently cuts off what does not fit; an unsigned number above 2⁶³ arrives as a negative one.
  const same = (value: number | bigint, i: number) => BigInt.asIntN(64, BigInt(array[i]!)) === value;
  if (typeof values[0] === 'bigint' && !values.every(same)) refuse(at, `a value in ${field} does not fit ${type}`);
  return new Uint8Array(array.buffer);
}

/** The values, aligned in memory of their own; raw_data is little-endian, as is every host that glean runs on. */
export function valuesOf<T extends ElementTypeName>(type: T, bytes: Uint8Array): InstanceType<(typeof ARRAYS)[T]> {
  return new ARRAYS[type](new Uint8Array(bytes).buffer) as InstanceType<(typeof ARRAYS)[T]>;
}

/**
 * The tensor as the proof takes it.
 *
 * @throws OnnxFormatError if it is of another type, a bool is neither 0 nor 1, or (`finite`) a value is not finite
 */
export function toTensor(name: string, { type, dims, bytes }: RawTensor, at: Place, finite: boolean): Tensor {
  if (!Object.hasOwn(ElementType, type)) refuse(at, `element type ${type} is not supported`);
  const known = type as ElementTypeName;
  const data = valuesOf(known, bytes);
  if (known === 'bool' && (data as Uint8Array).some((value) => value > 1)) refuse(at, 'a bool is neither 0 nor 1');
  if (finite && (known === 'float32' || known === 'float64')) {
    const i = (data as Float32Array).findIndex((value) => !Number.isFinite(value));
    if (i >= 0) refuse(at, `value ${i} is ${data[i]}, not finite`);
  }
  return { name, type: known, dims, data };
}
