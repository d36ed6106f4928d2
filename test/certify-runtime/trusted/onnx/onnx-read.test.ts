import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readOnnx } from '../../../../src/certify-runtime/trusted/onnx/read.ts';
import {
  bytes,
  file,
  floats,
  foreignRefuses,
  graph,
  graphOf,
  head,
  info,
  moreNode,
  moreTensor,
  parts,
  refuses,
  tail,
  valid,
  withAttribute,
  withDim,
  withGraph,
  withNode,
  withTensor,
  withType,
} from './onnx-files.ts';
import { cat, float, int, len, varint } from './onnx-samples.ts';

/** A graph in a graph in a graph. */
const nested = (depth: number): Uint8Array =>
  depth === 0 ? cat() : cat(len(1, len(4, 'If'), len(5, len(1, 'a'), len(6, nested(depth - 1)), int(20, 5))));

describe('both readers refuse', () => {
  const lastByte = (byte: number) => cat(valid.subarray(0, -1), byte);
  const cases: Record<string, [Uint8Array, RegExp]> = {
    'an empty file': [bytes(), /model: ir_version is missing/],
    'a cut-off length': [valid.subarray(0, -1), /opset_import takes 4 bytes, 3 are left/],
    'a truncated varint': [lastByte(0x92), /opset_import\[0\]: a varint takes 1 bytes, 0 are left/],
    'a varint longer than needed': [cat(8, 0x8a, 0, valid.subarray(2)), /not in its shortest form/],
    'a tag longer than needed': [cat(0x88, 0, 10, valid.subarray(2)), /not in its shortest form/],
    'a varint longer than 64 bits': [cat(8, ...Array(9).fill(0xff), 2), /longer than 64 bits/],
    'a varint of eleven bytes': [cat(8, ...Array(10).fill(0xff), 1), /longer than 64 bits/],
    'a length beyond the end': [
      cat(head, varint(58), varint(2n ** 63n), 1),
      /graph takes 9223372036854776000 bytes, 1 are left/,
    ],
    'trailing garbage': [cat(valid, 'x'), /unknown field 15|takes/],
    'trailing zeros': [cat(valid, 0), /field number 0/],
    'a group': [cat(valid, 8 * 14 + 3), /field 14 is a group/],
    'the end of a group': [cat(valid, 8 * 14 + 4), /field 14 is a group/],
    'an invalid wire type': [cat(valid, 8 * 14 + 6), /metadata_props has wire type 6/],
    'another wire type': [cat(valid, int(14, 1)), /metadata_props has wire type 0, not 2/],
    'a fixed-width integer': [cat(8 + 5, 1, 0, 0, 0), /wire type 5/],
    'an unknown field': [cat(valid, int(99, 1)), /model: unknown field 99/],
    'a field number beyond 32 bits': [cat(valid, varint(2n ** 35n + 8n), 1), /unknown field/],
    'text that is not UTF-8': [withNode(len(1, bytes(0xc0, 0x80)), parts.node), /node\[0\]\.input\[0\]: .* UTF-8/],
    'a surrogate in UTF-8': [withNode(len(1, bytes(0xed, 0xa0, 0x80)), parts.node), /not valid UTF-8/],
    'a NUL in text': [withNode(len(1, 'x\0'), parts.node), /NUL/],
    'a graph twice': [cat(head, len(7, ''), len(7, ''), tail), /graph is there twice/],
    'a name twice': [cat(head, len(7, len(2, 'a'), len(2, 'b')), tail), /graph: name is there twice/],
    'a metadata key twice': [
      cat(valid, len(14, len(1, 'k'), len(2, 'a')), len(14, len(1, 'k'), len(2, 'b'))),
      /metadata_props\[1\]: 'k' is there twice/,
    ],
    'an old IR version': [cat(int(1, 2), valid.subarray(2)), /ir_version is 2, not between 3 and 14/],
    'a negative IR version': [cat(int(1, -1), valid.subarray(2)), /ir_version is -1/],
    'no opset': [cat(head, len(7, graph(graphOf(parts.node, parts.tensor)))), /opset_import does not name/],
    'the opset twice': [cat(valid, len(8, len(1, 'ai.onnx'), int(2, 17))), /is imported as 18 and as 17/],
    'opset 0': [cat(valid.subarray(0, -6), len(8, len(1, ''), int(2, 0))), /version is 0/],
    'a function twice': [cat(valid, len(25, len(1, 'f')), len(25, len(1, 'f'))), /is there twice/],
    'a flatbuffer in ORT format': [cat(int(1, 10), len(2, 'ORTM'), valid.subarray(5)), /'ORTM'/],

    sparse_initializer: [withGraph(len(15, len(1, int(2, 1), len(8, 'S')))), /'S' is sparse, which is not supported/],
    'an initializer twice': [
      file(graph(graphOf(parts.node, parts.tensor), len(5, parts.tensor))),
      /graph\.initializer\[1\]: 'W' is there twice/,
    ],
    'an output computed twice': [
      file(graph(len(1, parts.node), len(1, parts.node), len(2, 'g'), len(5, parts.tensor))),
      /graph\.node\[1\]: 'y' is already defined by graph\.node\[0\]/,
    ],
    'an output named as an initializer': [
      withNode(len(1, 'x'), len(2, 'W'), len(3, ''), len(4, 'Relu')),
      /already defined/,
    ],
    'an input twice': [
      file(cat(graphOf(parts.node, parts.tensor), len(11, parts.input), len(11, parts.input), len(12, parts.output))),
      /graph\.input\[1\]: 'x' is already defined/,
    ],
    'an input without a name': [
      file(cat(graphOf(parts.node, parts.tensor), len(11, info('', 1)), len(12, parts.output))),
      /has no name/,
    ],
    'an undefined input of a node': [
      withNode(len(1, 'q'), len(2, 'y'), len(3, ''), len(4, 'Relu')),
      /'q' is not defined/,
    ],
    'a loop': [withNode(len(1, 'y'), len(2, 'y'), len(3, ''), len(4, 'Relu')), /'y' is not defined before/],
    'nodes out of order': [
      file(
        graph(
          len(1, len(1, 'h'), len(2, 'y'), len(3, ''), len(4, 'Relu')),
          len(1, len(1, 'x'), len(2, 'h'), len(3, ''), len(4, 'Relu')),
          len(2, 'g'),
        ),
      ),
      /graph\.node\[0\]: 'h' is not defined before it is used/,
    ],
    'an undefined output': [withGraph(len(12, info('q', 1))), /graph\.output\[1\]: 'q' is not defined/],
    'an output twice': [withGraph(len(12, parts.output)), /graph\.output\[1\]: 'y' is there twice/],
    'more than 100 000 nodes': [
      file(new Uint8Array(200_002).map((_, i) => (i % 2 ? 0 : 10))),
      /more than 100000 of node/,
    ],

    'an attribute twice': [
      moreNode(len(5, len(1, 'a'), int(3, 1), int(20, 2)), len(5, len(1, 'a'), int(3, 1), int(20, 2))),
      /attribute\[1\]: 'a' is there twice/,
    ],
    'a subgraph': [withAttribute(len(6, ''), int(20, 5)), /attribute\[0\] 'a': attribute type 5, a graph,.* onnxsim/],
    subgraphs: [withAttribute(len(11, ''), int(20, 10)), /attribute type 10, a graph, is not supported/],
    'graphs nested deep': [withAttribute(len(6, nested(200)), int(20, 5)), /graphs are nested too deep/],
    'several tensors': [withAttribute(len(10, parts.tensor), int(20, 9)), /attribute type 9 is not supported/],
    'a sparse tensor': [withAttribute(len(22, ''), int(20, 11)), /attribute type 11 is not supported/],
    'a type besides': [withAttribute(len(14, ''), int(20, 2)), /is of type int, but tp is set/],
    'types besides': [withAttribute(len(15, ''), int(20, 2)), /is of type int, but type_protos is set/],
    ref_attr_name: [withAttribute(len(21, 'q'), int(20, 2)), /ref_attr_name is not supported outside a function/],
    'an attribute without a type': [withAttribute(int(3, 1)), /attribute\[0\]: type is missing/],
    'an undefined attribute type': [withAttribute(int(3, 1), int(20, 0)), /attribute type 0 is not supported/],
    'a graph-typed attribute': [withAttribute(int(20, 5)), /attribute type 5, a graph, is not supported/],
    'a type cut to 32 bits': [withAttribute(int(3, 1), int(20, 2n ** 32n + 2n)), /attribute type 4294967298/],
    'an attribute of two types': [withAttribute(float(2, 1), int(3, 1), int(20, 2)), /is of type int, but f is set/],
    'an attribute of a wrong type': [withAttribute(int(8, 1), int(20, 6)), /is of type floats, but ints is set/],
    'an attribute without its tensor': [withAttribute(int(20, 4)), /is of type tensor, but t is missing/],
    'a NaN attribute': [withAttribute(float(2, NaN), int(20, 1)), /attribute\[0\] 'a': is not finite/],
    'an infinite attribute': [withAttribute(float(7, 1), float(7, Infinity), int(20, 6)), /is not finite/],
    'an attribute that is not text': [withAttribute(len(4, bytes(0xff)), int(20, 3)), /not valid UTF-8/],

    segment: [moreTensor(len(3, '')), /segment is not supported/],
    string_data: [moreTensor(len(6, '')), /is of type float32, but string_data is set/],
    uint64_data: [moreTensor(int(11, 1)), /has both raw_data and uint64_data/],
    data_location: [moreTensor(int(14, 1)), /initializer\[0\] 'W': its values are in another file \(external_data\)/],
    'too few values': [
      withTensor(int(1, 3), int(2, 1), len(8, 'W'), len(9, floats(1, 2))),
      /graph\.initializer\[0\] 'W': dims \[3\] say 3 values of float32, there are 2 \(at byte \d+\)/,
    ],
    'half a value': [withTensor(int(1, 2), int(2, 1), len(8, 'W'), len(9, bytes(1, 2, 3, 4, 5, 6))), /there are 1\.5/],
    'a scalar without value': [withTensor(int(2, 1), len(8, 'W'), len(9, '')), /dims \[\] say 1 values/],
    'a huge shape': [
      withTensor(int(1, 2 ** 30), int(1, 2 ** 30), int(2, 1), len(8, 'W'), len(9, '')),
      /a product of more/,
    ],
    'a huge empty shape': [
      withTensor(int(1, 2 ** 30), int(1, 2 ** 30), int(1, 0), int(2, 1), len(8, 'W'), len(9, '')),
      /a product of more/,
    ],
    'an empty shape of one too many': [
      withTensor(int(1, 2 ** 31), int(1, 0), int(2, 1), len(8, 'W'), len(9, '')),
      /a product of more|a dimension/,
    ],
    'a shape cut to 32 bits': [
      withTensor(int(1, 2n ** 32n + 2n), int(2, 1), len(8, 'W'), len(9, floats(1, 2))),
      /a dimension/,
    ],
    'a negative dimension': [withTensor(int(1, -2), int(2, 1), len(8, 'W'), len(9, floats(1, 2))), /a dimension is -2/],
    'two negative dimensions, whose product fits': [
      withTensor(int(1, -1), int(1, -2), int(2, 1), len(8, 'W'), len(9, floats(1, 2))),
      /a dimension is -1/,
    ],
    'float16 values': [
      withTensor(int(1, 2), int(2, 10), len(8, 'W'), len(9, floats(1))),
      /element type float16 is not/,
    ],
    'string values': [
      withTensor(int(1, 2), int(2, 8), len(8, 'W'), len(9, '')),
      /element type string is not supported/,
    ],
    'an unknown element type': [withTensor(int(1, 2), int(2, 99), len(8, 'W'), len(9, '')), /element type type 99/],
    'a negative element type': [withTensor(int(1, 2), int(2, -1), len(8, 'W'), len(9, '')), /element type type -1/],
    'a NaN weight': [
      withTensor(int(1, 2), int(2, 1), len(8, 'W'), len(9, floats(1, NaN))),
      /value 1 is NaN, not finite/,
    ],
    'an infinite weight': [
      withTensor(int(1, 1), int(2, 1), len(8, 'W'), len(9, floats(-Infinity))),
      /value 0 is -Infinity/,
    ],
    'an infinite float64': [
      withTensor(int(1, 1), int(2, 11), len(8, 'W'), len(9, bytes(0, 0, 0, 0, 0, 0, 0xf0, 0x7f))),
      /value 0 is Infinity/,
    ],
    'a bool of 2': [withTensor(int(1, 1), int(2, 9), len(8, 'W'), len(9, bytes(2))), /neither 0 nor 1/],

    'a sequence for input': [withType(len(4, '')), /graph\.input\[0\]: it is not a tensor/],
    'a map for input': [withType(len(5, '')), /it is not a tensor/],
    'an opaque input': [withType(len(7, '')), /it is not a tensor/],
    'a sparse input': [withType(len(8, '')), /it is not a tensor/],
    'an optional input': [withType(len(9, '')), /it is not a tensor/],
    'an input without a type': [withType(), /graph\.input\[0\]: it is not a tensor/],
    'an input without a shape': [withType(len(1, int(1, 1))), /graph\.input\[0\]: shape is missing/],
    'a dimension that is two things': [withDim(int(1, 2), len(2, 'N')), /dim\[0\]: has both dim_value and dim_param/],
    'a dimension twice': [withDim(int(1, 2), int(1, 3)), /dim_value is there twice/],
    'a dimension of -2': [withDim(int(1, -2)), /dim_value is -2/],
  };
  /** A sealed file has one version and one form of inputs and outputs: readSealed holds these against it. */
  const SEALED_ONLY = new Set([
    'an old IR version',
    'a negative IR version',
    'opset 0',
    'an output twice',
    'a dimension of -2',
  ]);
  for (const [what, [content, message]] of Object.entries(cases)) {
    it(what, () => {
      foreignRefuses(content, message);
      if (!SEALED_ONLY.has(what)) refuses(content);
    });
  }

  it('more than 2 GiB', () => {
    refuses(new Uint8Array(2 ** 31), /2147483648 bytes, more than 2147483647/);
    // One byte less is looked at, and is no model.
    refuses(new Uint8Array(2 ** 31 - 1), /one too many/);
  });
});

describe('the reader of sealed files', () => {
  it('refuses a constant and an input without a name', () => {
    const given = graphOf(parts.node, parts.tensor);
    const unnamed = len(5, int(1, 1), int(2, 1), len(8, ''), len(9, floats(1)));
    const [input, output] = [len(11, parts.input), len(12, parts.output)];
    const reason = /'' is no name, or already defined/;
    refuses(file(cat(given, unnamed, input, output)), reason);
    refuses(file(cat(given, input, len(11, info('', 1, len(2, 'N'))), output)), reason);
    const named = len(5, int(1, 1), int(2, 1), len(8, 'V'), len(9, floats(1)));
    assert.equal(readOnnx(file(cat(given, named, input, output))).graph.initializers.size, 2);
  });

  it('reads inputs and outputs of a node that are left out', () => {
    const content = withNode(
      len(1, 'x'),
      len(1, ''),
      len(1, 'W'),
      len(2, 'y'),
      len(2, ''),
      len(3, 'n'),
      len(4, 'Clip'),
    );
    const { inputs, outputs } = readOnnx(content).graph.nodes[0]!;
    assert.deepEqual(
      [inputs, outputs],
      [
        ['x', '', 'W'],
        ['y', ''],
      ],
    );
  });

  it('reads an empty tensor whose other dimensions are the largest that a shape may have', () => {
    const content = withTensor(int(1, 0), int(1, 2 ** 31 - 1), int(2, 1), len(8, 'W'), len(9, ''));
    assert.deepEqual(readOnnx(content).graph.initializers.get('W')?.dims, [0, 2 ** 31 - 1]);
  });
});
