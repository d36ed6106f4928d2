/**
 * The messages of an ONNX file, field by field.
 *
 * Taken from onnx.proto (proto2) of ONNX 1.18 to 1.20, IR version 13. `ignored` fields carry no computation, or none
 * that inference runs. What glean does not read is refused where it is used, not here: most of a file may be unused.
 */
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
  20: ['training_info', 'messages', 'ignored'],
  25: ['functions', 'messages'],
  26: ['configuration', 'messages', 'ignored'],
} as const satisfies Schema;

export const FUNCTION = {
  1: ['name', 'string'],
  4: ['input', 'strings'],
  5: ['output', 'strings'],
  6: ['attribute', 'strings'],
  7: ['node', 'messages'],
  8: ['doc_string', 'string', 'ignored'],
  9: ['opset_import', 'messages'],
  10: ['domain', 'string'],
  11: ['attribute_proto', 'messages'],
  12: ['value_info', 'messages', 'ignored'],
  13: ['overload', 'string'],
  14: ['metadata_props', 'messages', 'ignored'],
} as const satisfies Schema;

export const SPARSE_TENSOR = {
  1: ['values', 'message'],
  2: ['indices', 'message', 'optional'],
  3: ['dims', 'ints'],
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
  14: ['quantization_annotation', 'messages', 'ignored'],
  15: ['sparse_initializer', 'messages'],
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
  8: ['overload', 'string'],
  9: ['metadata_props', 'messages', 'ignored'],
  10: ['device_configurations', 'messages', 'ignored'],
} as const satisfies Schema;

export const ATTRIBUTE = {
  1: ['name', 'string'],
  2: ['f', 'float', 'optional'],
  3: ['i', 'int', 'optional'],
  4: ['s', 'string', 'optional'],
  5: ['t', 'message', 'optional'],
  6: ['g', 'message', 'optional'],
  7: ['floats', 'floats'],
  8: ['ints', 'ints'],
  9: ['strings', 'strings'],
  10: ['tensors', 'messages'],
  11: ['graphs', 'messages'],
  13: ['doc_string', 'string', 'ignored'],
  14: ['tp', 'message', 'optional'],
  15: ['type_protos', 'messages'],
  20: ['type', 'int'],
  21: ['ref_attr_name', 'string'],
  22: ['sparse_tensor', 'message', 'optional'],
  23: ['sparse_tensors', 'messages'],
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

/** Every field that may hold an attribute's value. */
export const ATTRIBUTE_VALUES = [
  'f',
  'i',
  's',
  't',
  'g',
  'floats',
  'ints',
  'strings',
  'tensors',
  'graphs',
  'tp',
  'type_protos',
  'sparse_tensor',
  'sparse_tensors',
] as const;

export const TENSOR = {
  1: ['dims', 'ints'],
  2: ['data_type', 'int'],
  3: ['segment', 'message', 'optional'],
  4: ['float_data', 'floats'],
  5: ['int32_data', 'ints'],
  6: ['string_data', 'messages'],
  7: ['int64_data', 'ints'],
  8: ['name', 'string'],
  9: ['raw_data', 'blob', 'optional'],
  10: ['double_data', 'doubles'],
  11: ['uint64_data', 'ints'],
  12: ['doc_string', 'string', 'ignored'],
  13: ['external_data', 'messages'],
  14: ['data_location', 'int', 'optional'],
  16: ['metadata_props', 'messages', 'ignored'],
} as const satisfies Schema;

export const VALUE_INFO = {
  1: ['name', 'string'],
  2: ['type', 'message', 'optional'],
  3: ['doc_string', 'string', 'ignored'],
  4: ['metadata_props', 'messages', 'ignored'],
} as const satisfies Schema;

export const TYPE = {
  1: ['tensor_type', 'message', 'optional'],
  4: ['sequence_type', 'message', 'ignored'],
  5: ['map_type', 'message', 'ignored'],
  6: ['denotation', 'string', 'ignored'],
  7: ['opaque_type', 'message', 'ignored'],
  8: ['sparse_tensor_type', 'message', 'ignored'],
  9: ['optional_type', 'message', 'ignored'],
} as const satisfies Schema;

export const TENSOR_TYPE = {
  1: ['elem_type', 'int'],
  2: ['shape', 'message', 'optional'],
} as const satisfies Schema;

export const SHAPE = { 1: ['dim', 'messages'] } as const satisfies Schema;

export const DIMENSION = {
  1: ['dim_value', 'int', 'optional'],
  2: ['dim_param', 'string', 'optional'],
  3: ['denotation', 'string', 'ignored'],
} as const satisfies Schema;
