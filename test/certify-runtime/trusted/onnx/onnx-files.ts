/** ONNX files put together from parts, and how their refusals are checked. */
import assert from 'node:assert/strict';
import { OnnxFormatError } from '../../../../src/certify-runtime/trusted/errors.ts';
import { readOnnx } from '../../../../src/certify-runtime/trusted/onnx/read.ts';
import { readForeignOnnx } from '../../../../src/export/foreign/onnx/read.ts';
import { cat, int, len, type Part } from './onnx-samples.ts';

export const bytes = (...values: number[]) => Uint8Array.from(values);
export const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
export const longs = (...values: bigint[]) => new Uint8Array(BigInt64Array.from(values).buffer);

export const info = (name: string, type: number, ...dims: Part[]) =>
  cat(len(1, name), len(2, len(1, int(1, type), len(2, ...dims.map((dim) => len(1, dim))))));
export const parts = {
  node: cat(len(1, 'x'), len(1, 'W'), len(2, 'y'), len(3, 'n'), len(4, 'Mul')),
  tensor: cat(int(1, 2), int(2, 1), len(8, 'W'), len(9, floats(1, 2))),
  input: info('x', 1, len(2, 'N'), int(1, 2)),
  output: info('y', 1, len(2, 'N'), int(1, 2)),
  opset: cat(len(1, ''), int(2, 18)),
};
export const graph = (...middle: Part[]) => cat(...middle, len(11, parts.input), len(12, parts.output));
export const graphOf = (node: Part, tensor: Part) => cat(len(1, node), len(2, 'g'), len(5, tensor));
export const head = cat(int(1, 10), len(2, 'p'), len(3, '1'));
export const tail = len(8, parts.opset);

export const file = (content: Part, after: Part = cat()) => cat(head, len(7, content), tail, after);
export const valid = file(graph(graphOf(parts.node, parts.tensor)));
export const withGraph = (...after: Part[]) => file(cat(graph(graphOf(parts.node, parts.tensor)), ...after));
export const withNode = (...node: Part[]) => file(graph(graphOf(cat(...node), parts.tensor)));
export const withTensor = (...tensor: Part[]) => file(graph(graphOf(parts.node, cat(...tensor))));
export const moreNode = (...after: Part[]) => withNode(parts.node, ...after);
export const moreTensor = (...after: Part[]) => withTensor(parts.tensor, ...after);
export const withAttribute = (...content: Part[]) => moreNode(len(5, len(1, 'a'), ...content));
export const withType = (...type: Part[]) =>
  file(cat(graphOf(parts.node, parts.tensor), len(11, len(1, 'x'), len(2, ...type)), len(12, parts.output)));
export const withDim = (...dim: Part[]) => withType(len(1, int(1, 1), len(2, len(1, ...dim))));
export const constant = (attribute: Part, ...more: Part[]) =>
  file(
    graph(
      len(1, ...more, len(2, 'W'), len(3, ''), len(4, 'Constant'), len(5, attribute)),
      len(1, parts.node),
      len(2, 'g'),
    ),
  );

const refusal = (read: (content: Uint8Array) => unknown, content: Uint8Array, message: RegExp) =>
  assert.throws(
    () => read(content),
    (error: Error) => {
      assert(error instanceof OnnxFormatError, String(error.stack));
      assert.match(error.message, message);
      return true;
    },
  );
export const foreignRefuses = (content: Uint8Array, message: RegExp) => refusal(readForeignOnnx, content, message);
export const refuses = (content: Uint8Array, message = /^ONNX file: /) => refusal(readOnnx, content, message);
