/** The network of a sealed file without its certificate head, as an ONNX file: what a certifier runs. */

import { HEAD_PREFIX, TENSORS } from './names.ts';
import { GRAPH, MODEL, NODE, TENSOR, VALUE_INFO } from './onnx/field-numbers.ts';
import { type Field, fieldsOf, partOf, textOf } from './onnx/fields.ts';

/** Where each part of a graph has its name. */
const NAME: Readonly<Record<number, number>> = {
  [GRAPH.node]: NODE.name,
  [GRAPH.initializer]: TENSOR.name,
  [GRAPH.output]: VALUE_INFO.name,
};

/** A length-delimited field: its tag and length, then its content. */
function field(number: number, content: readonly Uint8Array[]): Uint8Array[] {
  const head = [number * 8 + 2];
  let length = content.reduce((sum, piece) => sum + piece.length, 0);
  for (; length >= 0x80; length = Math.floor(length / 128)) head.push((length % 128) | 0x80);
  return [Uint8Array.from([...head, length]), ...content];
}

/**
 * Cuts a sealed file's bytes: nodes and initializers of the head, the outputs `label` and `radius`, and the metadata are
 * left out, everything else is copied as it is. So the network that is run is, byte for byte, the one that was proven; its
 * radius is then computed by margin.ts from logits and image norms, in float64 and at a tenth of the head's cost.
 *
 * @param bytes a file that readSealed has accepted, or that is signed
 */
export function networkBytes(bytes: Uint8Array): Uint8Array {
  const kept = (number: number, part: Field) => {
    const nameField = NAME[number];
    if (nameField === undefined) return true;
    const name = textOf(bytes, partOf(bytes, part), nameField);
    return number === GRAPH.output ? name === TENSORS.logits || name === TENSORS.latent : !name.startsWith(HEAD_PREFIX);
  };
  const piece = ({ start, end }: Field) => [bytes.subarray(start, end)];
  const fields = fieldsOf(bytes);
  const graph = fields.find(({ number }) => number === MODEL.graph)!;
  const content = partOf(bytes, graph)
    .filter((part) => kept(part.number, part))
    .flatMap((part) => field(part.number, piece(part)));
  // Before the graph: numbers and names, copied whole. After it: the operator set.
  const before = bytes.subarray(0, graph.start - field(MODEL.graph, piece(graph))[0]!.length);
  const after = fields
    .filter(({ number, start }) => start > graph.start && number !== MODEL.metadata_props)
    .flatMap((part) => field(part.number, piece(part)));
  const pieces = [before, ...field(MODEL.graph, content), ...after];
  const result = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of pieces) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
