/** The writer against an independent protobuf decoder (onnx-buf), and against the strict reader. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { type AttributeProto, ModelProtoSchema, type TensorProto, type ValueInfoProto } from 'onnx-buf';
import { OnnxFormatError } from '../../src/certify-runtime/trusted/errors.ts';
import type { OnnxModel } from '../../src/certify-runtime/trusted/onnx/model.ts';
import { readOnnx } from '../../src/certify-runtime/trusted/onnx/read.ts';
import { readForeignOnnx } from '../../src/export/foreign/onnx/read.ts';
import { writeOnnx } from '../../src/export/seal/onnx-writer.ts';
import { anyModel, cat, float, int, len, sample } from '../certify-runtime/trusted/onnx/onnx-samples.ts';

const TYPES: Record<number, string> = { 1: 'float32', 6: 'int32', 7: 'int64', 9: 'bool', 11: 'float64' };
const utf8 = (bytes: Uint8Array) => Buffer.from(bytes).toString();

function tensor({ name, dataType, dims, rawData }: TensorProto) {
  const buffer = Uint8Array.from(rawData).buffer;
  const arrays = {
    1: Float32Array,
    6: Int32Array,
    7: BigInt64Array,
    9: Uint8Array,
    11: Float64Array,
  } as const;
  const data = new arrays[dataType as keyof typeof arrays](buffer);
  return { name, type: TYPES[dataType], dims: dims.map(Number), data };
}

function attribute({ type, f, i, s, t, floats, ints, strings }: AttributeProto) {
  if (type === 1) return { kind: 'float', value: f };
  if (type === 2) return { kind: 'int', value: i };
  if (type === 3) return { kind: 'string', value: utf8(s) };
  if (type === 4) return { kind: 'tensor', value: tensor(t!) };
  if (type === 6) return { kind: 'floats', value: floats };
  if (type === 7) return { kind: 'ints', value: ints };
  return { kind: 'strings', value: strings.map(utf8) };
}

function value({ name, type }: ValueInfoProto) {
  const tensorType = type!.value;
  assert(tensorType.case === 'tensorType');
  const dims = tensorType.value.shape!.dim.map(({ value }) => {
    return value.case === 'dimValue' ? Number(value.value) : value.value;
  });
  return { name, type: TYPES[tensorType.value.elemType], dims };
}

/** What another program makes of the bytes. */
function decodeElsewhere(bytes: Uint8Array) {
  const model = fromBinary(ModelProtoSchema, bytes);
  const graph = model.graph!;
  assert.deepEqual(
    model.opsetImport.map(({ domain }) => domain),
    [''],
  );
  return {
    irVersion: Number(model.irVersion),
    opset: Number(model.opsetImport[0]!.version),
    producerName: model.producerName,
    producerVersion: model.producerVersion,
    metadata: new Map(model.metadataProps.map(({ key, value }) => [key, value])),
    graph: {
      name: graph.name,
      inputs: graph.input.map(value),
      outputs: graph.output.map(value),
      initializers: new Map(graph.initializer.map((proto) => [proto.name, tensor(proto)])),
      nodes: graph.node.map(({ opType, name, input, output, attribute: attributes }) => ({
        op: opType,
        name,
        inputs: input,
        outputs: output,
        attributes: new Map(attributes.map((proto) => [proto.name, attribute(proto)])),
      })),
    },
  };
}

describe('writeOnnx', () => {
  it('writes what an independent decoder and our reader both read back', () => {
    fc.assert(
      fc.property(anyModel, (model) => {
        const bytes = writeOnnx(model);
        assert.deepEqual(decodeElsewhere(bytes), model);
        const read = readOnnx(bytes);
        assert.deepEqual(read, model);
        assert.deepEqual(writeOnnx(read), bytes);
      }),
      { numRuns: 150 },
    );
  });

  it('is read by the foreign reader from another encoder: packed, without defaults', () => {
    fc.assert(
      fc.property(anyModel, (model) => {
        const other = toBinary(ModelProtoSchema, fromBinary(ModelProtoSchema, writeOnnx(model)));
        assert.deepEqual(readForeignOnnx(other), model);
      }),
      { numRuns: 150 },
    );
  });

  it('writes these bytes', () => {
    const value = (name: string, ...dims: Uint8Array[]) =>
      cat(len(1, name), len(2, len(1, int(1, 1), len(2, ...dims.map((dim) => len(1, dim))))));
    const slope = cat(len(1, 'slope'), float(2, 0.5), int(20, 1));
    const node = cat(len(1, 'x'), len(1, 'W'), len(2, 'y'), len(3, 'n'), len(4, 'Op'), len(5, slope));
    const initializer = cat(int(1, 1), int(2, 11), len(8, 'W'), len(9, cat(0, 0, 0, 0, 0, 0, 0xf8, 0x3f)));
    const graph = cat(
      len(1, node),
      len(2, 'g'),
      len(5, initializer),
      len(11, value('x', len(2, 'N'), int(1, 300))),
      len(12, value('y')),
    );
    const expected = cat(
      int(1, 10),
      len(2, 'p'),
      len(3, ''),
      len(7, graph),
      len(8, len(1, ''), int(2, 18)),
      len(14, len(1, 'k'), len(2, 'v')),
    );
    const model: OnnxModel = {
      irVersion: 10,
      opset: 18,
      producerName: 'p',
      producerVersion: '',
      metadata: new Map([['k', 'v']]),
      graph: {
        name: 'g',
        inputs: [{ name: 'x', type: 'float32', dims: ['N', 300] }],
        outputs: [{ name: 'y', type: 'float32', dims: [] }],
        initializers: new Map([['W', { name: 'W', type: 'float64', dims: [1], data: Float64Array.of(1.5) }]]),
        nodes: [
          {
            op: 'Op',
            name: 'n',
            inputs: ['x', 'W'],
            outputs: ['y'],
            attributes: new Map([['slope', { kind: 'float', value: 0.5 } as const]]),
          },
        ],
      },
    };
    assert.deepEqual(writeOnnx(model), expected);
  });

  it('keeps the order of maps', () => {
    const metadata = new Map([
      ['b', '1'],
      ['10', '2'],
      ['a', '3'],
    ]);
    assert.deepEqual([...readOnnx(writeOnnx({ ...sample, metadata })).metadata], [...metadata]);
  });

  const { graph } = sample;
  const [node] = graph.nodes;
  const W = graph.initializers.get('W')!;
  const withGraph = (change: Partial<OnnxModel['graph']>): OnnxModel => ({ ...sample, graph: { ...graph, ...change } });
  const withAttribute = (attribute: unknown) =>
    withGraph({ nodes: [{ ...node!, attributes: new Map([['a', attribute as never]]) }], outputs: [] });
  const refused: [string, OnnxModel, RegExp][] = [
    ['a float that would be rounded', withAttribute({ kind: 'float', value: 0.1 }), /0.1 is not a float32/],
    ['an infinite float', withAttribute({ kind: 'float', value: Infinity }), /not finite/],
    ['an integer that would be cut off', withAttribute({ kind: 'int', value: 2n ** 63n }), /not a 64-bit integer/],
    ['text that would be replaced', { ...sample, producerName: 'a\ud800' }, /lone surrogate/],
    ['a fraction for a dimension', withGraph({ inputs: [{ ...graph.inputs[0]!, dims: [1.5] }] }), /not an integer/],
    ['a negative dimension', withGraph({ inputs: [{ ...graph.inputs[0]!, dims: [-1] }] }), /-1 is not an integer ≥ 0/],
    ['data of another type', withGraph({ initializers: new Map([['W', { ...W, type: 'int32' }]]) }), /its data is not/],
    [
      'data of another size',
      withGraph({ initializers: new Map([['W', { ...W, dims: [5] }]]) }),
      /dims \[5\] do not fit/,
    ],
    ['a misfiled initializer', withGraph({ initializers: new Map([['V', W]]) }), /'W' is filed under 'V'/],
    ['an undefined input', withGraph({ nodes: graph.nodes.slice(1) }), /'z' is not defined before it is used/],
    [
      'a Constant node',
      withGraph({ nodes: [...graph.nodes, { ...node!, op: 'Constant', outputs: ['c'] }] }),
      /Constant/,
    ],
  ];
  for (const [what, model, message] of refused) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => writeOnnx(model),
        (error: Error) => error instanceof OnnxFormatError && message.test(error.message),
      );
    });
  }
});
