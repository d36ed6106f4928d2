/** Writes an ONNX file from an `OnnxModel`, after a check that the file can represent every value exactly. */
import { OnnxFormatError } from '../../certify-runtime/trusted/errors.ts';
import { ARRAYS, encodeOnnx } from '../../certify-runtime/trusted/onnx/codec.ts';
import type { Attribute, OnnxModel, Tensor } from '../../certify-runtime/trusted/onnx/model.ts';
import { readOnnx } from '../../certify-runtime/trusted/onnx/read.ts';
import { quote } from '../../certify-runtime/trusted/onnx/wire.ts';

/**
 * The file's bytes. They are read back before they are returned, so a model that cannot be sealed is refused here.
 *
 * @throws {OnnxFormatError} if the model breaks a rule of the reader, or contains a value that the file cannot
 *   represent exactly (an attribute that is not a float32, a lone surrogate): nothing is rounded or replaced on the
 *   way.
 */
export function writeOnnx(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const bytes = encodeExactly(model);
  readOnnx(bytes);
  return bytes;
}

/**
 * The file's bytes, for a caller that reads them back itself.
 *
 * @throws {OnnxFormatError} if the model contains a value that the file cannot represent exactly
 */
export function encodeExactly(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const { graph } = model;
  integers(model.irVersion, model.opset);
  texts(model.producerName, model.producerVersion, graph.name, ...[...model.metadata].flat());
  for (const { op, name, inputs, outputs, attributes } of graph.nodes) {
    texts(op, name, ...inputs, ...outputs);
    if (op === 'Constant') fail(`node ${quote(name)} is a Constant: a sealed file holds constants as initializers`);
    for (const [key, attribute] of attributes) checkAttribute(key, attribute);
  }
  for (const [name, tensor] of graph.initializers) {
    if (name !== tensor.name) fail(`initializer ${quote(tensor.name)} is filed under ${quote(name)}`);
    checkTensor(tensor);
  }
  for (const { name, dims } of [...graph.inputs, ...graph.outputs]) {
    texts(name, ...dims.filter((dim) => typeof dim === 'string'));
    integers(...dims.filter((dim) => typeof dim === 'number'));
  }
  return encodeOnnx(model);
}

function checkAttribute(name: string, { kind, value }: Attribute): void {
  texts(name);
  if (kind === 'tensor') checkTensor(value);
  for (const entry of kind === 'tensor' ? [] : [value].flat()) {
    if (typeof entry === 'string') texts(entry);
    else if (typeof entry === 'bigint') {
      if (BigInt.asIntN(64, entry) !== entry) fail(`${entry} is not a 64-bit integer`);
    } else if (!Object.is(Math.fround(entry), entry)) fail(`${entry} is not a float32 (Math.fround it)`);
  }
}

function checkTensor({ name, type, dims, data }: Tensor): void {
  texts(name);
  integers(...dims);
  if (!(data instanceof ARRAYS[type])) fail(`tensor ${quote(name)} is of type ${type}, its data is not`);
}

function texts(...values: readonly string[]): void {
  for (const value of values) if (/\p{Surrogate}/u.test(value)) fail(`${quote(value)} holds a lone surrogate`);
}

function integers(...values: readonly number[]): void {
  for (const value of values) if (!Number.isSafeInteger(value) || value < 0) fail(`${value} is not an integer ≥ 0`);
}

function fail(problem: string): never {
  throw new OnnxFormatError(`cannot write: ${problem}`, { problem });
}
