/** The network of a sealed file without its certificate head, as an ONNX file: what a certifier runs. */

import { HEAD_PREFIX, TENSORS } from './names.ts';
import * as schema from './onnx/schema.ts';
import { decode, type Span } from './onnx/wire.ts';

/** A protobuf varint of a length below 2³¹. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return [...bytes, value];
}

/** Length-delimited field `number`, its content as pieces. */
function field(number: number, content: readonly Uint8Array[]): readonly Uint8Array[] {
  const length = content.reduce((sum, piece) => sum + piece.length, 0);
  return [Uint8Array.from([number * 8 + 2, ...varint(length)]), ...content];
}

/**
 * Cuts a sealed file's bytes: nodes and initializers of the head, the outputs `label` and `radius`, and the metadata are
 * left out, everything else is copied as it is. So the network that is run is, byte for byte, the one that was proven; its
 * radius is then computed by margin.ts from logits and image norms, in float64 and at a tenth of the head's cost.
 *
 * @param bytes a file that readSealed has accepted: fields in ascending order, none but those the format has
 */
export function networkBytes(bytes: Uint8Array): Uint8Array {
  const { buffer, byteOffset, byteLength: end } = bytes;
  const whole = new Uint8Array(buffer, byteOffset, end);
  const span: Span = {
    bytes: whole,
    view: new DataView(buffer, byteOffset, end),
    lenient: false,
    start: 0,
    end,
    path: '',
  };
  const piece = (part: Span) => [whole.subarray(part.start, part.end)];
  const model = decode(span, schema.MODEL);
  const graph = decode(model.graph, schema.GRAPH);
  const graphLength = model.graph.end - model.graph.start;
  const beforeGraph = model.graph.start - 1 - varint(graphLength).length;
  const isHead = ({ name }: { readonly name: string }) => name.startsWith(HEAD_PREFIX);
  const content = [
    ...graph.node.filter((at) => !isHead(decode(at, schema.NODE))).flatMap((at) => field(1, piece(at))),
    ...field(2, [new TextEncoder().encode(graph.name)]),
    ...graph.initializer.filter((at) => !isHead(decode(at, schema.TENSOR))).flatMap((at) => field(5, piece(at))),
    ...graph.input.flatMap((at) => field(11, piece(at))),
    ...graph.output
      .filter((at) => [TENSORS.logits, TENSORS.latent].some((name) => name === decode(at, schema.VALUE_INFO).name))
      .flatMap((at) => field(12, piece(at))),
  ];
  const pieces = [
    whole.subarray(0, beforeGraph),
    ...field(7, content),
    ...model.opset_import.flatMap((at) => field(8, piece(at))),
  ];
  const result = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of pieces) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
