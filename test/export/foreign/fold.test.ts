/** Constant arithmetic, folded: the network that is read gives, bit by bit, what the whole file gives. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type FileNode, type FileTensor, fileOf, floats } from '../../support/networks/foreign-file.ts';
import { answer, image, numbers, plain, read, written } from './support.ts';

/** Operators on one [3, 3] matrix, and on two. */
const UNARY: readonly ((x: string, y: string) => FileNode)[] = [
  ...['Sigmoid', 'Tanh', 'Abs', 'Neg', 'Erf', 'Softplus', 'Identity', 'Cos', 'Floor'].map(
    (op) =>
      (x: string, y: string): FileNode => ({ op, inputs: [x], outputs: [y] }),
  ),
  (x, y) => ({ op: 'Transpose', inputs: [x], outputs: [y], attributes: { perm: { ints: [1, 0] } } }),
  (x, y) => ({ op: 'Softmax', inputs: [x], outputs: [y], attributes: { axis: { int: 1 } } }),
  (x, y) => ({ op: 'ReduceMax', inputs: [x], outputs: [y], attributes: { axes: { ints: [1] }, keepdims: { int: 1 } } }),
  (x, y) => ({ op: 'CumSum', inputs: [x, 'axis'], outputs: [y] }),
  (x, y) => ({ op: 'Clip', inputs: [x, 'low', 'high'], outputs: [y] }),
];
const BINARY = ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'MatMul', 'Pow'];

const steps = fc.array(fc.record({ op: fc.nat(UNARY.length + BINARY.length - 1), a: fc.nat(100), b: fc.nat(100) }), {
  minLength: 1,
  maxLength: 12,
});

test('random arithmetic on weights gives the same bits as the file as a whole', async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(
      steps,
      fc.array(fc.float({ min: -2, max: 2, noNaN: true }), { minLength: 18, maxLength: 18 }),
      async (list, values) => {
        const tensors: Record<string, FileTensor> = {
          t0: { dims: [3, 3], data: Float32Array.from(values.slice(0, 9)) },
          t1: { dims: [3, 3], data: Float32Array.from(values.slice(9)) },
          axis: { dims: [], data: BigInt64Array.of(1n) },
          low: { dims: [], data: Float32Array.of(-0.5) },
          high: { dims: [], data: Float32Array.of(0.75) },
        };
        const nodes = list.map(({ op, a, b }, i): FileNode => {
          const [x, z, y] = [`t${a % (i + 2)}`, `t${b % (i + 2)}`, `t${i + 2}`];
          return op < UNARY.length
            ? UNARY[op]!(x, y)
            : { op: BINARY[op - UNARY.length]!, inputs: [x, z], outputs: [y] };
        });
        const last = `t${list.length + 1}`;
        const bytes = fileOf({
          opset: 17,
          // A ReduceMax gives [3, 1]; the product with a full matrix brings the size back.
          nodes: [
            ...nodes,
            { op: 'Add', inputs: [last, 'zero'], outputs: ['w'] },
            { op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] },
          ],
          tensors: { ...tensors, zero: { dims: [3, 3], data: new Float32Array(9) } },
          inputs: [{ name: 'x', dims: ['N', 3] }],
          outputs: [{ name: 'y', dims: ['N', 3] }],
        });
        let expected: Awaited<ReturnType<typeof answer>>;
        try {
          expected = await answer(bytes, image([2, 3]));
        } catch {
          return; // a MatMul of [3, 1] by [3, 1] does not run
        }
        const model = await read(bytes);
        assert.deepEqual(
          model.graph.nodes.map(({ op }) => op),
          ['MatMul'],
        );
        if (!numbers(expected).every(Number.isFinite)) return;
        compared++;
        assert.deepEqual((await answer(written(model), image([2, 3]))).bytes, expected.bytes);
      },
    ),
    { numRuns: 60 },
  );
  assert.ok(compared >= 20, `${compared} networks compared`);
});

test('float64 and float16 constants behind a Cast are constants of float32', async () => {
  const cast = (x: string, y: string): FileNode => ({
    op: 'Cast',
    inputs: [x],
    outputs: [y],
    attributes: { to: { int: 1 } },
  });
  const bytes = plain(
    [
      cast('double', 'a'),
      cast('half', 'b'),
      { op: 'Mul', inputs: ['x', 'a'], outputs: ['p'] },
      { op: 'Add', inputs: ['p', 'b'], outputs: ['y'] },
    ],
    { double: { dims: [1], data: Float64Array.of(0.1) }, half: { dims: [1], data: Uint16Array.of(0x3c00) } },
  );
  const { graph } = await read(bytes);
  assert.deepEqual(
    [...graph.initializers.values()].map(({ type, data }) => [type, ...data]),
    [
      ['float32', Math.fround(0.1)],
      ['float32', 1],
    ],
  );
});

test('a constant that ONNX Runtime cannot compute names the operator and its reason', async () => {
  const bytes = plain(
    [
      { op: 'NoSuchOperator', name: 'odd', inputs: ['w'], outputs: ['v'] },
      { op: 'Mul', inputs: ['x', 'v'], outputs: ['y'] },
    ],
    { w: floats(1) },
  );
  await assert.rejects(read(bytes), /from NoSuchOperator 'odd' on\) does not run.*; simplify the model with onnxsim/s);
});

test('random numbers, and a Dropout that may train, are no constants', async () => {
  const random: FileNode = { op: 'RandomNormal', outputs: ['r'], attributes: { shape: { ints: [2] } } };
  const bytes = plain([random, { op: 'Mul', inputs: ['x', 'r'], outputs: ['y'] }], {});
  assert.deepEqual(
    (await read(bytes)).graph.nodes.map(({ op }) => op),
    ['RandomNormal', 'Mul'],
  );

  const dropout: FileNode = { op: 'Dropout', inputs: ['w', 'ratio', 'train'], outputs: ['v'] };
  const training = plain([dropout, { op: 'Mul', inputs: ['x', 'v'], outputs: ['y'] }], {
    w: floats(1, 2),
    ratio: { dims: [], data: Float32Array.of(0.5) },
    train: { dims: [], data: Uint8Array.of(1) },
  });
  assert.deepEqual(
    (await read(training)).graph.nodes.map(({ op }) => op),
    ['Dropout', 'Mul'],
  );
});

test('reduced precision and quantized arithmetic are refused with the place', async () => {
  const to = (type: number): FileNode => ({
    op: 'Cast',
    name: 'c',
    inputs: ['x'],
    outputs: ['y'],
    attributes: { to: { int: type } },
  });
  await assert.rejects(
    read(plain([to(10)], {})),
    /^\w*Error: what Cast 'c' gives is float16: .*; give the float32 network/,
  );
  await assert.rejects(read(plain([to(16)], {})), /bfloat16/);
  const quantize: FileNode = { op: 'QuantizeLinear', name: 'q', inputs: ['x', 's'], outputs: ['y'] };
  await assert.rejects(read(plain([quantize], { s: floats(0.1) })), /QuantizeLinear 'q' takes or gives is quantized/);
  const half = { dims: [2], data: Uint16Array.of(1, 2) };
  await assert.rejects(read(plain([{ op: 'Mul', inputs: ['x', 'w'], outputs: ['y'] }], { w: half })), /'w' is float16/);
});

test('weights that are stored as int8 and dequantized once are float32', async () => {
  const bytes = plain(
    [
      { op: 'DequantizeLinear', inputs: ['q', 's'], outputs: ['w'] },
      { op: 'Mul', inputs: ['x', 'w'], outputs: ['y'] },
    ],
    { q: { dims: [2], data: Uint8Array.of(1, 255), type: 3 }, s: { dims: [], data: Float32Array.of(0.5) } },
  );
  const { graph } = await read(bytes);
  assert.deepEqual([...graph.initializers.get('w')!.data], [0.5, -0.5]);
});
