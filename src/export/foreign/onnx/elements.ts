/** The element types of ONNX tensors: numbers, sizes, and the fields that hold their values when raw_data does not. */

interface Element {
  readonly number: number;
  /** The array of the values' bits. */
  readonly bits:
    | typeof Float32Array
    | typeof Float64Array
    | typeof Int8Array
    | typeof Uint8Array
    | typeof Int16Array
    | typeof Uint16Array
    | typeof Int32Array
    | typeof Uint32Array
    | typeof BigInt64Array
    | typeof BigUint64Array;
  readonly field: 'float_data' | 'int32_data' | 'int64_data' | 'uint64_data' | 'double_data';
}

/** Those whose values can be carried through; a network may hold others where nothing is read. */
const ELEMENTS = {
  float32: { number: 1, bits: Float32Array, field: 'float_data' },
  uint8: { number: 2, bits: Uint8Array, field: 'int32_data' },
  int8: { number: 3, bits: Int8Array, field: 'int32_data' },
  uint16: { number: 4, bits: Uint16Array, field: 'int32_data' },
  int16: { number: 5, bits: Int16Array, field: 'int32_data' },
  int32: { number: 6, bits: Int32Array, field: 'int32_data' },
  int64: { number: 7, bits: BigInt64Array, field: 'int64_data' },
  bool: { number: 9, bits: Uint8Array, field: 'int32_data' },
  float16: { number: 10, bits: Uint16Array, field: 'int32_data' },
  float64: { number: 11, bits: Float64Array, field: 'double_data' },
  uint32: { number: 12, bits: Uint32Array, field: 'uint64_data' },
  uint64: { number: 13, bits: BigUint64Array, field: 'uint64_data' },
  bfloat16: { number: 16, bits: Uint16Array, field: 'int32_data' },
} as const satisfies Record<string, Element>;

export type ElementName = keyof typeof ELEMENTS;

/** TensorProto.DataType by number, so that a type of no use has a name. */
const NAMES =
  'undefined float32 uint8 int8 uint16 int16 int32 int64 string bool float16 float64 uint32 uint64 complex64 complex128 ' +
  'bfloat16 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz uint4 int4 float4e2m1 float8e8m0';

/** The name of an element type. */
export function elementName(number: bigint): string {
  return NAMES.split(' ')[Number(number)] ?? `type ${number}`;
}

export function isElement(name: string): name is ElementName {
  return Object.hasOwn(ELEMENTS, name);
}

export function elementOf(name: ElementName): Element {
  return ELEMENTS[name];
}
