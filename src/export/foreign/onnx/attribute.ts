/** Attributes as the proof takes them, and the tensors that Constant nodes stand for. */
import type { Attribute } from '../../../certify-runtime/trusted/onnx/model.ts';
import { quote } from '../../../certify-runtime/trusted/onnx/wire.ts';
import type { RawAttribute, RawNode } from './raw.ts';
import * as schema from './schema.ts';
import { keptTensor, type StoredTensor, storedTensor, toTensor } from './tensor.ts';
import { decode, refuse } from './wire.ts';

/**
 * @throws OnnxFormatError if it is malformed, of a kind that no rule could read, or (`finite`) a number in it is not
 *   finite
 */
export function readAttribute({ name, at: unnamed }: RawAttribute, finite: boolean): Attribute {
  const message = decode(unnamed, schema.ATTRIBUTE);
  const at = { ...unnamed, path: `${unnamed.path} ${quote(name)}` };
  if (message.ref_attr_name !== '') refuse(at, 'ref_attr_name is not supported outside a function');
  const type = schema.ATTRIBUTE_TYPES[Number(message.type) as keyof typeof schema.ATTRIBUTE_TYPES];
  const graph = message.type === 5n || message.type === 10n ? ', a graph,' : '';
  if (!type) refuse(at, `attribute type ${message.type}${graph} is not supported; simplify the model with onnxsim`);
  const [kind, field] = type;
  for (const other of schema.ATTRIBUTE_VALUES) {
    const value = message[other];
    const used = Array.isArray(value) ? value.length > 0 : value !== undefined;
    if (used && other !== field) refuse(at, `is of type ${kind}, but ${other} is set`);
  }
  // proto3 writers leave out a zero and an empty string.
  const absent = { f: 0, i: 0n, s: '' }[field as 'f' | 'i' | 's'];
  const raw = message[field] ?? absent ?? refuse(at, `is of type ${kind}, but ${field} is missing`);
  if (finite && (kind === 'float' || kind === 'floats')) {
    if (![raw].flat().every(Number.isFinite)) refuse(at, 'is not finite');
  }
  if (kind !== 'tensor') return { kind, value: raw } as Attribute;
  const tensor = storedTensor({ ...message.t!, path: at.path });
  return { kind, value: toTensor(tensor.name, tensor.read(), tensor.at, finite) };
}

/** The tensor a Constant node stands for, under the name of its output. */
export function constantOf({ at, inputs, outputs, attributes }: RawNode): StoredTensor {
  const [name] = outputs;
  const [attribute, ...more] = attributes;
  if (!name || outputs.length > 1 || inputs.length > 0 || !attribute || more.length > 0) {
    refuse(at, 'a Constant has one output, one attribute and no input');
  }
  const message = decode(attribute.at, schema.ATTRIBUTE);
  if (attribute.name === 'value' && message.t !== undefined) {
    const path = `${attribute.at.path} 'value'`;
    return { ...storedTensor({ ...message.t, path }), name };
  }
  const { kind, value } = readAttribute(attribute, false);
  const bytes = (array: { buffer: ArrayBuffer }) => new Uint8Array(array.buffer);
  const kept = (tensor: Parameters<typeof keptTensor>[1]) => keptTensor(name, tensor, attribute.at);
  if (attribute.name === 'value_float' && kind === 'float')
    return kept({ type: 'float32', dims: [], bytes: bytes(Float32Array.of(value)) });
  if (attribute.name === 'value_int' && kind === 'int')
    return kept({ type: 'int64', dims: [], bytes: bytes(BigInt64Array.of(value)) });
  if (attribute.name === 'value_floats' && kind === 'floats')
    return kept({ type: 'float32', dims: [value.length], bytes: bytes(Float32Array.from(value)) });
  if (attribute.name === 'value_ints' && kind === 'ints')
    return kept({ type: 'int64', dims: [value.length], bytes: bytes(BigInt64Array.from(value)) });
  refuse(at, `a Constant of ${quote(attribute.name)} (${kind}) is not supported`);
}
