/**
 * Reads a sealed file's ONNX from bytes to `OnnxModel`. It does not judge operators or shapes; the proof does.
 *
 * A proof is worth something only if ONNX Runtime reads the same model from the same bytes. So only what glean writes
 * is accepted: the model is written again, and must come out as these bytes. That rules out unknown or repeated fields,
 * another order, another spelling of a number or a text, and whatever else two protobuf readers might take differently.
 * src/export/foreign/onnx reads other programs' files, for the sealer.
 */

import { decodeOnnx, encodeOnnx } from './codec.ts';
import type { Graph, OnnxModel } from './model.ts';
import { firstDifference, quote, refuse } from './wire.ts';

const MAX_BYTES = 2 ** 31 - 1; // This is protobuf's own limit.

/**
 * @throws OnnxFormatError if glean would not write these bytes for a model, or its graph is not sorted and in SSA form
 */
export function readOnnx(bytes: Uint8Array): OnnxModel {
  if (bytes.length > MAX_BYTES) refuse(`${bytes.length} bytes, more than ${MAX_BYTES}`);
  // With this mark at bytes 4 to 7, ONNX Runtime takes the file for a flatbuffer in its own format: another model.
  if (String.fromCharCode(...bytes.subarray(4, 8)) === 'ORTM') refuse("bytes 4 to 7 are 'ORTM'", { offset: 4 });
  const model = decodeOnnx(bytes);
  const written = encodeOnnx(model);
  const offset = firstDifference(bytes, written);
  if (offset >= 0) {
    refuse(
      `byte ${offset} is ${bytes[offset]}, but 'glean seal' writes ${written[offset]} there: a field is unknown, absent, repeated, out of order or spelled another way`,
      { offset },
    );
  }
  checkOrder(model.graph);
  return model;
}

/** Every value is defined once, and before it is used. */
function checkOrder({ inputs, initializers, nodes, outputs }: Graph): void {
  const defined = new Set<string>();
  const define = (name: string) => {
    if (name === '' || defined.has(name)) refuse(`${quote(name)} is no name, or already defined`, { name });
    defined.add(name);
  };
  const use = (name: string) => {
    if (!defined.has(name)) refuse(`${quote(name)} is not defined before it is used`, { name });
  };
  for (const { name } of inputs) define(name);
  for (const name of initializers.keys()) define(name);
  for (const node of nodes) {
    for (const name of node.inputs) if (name !== '') use(name);
    for (const name of node.outputs) if (name !== '') define(name);
  }
  for (const { name } of outputs) use(name);
}
