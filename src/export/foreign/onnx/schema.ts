/**
 * The messages of an ONNX file, field by field.
 *
 * Taken from onnx.proto (proto2) of ONNX 1.18 to 1.20, IR version 13. `ignored` fields carry no computation; `refused`
 * ones do, or might, and glean has no use for them.
 */
import { ElementType } from '../../../certify-runtime/trusted/onnx/model.ts';
import type { Schema } from './wire.ts';

export const MODEL = {
  1: ['ir_version', 'int'],
  2: ['producer_name', 'string'],
  3: ['producer_version', 'string'],
  4: ['domain', 'string', 'ignored'],
  5: ['model_version', 'int', 'ignored'],
  6: ['doc_string', 'string', 'ignored'],
  7: ['graph', 'message'],
  8: ['opset_import', 'messages'],
  14: ['metadata_props', 'messages'],
  20: ['training_info', 'messages', 'refused'],
  25: ['functions', 'messages', 'refused'],
  26: ['configuration', 'messages', 'refused'],
} as const satisfies Schema;

export const OPSET = {
  1: ['domain', 'string'],
  2: ['version', 'int'],
} as const satisfies Schema;

export const ENTRY = {
  1: ['key', 'string'],
  2: ['value', 'string'],
} as const satisfies Schema;

export const GRAPH = {
  1: ['node', 'messages'],
  2: ['name', 'string'],
  5: ['initializer', 'messages'],
  10: ['doc_string', 'string', 'ignored'],
  11: ['input', 'messages'],
  12: ['output', 'messages'],
  13: ['value_info', 'messages', 'ignored'],
  14: ['quantization_annotation', 'messages', 'refused'],
  15: ['sparse_initializer', 'messages', 'refused'],
  16: ['metadata_props', 'messages', 'ignored'],
} as const satisfies Schema;

export const NODE = {
  1: ['input', 'strings'],
  2: ['output', 'strings'],
  3: ['name', 'string'],
  4: ['op_type', 'string'],
  5: ['attribute', 'messages'],
  6: ['doc_string', 'string', 'ignored'],
  7: ['domain', 'string'],
  8: ['overload', 'string', 'refused'],
  9: ['metadata_props', 'messages', 'ignored'],
  10: ['device_configurations', 'messages', 'refused'],
} as const satisfies Schema;

export const ATTRIBUTE = {
  1: ['name', 'string'],
  2: ['f', 'float', 'optional'],
  3: ['i', 'int', 'optional'],
  4: ['s', 'string', 'optional'],
  5: ['t', 'message', 'optional'],
  6: ['g', 'message', 'refused'],
  7: ['floats', 'floats'],
  8: ['ints', 'ints'],
  9: ['strings', 'strings'],
  10: ['tensors', 'messages', 'refused'],
  11: ['graphs', 'messages', 'refused'],
  13: ['doc_string', 'string', 'ignored'],
  14: ['tp', 'message', 'refused'],
  15: ['type_protos', 'messages', 'refused'],
  20: ['type', 'int'],
  21: ['ref_attr_name', 'string', 'refused'],
  22: ['sparse_tensor', 'message', 'refused'],
  23: ['sparse_tensors', 'messages', 'refused'],
} as const satisfies Schema;

/** AttributeProto.AttributeType: our name for the kind, and the field that holds its value. */
export const ATTRIBUTE_TYPES = {
  1: ['float', 'f'],
  2: ['int', 'i'],
  3: ['string', 's'],
  4: ['tensor', 't'],
  6: ['floats', 'floats'],
  7: ['ints', 'ints'],
  8: ['strings', 'strings'],
} as const;

export const TENSOR = {
  1: ['dims', 'ints'],
  2: ['data_type', 'int'],
  3: ['segment', 'message', 'refused'],
  4: ['float_data', 'floats'],
  5: ['int32_data', 'ints'],
  6: ['string_data', 'strings', 'refused'],
  7: ['int64_data', 'ints'],
  8: ['name', 'string'],
  9: ['raw_data', 'blob', 'optional'],
  10: ['double_data', 'doubles'],
  11: ['uint64_data', 'ints', 'refused'],
  12: ['doc_string', 'string', 'ignored'],
  13: ['external_data', 'messages', 'refused'],
  14: ['data_location', 'int', 'refused'],
  16: ['metadata_props', 'messages', 'ignored'],
} as const satisfies Schema;

export const VALUE_INFO = {
  1: ['name', 'string'],
  2: ['type', 'message'],
  3: ['doc_string', 'string', 'ignored'],
  4: ['metadata_props', 'messages', 'ignored'],
} as const satisfies Schema;

export const TYPE = {
  1: ['tensor_type', 'message'],
  4: ['sequence_type', 'message', 'refused'],
  5: ['map_type', 'message', 'refused'],
  6: ['denotation', 'string', 'ignored'],
  7: ['opaque_type', 'message', 'refused'],
  8: ['sparse_tensor_type', 'message', 'refused'],
  9: ['optional_type', 'message', 'refused'],
} as const satisfies Schema;

export const TENSOR_TYPE = {
  1: ['elem_type', 'int'],
  2: ['shape', 'message'],
} as const satisfies Schema;

export const SHAPE = { 1: ['dim', 'messages'] } as const satisfies Schema;

export const DIMENSION = {
  1: ['dim_value', 'int', 'optional'],
  2: ['dim_param', 'string', 'optional'],
  3: ['denotation', 'string', 'ignored'],
} as const satisfies Schema;

/** TensorProto.DataType by number, so that a refused type has a name. */
const TYPE_NAMES =
  'undefined float32 uint8 int8 uint16 int16 int32 int64 string bool float16 float64 uint32 uint64 complex64 complex128 ' +
  'bfloat16 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz uint4 int4 float4e2m1';

/** The name of an element type, and whether glean reads it. */
export function elementTypeName(number: bigint): readonly [name: string, known: boolean] {
  const name = TYPE_NAMES.split(' ')[Number(number)] ?? `type ${number}`;
  return [name, Object.hasOwn(ElementType, name)];
}
