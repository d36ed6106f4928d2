/** ONNX models for tests: random ones, and files put together byte by byte, without the writer under test. */
import fc from 'fast-check';
import type {
  Attribute,
  OnnxModel,
  OnnxNode,
  Tensor,
  ValueInfo,
} from '../../../../src/certify-runtime/trusted/onnx/model.ts';

/** Plain objects, as the reader gives them. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { noNullPrototype: true });

const text = fc.string({ unit: 'grapheme', maxLength: 6 }).filter((value) => !value.includes('\0'));
const float32 = fc.float({ noNaN: true, noDefaultInfinity: true });
const float64 = fc.double({ noNaN: true, noDefaultInfinity: true });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const dims = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 });

const tensorOf = (name: string): fc.Arbitrary<Tensor> =>
  dims.chain((dims) => {
    const count = dims.reduce((product, dim) => product * dim, 1);
    const values = <T>(value: fc.Arbitrary<T>) => fc.array(value, { minLength: count, maxLength: count });
    return fc.oneof(
      values(float32).map((v): Tensor => ({ name, type: 'float32', dims, data: Float32Array.from(v) })),
      values(float64).map((v): Tensor => ({ name, type: 'float64', dims, data: Float64Array.from(v) })),
      values(fc.integer()).map((v): Tensor => ({ name, type: 'int32', dims, data: Int32Array.from(v) })),
      values(int64).map((v): Tensor => ({ name, type: 'int64', dims, data: BigInt64Array.from(v) })),
      values(fc.boolean()).map((v): Tensor => ({ name, type: 'bool', dims, data: Uint8Array.from(v, Number) })),
    );
  });

const attribute: fc.Arbitrary<Attribute> = fc.oneof(
  int64.map((value): Attribute => ({ kind: 'int', value })),
  float32.map((value): Attribute => ({ kind: 'float', value })),
  text.map((value): Attribute => ({ kind: 'string', value })),
  fc.array(int64, { maxLength: 4 }).map((value): Attribute => ({ kind: 'ints', value })),
  fc.array(float32, { maxLength: 4 }).map((value): Attribute => ({ kind: 'floats', value })),
  fc.array(text, { maxLength: 4 }).map((value): Attribute => ({ kind: 'strings', value })),
  text.chain(tensorOf).map((value): Attribute => ({ kind: 'tensor', value })),
);

const valueNamed = (name: string): fc.Arbitrary<ValueInfo> =>
  record({
    name: fc.constant(name),
    type: fc.constantFrom('float32', 'float64', 'int32', 'int64', 'bool'),
    dims: fc.array(fc.oneof(fc.nat(2 ** 31 - 1), fc.constantFrom('N', 'unk__0', 'é')), { maxLength: 4 }),
  });

/** A model in SSA form and sorted; its operators and shapes make no sense, which is none of the reader's business. */
export const anyModel: fc.Arbitrary<OnnxModel> = fc
  .uniqueArray(
    text.filter((name) => name !== ''),
    { minLength: 4, maxLength: 14 },
  )
  .chain((names) => {
    const defined = names.slice(0, 3);
    const nodes: fc.Arbitrary<OnnxNode>[] = names.slice(3).map((output, i) => {
      const before = [...names.slice(0, 3 + i), ''];
      return record({
        op: fc.constantFrom('MatMul', 'Add', 'Clip', 'Ω'),
        name: text,
        inputs: fc.array(fc.constantFrom(...before), { maxLength: 3 }),
        outputs: fc.constantFrom([output], ['', output], [output, '']),
        attributes: fc.array(fc.tuple(text, attribute), { maxLength: 3 }).map((entries) => new Map(entries)),
      });
    });
    return record({
      irVersion: fc.integer({ min: 4, max: 13 }),
      opset: fc.integer({ min: 1, max: 300 }),
      producerName: text,
      producerVersion: text,
      metadata: fc.array(fc.tuple(text, text), { maxLength: 3 }).map((entries) => new Map(entries)),
      graph: record({
        name: text,
        inputs: valueNamed(defined[0]!).map((value) => [value]),
        initializers: fc
          .tuple(tensorOf(defined[1]!), tensorOf(defined[2]!))
          .map((tensors) => new Map(tensors.map((tensor) => [tensor.name, tensor]))),
        nodes: fc.tuple(...nodes),
        outputs: fc.subarray(names).chain((outputs) => fc.tuple(...outputs.map(valueNamed))),
      }),
    });
  });

/** A small model with one of everything. */
export const sample: OnnxModel = {
  irVersion: 10,
  opset: 18,
  producerName: 'glean',
  producerVersion: '0.1.0',
  metadata: new Map([['glean.certificate', '{"format":1}']]),
  graph: {
    name: 'g',
    inputs: [{ name: 'image', type: 'float32', dims: ['N', 2] }],
    initializers: new Map<string, Tensor>([
      ['W', { name: 'W', type: 'float32', dims: [2, 2], data: Float32Array.of(1, 0, 0, 1) }],
      ['axes', { name: 'axes', type: 'int64', dims: [1], data: BigInt64Array.of(-1n) }],
    ]),
    nodes: [
      { op: 'MatMul', name: 'm', inputs: ['image', 'W'], outputs: ['z'], attributes: new Map() },
      {
        op: 'ReduceSum',
        name: '',
        inputs: ['z', 'axes'],
        outputs: ['y'],
        attributes: new Map<string, Attribute>([['keepdims', { kind: 'int', value: 0n }]]),
      },
    ],
    outputs: [{ name: 'y', type: 'float32', dims: ['N'] }],
  },
};

export type Part = Uint8Array | string | number;

/** Bytes put one after the other: text as UTF-8, a number as one byte. */
export function cat(...parts: Part[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(
    Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part)))),
  );
}

export function varint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

/** A field that holds an integer. */
export const int = (field: number, value: number | bigint) => cat(varint(field * 8), varint(value));

/** A field that holds a length and then so many bytes. */
export function len(field: number, ...parts: Part[]): Uint8Array<ArrayBuffer> {
  const content = cat(...parts);
  return cat(varint(field * 8 + 2), varint(content.length), content);
}

/** A field that holds a float32. */
export function float(field: number, value: number): Uint8Array<ArrayBuffer> {
  return cat(varint(field * 8 + 5), new Uint8Array(Float32Array.of(value).buffer));
}
