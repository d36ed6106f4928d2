/** Forms in which a network claims to be float64 and is not, or not all of it. Lemmas 22 and 23. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EncoderBound } from '../../../../src/certify-runtime/trusted/bounds/bound.ts';
import { FLOAT64_OPERATORS } from '../../../../src/certify-runtime/trusted/bounds/precision.ts';
import { precisionOf } from '../../../../src/certify-runtime/trusted/file/precision.ts';
import { headError, logitRoundings, readLinearHead } from '../../../../src/certify-runtime/trusted/head.ts';
import type { Graph, OnnxNode } from '../../../../src/certify-runtime/trusted/onnx/model.ts';
import { RULES } from '../../../../src/certify-runtime/trusted/rules/table.ts';
import { GraphBuilder } from '../../../support/networks/graph-builder.ts';
import { Random } from '../../../support/numbers/random.ts';
import { dyadic } from '../../../support/reference/dyadic.ts';
import { prove, refusal } from '../conditions/site.ts';

const U = 2 ** -24;
const [FLOAT, DOUBLE] = [{ to: 1 }, { to: 11 }];
const random = new Random(3);
const MATRIX = random.normals(16);

const doubles = (b: GraphBuilder, dims: readonly number[], values: readonly number[]) =>
  b.tensor({ type: 'float64', dims, data: Float64Array.from(values) });
const matrix = (b: GraphBuilder) => doubles(b, [4, 4], MATRIX);

/** The float32 image [N, 4], cast in, through `make`, and cast out. */
const between = (make: (b: GraphBuilder, x: string) => string): EncoderBound =>
  prove(['N', 4], (b) => b.node('Cast', [make(b, b.node('Cast', ['image'], DOUBLE))], FLOAT));

const refused = (reason: RegExp, make: (b: GraphBuilder, x: string) => string) => refusal(() => between(make), reason);

test('constants are of the type of the data', () => {
  assert.ok(between((b, x) => b.node('MatMul', [x, matrix(b)])).lipschitz > 0);
  refused(/must be float64, not float32/, (b, x) => b.node('MatMul', [x, b.floats([4, 4], MATRIX)]));
  refused(/must be float64, not float32/, (b, x) => b.node('Add', [x, b.floats([4], [1, 2, 3, 4])]));
  refused(/must be float64, not float32/, (b, x) => b.node('Clip', [x, b.floats([], [0])]));
  refused(/must be float64, not float32/, (b, x) => b.node('Gemm', [x, matrix(b), b.floats([4], [1, 2, 3, 4])]));
  refusal(() => prove(['N', 4], (b) => b.node('MatMul', ['image', matrix(b)])), /must be float32, not float64/);
  refusal(() => prove(['N', 4], (b) => b.node('Add', ['image', doubles(b, [4], [1, 2, 3, 4])])), /must be float32/);
});

test('constants beyond float32 are refused, those within it are not rounded', () => {
  refused(/holds 1e\+200/, (b, x) => b.node('Add', [x, doubles(b, [1, 4], [0, 0, 0, 1e200])]));
  refused(/holds Infinity/, (b, x) => b.node('Add', [x, doubles(b, [1, 4], [0, 0, 0, Number.POSITIVE_INFINITY])]));
  const wide = between((b, x) => b.node('MatMul', [x, doubles(b, [4, 1], [1 + 2 ** -40, 0, 0, 0])]));
  assert.ok(wide.lipschitz >= 1 + 2 ** -40 && wide.lipschitz < 1 + 2 ** -39);
});

test('tensors of both types do not meet', () => {
  refused(/takes float32 and float64;/, (b, x) => b.node('Add', [x, 'image']));
  refused(/takes float32 and float64;/, (b, x) => b.node('Concat', ['image', x], { axis: 1 }));
  refused(/takes float32 and float64;/, (b, x) => b.node('Max', [x, b.node('Relu', ['image'])]));
  refused(/takes float32 and float64;/, (b, x) => b.node('Add', [x, b.node('Cast', [x], FLOAT)]));
});

test('the latent is float32', () => {
  refusal(() => prove(['N', 4], (b) => b.node('Cast', ['image'], DOUBLE)), /the latent must be float32/);
  refusal(
    () => prove(['N', 4], (b) => b.node('MatMul', [b.node('Cast', ['image'], DOUBLE), matrix(b)])),
    /the latent must be float32/,
  );
});

test('a cast to anything but float32 and float64 is refused, there and back too', () => {
  // float16, bfloat16, int32, int64, bool, float8, and a type that does not exist.
  for (const to of [10, 16, 6, 7, 9, 17, 99, 0]) {
    refused(/only a cast to float32 or float64/, (b, x) => b.node('Cast', [b.node('Cast', [x], { to })], DOUBLE));
  }
});

test('a cast to float32 and back costs a rounding, in the middle as at the end', () => {
  const once = between((b, x) => b.node('MatMul', [x, matrix(b)]));
  const through = between((b, x) =>
    b.node('Cast', [b.node('Cast', [b.node('MatMul', [x, matrix(b)])], FLOAT)], DOUBLE),
  );
  const at = ({ latentError }: EncoderBound) => Math.min(...latentError.map(({ l2 }) => l2));
  assert.ok(Math.abs(at(once) / (U * once.latentNorm.l2) - 1) < 1e-6);
  assert.ok(at(through) >= 2 * U * once.latentNorm.l2);
});

test('a float32 layer in a float64 network has the error of float32', () => {
  const inside = between((b, x) =>
    b.node('Cast', [b.node('MatMul', [b.node('Cast', [x], FLOAT), b.floats([4, 4], MATRIX)])], DOUBLE),
  );
  const plain = prove(['N', 4], (b) => b.node('MatMul', ['image', b.floats([4, 4], MATRIX)]));
  const at = ({ latentError }: EncoderBound) => Math.min(...latentError.map(({ l2, l1 }) => l2 + l1));
  assert.ok(at(inside) > at(plain));
});

test('products on either side of a cast are not one product', () => {
  // Two halves of the image through orthogonal rows: together they have norm 1, apart the root of 2 or more.
  const rows = random.orthonormalRows(2, 4);
  const half = (i: number) => Array.from({ length: 4 }, (_, e) => rows[(e % 2) * 4 + 2 * i + Math.floor(e / 2)]!);
  const joined = (crossed: boolean) =>
    between((b, x) => {
      const split = (of: string) => b.nodeWith('Split', [of], 2, { axis: 1, num_outputs: 2 });
      const [first, second] = split(x) as [string, string];
      const [narrow] = split('image') as [string, string];
      const one = crossed
        ? b.node('Cast', [b.node('MatMul', [narrow, b.floats([2, 2], half(0))])], DOUBLE)
        : b.node('MatMul', [first, doubles(b, [2, 2], half(0))]);
      return b.node('Sum', [one, b.node('MatMul', [second, doubles(b, [2, 2], half(1))])]);
    });
  assert.ok(joined(false).lipschitz < 1 + 1e-6);
  const crossed = joined(true);
  assert.ok(crossed.lipschitz > 1.2);
  assert.ok(Math.min(...crossed.latentError.map(({ l2, l1 }) => l2 + l1)) > 5 * U);
});

test('a scale of one number is a power of two, since ONNX Runtime may round it to float32', () => {
  for (const [op, value] of [
    ['Mul', 0.1],
    ['Mul', Math.fround(0.1)],
    ['Mul', -3],
    ['Div', 0.3],
    ['Mul', 0],
    ['Mul', 2 ** -127],
  ] as const) {
    const dims = value === 0.1 ? [] : [1, 1];
    refused(/MatMulScaleFusion|divides by/, (b, x) => b.node(op, [x, doubles(b, dims, [value])]));
  }
  for (const [op, value] of [
    ['Mul', 0.5],
    ['Mul', -8],
    ['Mul', 2 ** -126],
    ['Div', 4],
  ] as const)
    assert.ok(between((b, x) => b.node(op, [x, doubles(b, [1], [value])])).lipschitz > 0);
  const each = between((b, x) => b.node('Mul', [x, doubles(b, [4], [0.1, 0.1, 0.1, 0.1])]));
  assert.ok(each.lipschitz >= 0.1 && each.lipschitz < 0.1 * (1 + 1e-12));
});

test('an operator that has no float64 kernel, or a rule for float32 alone, is refused by name', () => {
  const image = (make: (b: GraphBuilder, x: string) => string) =>
    refusal(
      () =>
        prove(['N', 2, 4, 4], (b) => {
          const y = make(b, b.node('Cast', ['image'], DOUBLE));
          return b.node('Flatten', [b.node('Cast', [y], FLOAT)]);
        }),
      /no float64 kernel.*leave out --precision float64/,
    );
  image((b, x) => b.node('Conv', [x, doubles(b, [2, 2, 1, 1], [1, 2, 3, 4])]));
  image((b, x) => b.node('AveragePool', [x], { kernel_shape: [2, 2] }));
  image((b, x) => b.node('GlobalAveragePool', [x]));
  image((b, x) => b.node('GlobalMaxPool', [x]));
  for (const op of FLOAT64_OPERATORS) assert.ok(RULES.has(op), `${op} is no operator with a rule`);
  for (const op of RULES.keys()) {
    if (FLOAT64_OPERATORS.has(op) || /^(Conv|AveragePool|Global\w+)$/.test(op)) continue;
    refused(/no float64 kernel/, (b, x) => b.node(op, [x]));
  }
  // Mul has a rule for constants that holds for float64, and one for x·x that does not.
  refused(/no float64 kernel/, (b, x) => b.node('Mul', [x, x]));
});

/** latent → logits in float64, with one thing changed. */
function head(change: (nodes: OnnxNode[]) => OnnxNode[], weights = [1, 0, 0, 1]): Graph {
  const b = new GraphBuilder(['N', 2]);
  b.nodes.push({ op: 'Relu', name: 'r', inputs: ['image'], outputs: ['latent'], attributes: new Map() });
  const wide = b.node('Cast', ['latent'], DOUBLE);
  const product = b.node('MatMul', [wide, doubles(b, [2, 2], weights)]);
  const y = b.node('Cast', [b.node('Add', [product, doubles(b, [2], [0.5, -2])])], FLOAT);
  const nodes = b.nodes.map((node) => ({
    ...node,
    outputs: node.outputs.map((name) => (name === y ? 'logits' : name)),
  }));
  return { ...b.graph('logits'), nodes: change(nodes) };
}

const CAST_TO = (node: OnnxNode, to: number): OnnxNode => ({
  ...node,
  attributes: new Map([['to', { kind: 'int', value: BigInt(to) } as const]]),
});

test('a float64 head is a cast, a layer and a cast', () => {
  const found = readLinearHead(head((nodes) => nodes));
  assert.equal(found.precision, 'float64');
  assert.deepEqual([...found.weights, ...found.bias], [1, 0, 0, 1, 0.5, -2]);
  assert.equal(precisionOf(head((nodes) => nodes)), 'float64');
  const change = (at: number, to: (node: OnnxNode) => OnnxNode) => () =>
    readLinearHead(head((nodes) => nodes.map((node, i) => (i === at ? to(node) : node))));
  // nodes: Relu, Cast, MatMul, Add, Cast.
  refusal(
    change(4, (node) => CAST_TO(node, 10)),
    /it must be a Cast to float32/,
  );
  refusal(
    change(4, (node) => CAST_TO(node, 11)),
    /it must be a Cast to float32/,
  );
  refusal(
    change(1, (node) => CAST_TO(node, 10)),
    /it must be a Cast to float64/,
  );
  refusal(
    change(1, (node) => CAST_TO(node, 1)),
    /it must be a Cast to float64/,
  );
  refusal(
    change(1, (node) => ({ ...node, op: 'Floor' })),
    /it must be a Cast to float64/,
  );
  refusal(
    change(1, (node) => ({ ...node, inputs: ['image'] })),
    /its first input must be "latent"/,
  );
  refusal(
    change(4, (node) => ({
      ...node,
      attributes: new Map([...node.attributes, ['saturate', { kind: 'int', value: 1n }]]),
    })),
    /it must be a Cast/,
  );
  const narrow = head((nodes) => nodes);
  const [name] = [...narrow.initializers.keys()];
  const tensor = { ...narrow.initializers.get(name!)!, type: 'float32', data: Float32Array.of(1, 0, 0, 1) } as const;
  refusal(
    () => readLinearHead({ ...narrow, initializers: new Map([...narrow.initializers, [name!, tensor]]) }),
    /must be a constant of float64/,
  );
  refusal(
    change(2, (node) => ({ ...node, inputs: ['latent', node.inputs[1]!] })),
    /it must be a Cast to float64/,
  );
  refusal(
    change(1, (node) => ({ ...node, inputs: ['latent', 'image'] })),
    /it must be a Cast to float64/,
  );
  refusal(
    change(4, (node) => ({ ...node, outputs: [...node.outputs, 'second'] })),
    /it must be a Cast to float32/,
  );
  for (const value of [2 ** 128, -(2 ** 128), 1e300])
    refusal(() => readLinearHead(head((nodes) => nodes, [1, 0, 0, value])), /not finite/);
  assert.equal(readLinearHead(head((nodes) => nodes, [1, 0, 0, 2 ** 128 - 2 ** 75])).weights[3], 2 ** 128 - 2 ** 75);
});

test('the error of a float64 head is its one rounding out', () => {
  const weights = random.normals(4);
  const wide = readLinearHead(head((nodes) => nodes, weights));
  const reach = { constant: 1, l2: 3, l1: 0 };
  const latent = { latentNorm: reach, latentChain: { scales: 0, growth: 1, reach } };
  const error = headError(wide, latent);
  const row = Math.max(Math.hypot(wide.weights[0]!, wide.weights[1]!), Math.hypot(wide.weights[2]!, wide.weights[3]!));
  assert.ok(error.l2 >= U * row * 3 && error.l2 < U * row * 3 * (1 + 1e-6));
  assert.ok(error.constant >= U * (row + 2) && error.constant < U * (row + 2) * (1 + 1e-6));
  assert.equal(logitRoundings(wide), 1);
  const { precision, ...narrow } = wide;
  assert.equal(logitRoundings(narrow), 10);
  assert.ok(headError(narrow, latent).l2 > 9 * error.l2);
});

test('… and the rounding inside is in it too, and what either may flush', () => {
  const wide = { ...readLinearHead(head((nodes) => nodes, [3, 4, 0, 0])), bias: Float64Array.of(0, 0) };
  const one = { constant: 0, l2: 1, l1: 0 };
  const latent = { latentNorm: one, latentChain: { scales: 0, growth: 1, reach: one } };
  const error = headError(wide, latent);
  // The matrix is stored transposed, so its rows are (3, 0) and (4, 0): M = 4, E = 4·10/(2⁵³ − 10), γ = 1/(2²⁴ − 1).
  const [below, narrow] = [2n ** 53n - 10n, 2n ** 24n - 1n];
  const least = 40n * narrow + 4n * below + 40n;
  const { m, e } = dyadic(error.l2);
  assert.ok(m * below * narrow >= least << BigInt(-e));
  const float32 = headError({ ...wide, precision: 'float32' }, latent);
  assert.ok(error.constant - float32.constant >= 2 * 2 ** -126 * (1 - 1e-9));
});
