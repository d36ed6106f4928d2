/** The foreign reader: what it lets pass and ours refuses; and what readOnnx says and keeps. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OnnxFormatError } from '../../../../src/certify-runtime/trusted/errors.ts';
import { readOnnx } from '../../../../src/certify-runtime/trusted/onnx/read.ts';
import { readForeignOnnx } from '../../../../src/export/foreign/onnx/read.ts';
import { writeOnnx } from '../../../../src/export/seal/onnx-writer.ts';
import {
  bytes,
  constant,
  file,
  floats,
  foreignRefuses,
  graphOf,
  head,
  info,
  longs,
  moreNode,
  moreTensor,
  parts,
  refuses,
  tail,
  valid,
  withAttribute,
  withGraph,
  withNode,
  withTensor,
  withType,
} from './onnx-files.ts';
import { cat, float, int, len, type Part, sample, varint } from './onnx-samples.ts';

describe('what the foreign reader lets pass, and ours refuses', () => {
  const expected = readOnnx(valid);
  const tensor = (...data: Part[]) => withTensor(int(1, 2), int(2, 1), ...data);
  const cases: Record<string, Uint8Array> = {
    'fields out of order': cat(tail, head, valid.subarray(head.length, -tail.length)),
    'a doc string': cat(head, len(6, bytes(0xff)), valid.subarray(head.length)),
    'a model domain': cat(head, len(4, 'org'), valid.subarray(head.length)),
    'a model version': cat(head, int(5, 0), valid.subarray(head.length)),
    'an unused opset': cat(valid, len(8, len(1, 'ai.onnx.ml'), int(2, 2))),
    'the long name of the opset': cat(valid.subarray(0, -tail.length), len(8, len(1, 'ai.onnx'), int(2, 18))),
    'an absent opset domain': cat(valid.subarray(0, -tail.length), len(8, int(2, 18))),
    'the opset under both of its names': cat(valid, len(8, len(1, 'ai.onnx'), int(2, 18))),
    training_info: cat(valid, len(20, '')),
    'an unused function': cat(valid, len(25, len(1, 'f'), len(10, 'd'))),
    'device configurations': cat(valid, len(26, '')),
    value_info: withGraph(len(13, parts.output)),
    quantization_annotation: withGraph(len(14, '')),
    'an initializer that is an input too': withGraph(len(11, info('W', 1, int(1, 2)))),
    'graph metadata': withGraph(len(16, len(1, 'a'))),
    'a node doc string': moreNode(len(6, 'd')),
    'node metadata': moreNode(len(9, len(1, 'a'))),
    'an empty overload': moreNode(len(8, '')),
    'device configurations of a node': moreNode(len(10, '')),
    'an empty node domain': moreNode(len(7, '')),
    'the long name of the domain': moreNode(len(7, 'ai.onnx')),
    'a tensor doc string': moreTensor(len(12, 'd')),
    'tensor metadata': moreTensor(len(16, '')),
    'the default data_location': moreTensor(int(14, 0)),
    'external_data left over': moreTensor(len(13, len(1, 'location'), len(2, 'w.bin')), int(14, 0)),
    'packed dims': withTensor(len(1, bytes(2)), int(2, 1), len(8, 'W'), len(9, floats(1, 2))),
    float_data: tensor(float(4, 1), float(4, 2), len(8, 'W')),
    'packed float_data': tensor(len(4, floats(1, 2)), len(8, 'W')),
    'float_data in two parts': tensor(float(4, 1), len(4, floats(2)), len(8, 'W')),
    denotation: withType(len(1, int(1, 1), len(2, len(1, len(2, 'N')), len(1, int(1, 2)))), len(6, 'IMAGE')),
  };
  for (const [what, content] of Object.entries(cases)) {
    it(what, () => {
      refuses(content);
      assert.deepEqual(readForeignOnnx(content), expected);
    });
  }

  it('absent empty text', () => {
    const content = withNode(len(1, 'x'), len(1, 'W'), len(2, 'y'), len(4, 'Mul'));
    refuses(content);
    assert.equal(readForeignOnnx(content).graph.nodes[0]!.name, '');
  });

  it('an absent zero', () => {
    for (const [type, value] of [
      [1, 0],
      [2, 0n],
      [3, ''],
    ] as const) {
      const content = withAttribute(int(20, type));
      refuses(content);
      assert.equal(readForeignOnnx(content).graph.nodes[0]!.attributes.get('a')!.value, value);
    }
  });

  it('packed attributes', () => {
    const content = withAttribute(len(8, varint(-1), varint(300)), int(20, 7));
    refuses(content);
    assert.deepEqual(readForeignOnnx(content).graph.nodes[0]!.attributes.get('a')!.value, [-1n, 300n]);
  });

  it('unnamed dimensions, each under a name of its own', () => {
    const shape = [len(2, 'unk__0'), cat(), int(1, -1), len(2, '')];
    const content = file(
      cat(graphOf(parts.node, parts.tensor), len(11, info('x', 1, ...shape)), len(12, parts.output)),
    );
    refuses(content);
    const { dims } = readForeignOnnx(content).graph.inputs[0]!;
    assert.deepEqual(dims, ['unk__0', 'unk__1', 'unk__2', 'unk__3']);
  });

  const typed: [string, number, Part, unknown][] = [
    ['int32_data', 6, len(5, varint(7), varint(-7)), Int32Array.of(7, -7)],
    ['int32_data for bool', 9, len(5, bytes(1, 0)), Uint8Array.of(1, 0)],
    ['int64_data', 7, len(7, varint(7), varint(-(2n ** 63n))), BigInt64Array.of(7n, -(2n ** 63n))],
    ['double_data', 11, len(10, new Uint8Array(Float64Array.of(0.1, -2).buffer)), Float64Array.of(0.1, -2)],
  ];
  for (const [what, type, data, values] of typed) {
    it(what, () => {
      const content = withTensor(int(1, 2), int(2, type), data, len(8, 'W'));
      refuses(content);
      assert.deepEqual(readForeignOnnx(content).graph.initializers.get('W')!.data, values);
    });
  }

  it('but not typed data that is ambiguous, too short or out of range', () => {
    const lenient = (...content: Part[]) => withTensor(int(1, 2), ...content, len(8, 'W'));
    foreignRefuses(lenient(int(2, 1), len(4, floats(1, 2)), len(9, floats(1, 2))), /has both raw_data and float_data/);
    foreignRefuses(lenient(int(2, 1), len(4, floats(1, 2)), len(9, '')), /has both raw_data and float_data/);
    foreignRefuses(lenient(int(2, 1), len(4, floats(1))), /say 2 values of float32, there are 1/);
    foreignRefuses(lenient(int(2, 1)), /say 2 values of float32, there are 0/);
    foreignRefuses(lenient(int(2, 1), len(4, floats(1, NaN))), /value 1 is NaN/);
    foreignRefuses(lenient(int(2, 1), len(4, floats(1, 2), 0)), /float_data.* takes 4 bytes, 1 are left/);
    foreignRefuses(lenient(int(2, 1), len(5, bytes(1, 2))), /is of type float32, but int32_data is set/);
    foreignRefuses(lenient(int(2, 1), len(4, floats(1, 2)), int(5, 1)), /is of type float32, but int32_data is set/);
    foreignRefuses(lenient(int(2, 6), len(5, varint(2 ** 31), bytes(0))), /a value in int32_data does not fit int32/);
    foreignRefuses(lenient(int(2, 9), len(5, varint(256), bytes(0))), /does not fit bool/);
    foreignRefuses(lenient(int(2, 9), len(5, bytes(2, 0))), /neither 0 nor 1/);
    foreignRefuses(moreNode(len(7, 'ai.onnx.ml')), /Mul is of domain 'ai\.onnx\.ml'/);
  });

  const value = cat(int(1, 1), int(2, 7), len(8, 'other'), len(9, longs(5n)));
  const constants: [string, Part, unknown][] = [
    ['value', cat(len(5, value), int(20, 4)), { type: 'int64', dims: [1], data: BigInt64Array.of(5n) }],
    ['value_float', cat(float(2, 0.5), int(20, 1)), { type: 'float32', dims: [], data: Float32Array.of(0.5) }],
    ['value_int', cat(int(3, -3), int(20, 2)), { type: 'int64', dims: [], data: BigInt64Array.of(-3n) }],
    ['value_floats', cat(float(7, 0.5), int(20, 6)), { type: 'float32', dims: [1], data: Float32Array.of(0.5) }],
    ['value_ints', cat(int(8, 1), int(8, 2), int(20, 7)), { type: 'int64', dims: [2], data: BigInt64Array.of(1n, 2n) }],
  ];
  for (const [key, data, expected] of constants) {
    it(`a Constant node's ${key}, lifted into the initializers`, () => {
      const content = constant(cat(len(1, key), data));
      const { nodes, initializers } = readForeignOnnx(content).graph;
      assert.deepEqual(
        nodes.map(({ op }) => op),
        ['Mul'],
      );
      assert.deepEqual(initializers.get('W'), { name: 'W', ...(expected as object) });
    });
  }

  it('but not a Constant of another kind or form', () => {
    const one = cat(len(1, 'value_int'), int(3, 1), int(20, 2));
    foreignRefuses(
      constant(cat(len(1, 'value_string'), len(4, 'a'), int(20, 3))),
      /Constant of 'value_string' \(string\)/,
    );
    foreignRefuses(constant(cat(len(1, 'value_int'), float(2, 1), int(20, 1))), /Constant of 'value_int' \(float\)/);
    foreignRefuses(constant(one, len(1, 'x')), /a Constant has one output, one attribute and no input/);
    foreignRefuses(constant(one, len(2, 'V')), /a Constant has one output/);
    foreignRefuses(withNode(len(1, 'x'), len(2, 'y'), len(4, 'Constant')), /a Constant has one output/);
  });
});

describe('readOnnx', () => {
  it('names the tensor, and gives it to programs', () => {
    const content = withTensor(int(1, 3), int(2, 1), len(8, 'W\n'), len(9, floats(1, 2)));
    assert.throws(() => readOnnx(content), {
      name: 'OnnxFormatError',
      code: 'ONNX_FORMAT',
      message: /^ONNX file: tensor 'W\\n': dims \[3\] do not fit its 2 values of float32/,
      details: { problem: "tensor 'W\\n': dims [3] do not fit its 2 values of float32", tensor: 'W\n' },
    });
  });

  it('names the byte that glean would have written otherwise', () => {
    const content = moreTensor(len(12, 'd'));
    const offset = Buffer.from(content).indexOf(Buffer.from(len(12, 'd')));
    // Of the lengths before it, one is the first to differ.
    assert.throws(
      () => readOnnx(content),
      (error: OnnxFormatError) => {
        assert.match(error.message, /^ONNX file: byte \d+ is \d+, but 'glean seal' writes \d+ there/);
        return (error.details['offset'] as number) < offset;
      },
    );
  });

  it('reads a Buffer at an odd offset, and keeps no hold on it', () => {
    const content = Buffer.concat([Buffer.of(0), valid]).subarray(1);
    const model = readOnnx(content);
    content.fill(0);
    assert.deepEqual(model.graph.initializers.get('W')!.data, Float32Array.of(1, 2));
  });

  it('keeps a byte order mark, which is a character like any other here', () => {
    const producerName = '\ufeffglean';
    assert.equal(readOnnx(writeOnnx({ ...sample, producerName })).producerName, producerName);
  });
});
