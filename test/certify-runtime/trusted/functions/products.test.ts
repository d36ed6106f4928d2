/** Products of two tensors, squares and mirrored tensors: what has a bound, which one, and what is refused. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundEncoder } from '../../../../src/certify-runtime/trusted/walk/encoder.ts';
import { run } from '../../../support/interpreter/interpreter.ts';
import { allRules } from '../../../support/networks/all-rules.ts';
import { GraphBuilder } from '../../../support/networks/graph-builder.ts';
import { exact, float32 } from '../../../support/numbers/arithmetic.ts';
import { Random } from '../../../support/numbers/random.ts';
import { largestSingularValue } from '../../../support/numbers/svd.ts';
import { type Make, prove, proveFlat, refusal } from '../conditions/site.ts';

const scalar = (b: GraphBuilder, value: number): string => b.floats([], [value]);
const mul = (b: GraphBuilder, x: string, y: string): string => b.node('Mul', [x, y]);
const square = (b: GraphBuilder, x = 'image'): string => mul(b, x, x);
const lipschitz = (dims: readonly number[], make: Make): number => proveFlat(['N', ...dims], make).lipschitz;
const near = (actual: number, expected: number): void =>
  assert.ok(actual >= expected * (1 - 1e-15) && actual <= expected * (1 + 1e-7), `${actual} is not ${expected}`);
const refused = (make: Make, reason: RegExp, dims: readonly number[] = [2, 4, 4]): void =>
  refusal(() => proveFlat(['N', ...dims], make), reason);

const [SILU, GELU] = [1.09983932012886, 1.12890414518515];
const NO_BOUND = /product of two tensors that depend on the image has no bound/;

/** 1 + erf(u) with u = op(x, c). */
const gate = (b: GraphBuilder, x: string, op = 'Div', c: number = Math.SQRT2): string =>
  b.node('Add', [b.node('Erf', [b.node(op, [x, scalar(b, c)])]), scalar(b, 1)]);

test('x times a function of x has the bound of lemma 24, in either order of its inputs', () => {
  for (const swap of [false, true]) {
    const times = (b: GraphBuilder, x: string, y: string): string => (swap ? mul(b, y, x) : mul(b, x, y));
    const of = (make: (b: GraphBuilder, x: string) => string): number => lipschitz([2, 4, 4], (b) => make(b, 'image'));
    near(
      of((b, x) => times(b, x, b.node('Sigmoid', [x]))),
      SILU,
    );
    near(
      of((b, x) => times(b, x, b.node('Sigmoid', [times(b, x, scalar(b, -1.702))]))),
      SILU,
    );
    near(
      of((b, x) => times(b, b.node('Identity', [x]), b.node('Sigmoid', [x]))),
      SILU,
    );
    near(
      of((b, x) => times(b, x, b.node('HardSigmoid', [x], { beta: { float: 0.25 } }))),
      1.75,
    );
    assert.equal(
      of((b, x) => times(b, x, b.node('Tanh', [b.node('Softplus', [x])]))),
      1.0886,
    );
    near(
      of((b, x) => times(b, x, gate(b, x))),
      2 * GELU,
    );
    near(
      of((b, x) => times(b, times(b, x, gate(b, x)), scalar(b, 0.5))),
      GELU,
    );
    near(
      of((b, x) => times(b, times(b, x, scalar(b, 0.5)), gate(b, x))),
      GELU,
    );
    near(
      of((b, x) => times(b, x, gate(b, x, 'Mul', Math.SQRT1_2))),
      2 * GELU,
    );
  }
});

test('x times a function of anything else has none', () => {
  const copy = (b: GraphBuilder): string => b.node('Relu', ['image']);
  const cases: Make[] = [
    (b) => mul(b, 'image', b.node('Sigmoid', [copy(b)])),
    (b) => mul(b, copy(b), b.node('Sigmoid', [copy(b)])),
    (b) => mul(b, 'image', b.node('Sigmoid', [b.node('Transpose', ['image'], { perm: [0, 1, 3, 2] })])),
    // The same values, but moved and moved back: by another name, another tensor.
    (b) => mul(b, 'image', b.node('Sigmoid', [b.node('Reshape', ['image', b.ints([0, 2, 4, 4])])])),
    (b) => mul(b, 'image', b.node('Reshape', [b.node('Sigmoid', ['image']), b.ints([0, 2, 4, 4])])),
    (b) => mul(b, 'image', b.node('Sigmoid', [mul(b, 'image', b.floats([2, 1, 1], [1, 1]))])),
    (b) => mul(b, 'image', b.node('Sigmoid', [mul(b, 'image', scalar(b, 0))])),
    (b) => mul(b, 'image', b.node('Sigmoid', [mul(b, 'image', scalar(b, 2 ** 25))])),
    (b) => mul(b, 'image', b.node('Sigmoid', [b.node('Div', ['image', scalar(b, 2)])])),
    (b) => mul(b, 'image', b.node('Sigmoid', [b.node('Add', ['image', scalar(b, 1)])])),
    (b) => mul(b, b.node('Sigmoid', ['image']), b.node('Sigmoid', ['image'])),
    (b) => mul(b, 'image', b.node('Tanh', ['image'])),
    (b) => mul(b, 'image', b.node('Softplus', ['image'])),
    (b) => mul(b, 'image', b.node('Tanh', [b.node('Softplus', [copy(b)])])),
    (b) => mul(b, 'image', b.node('Erf', ['image'])),
    (b) => mul(b, 'image', gate(b, 'image', 'Div', 1.4143)),
    (b) => mul(b, 'image', gate(b, 'image', 'Mul', 0.7072)),
    (b) => mul(b, 'image', gate(b, 'image', 'Mul', Math.SQRT2)),
    (b) => mul(b, 'image', gate(b, copy(b))),
    (b) => mul(b, mul(b, 'image', scalar(b, 0.25)), gate(b, 'image')),
    // GeluFusion does not look at what it multiplies by one half.
    (b) => mul(b, mul(b, copy(b), scalar(b, 0.5)), gate(b, 'image')),
    (b) =>
      mul(b, 'image', b.node('Add', [b.node('Erf', [b.node('Div', ['image', scalar(b, Math.SQRT2)])]), scalar(b, 2)])),
    // x(erf(u) − 1) and x(1 − erf(u)) have other slopes than x(1 + erf(u)).
    (b) =>
      mul(b, 'image', b.node('Sub', [b.node('Erf', [b.node('Div', ['image', scalar(b, Math.SQRT2)])]), scalar(b, 1)])),
    (b) =>
      mul(b, 'image', b.node('Sub', [scalar(b, 1), b.node('Erf', [b.node('Div', ['image', scalar(b, Math.SQRT2)])])])),
    (b) => mul(b, 'image', copy(b)),
  ];
  for (const [i, make] of cases.entries()) {
    assert.doesNotThrow(() => refused(make, NO_BOUND), `case ${i}`);
  }
});

test('squares are for nothing but sums, means, scales and roots', () => {
  const relu = /it takes x·x, which has no bound/;
  const mix = /do not mix/;
  refused((b) => b.node('Relu', [square(b)]), relu);
  refused((b) => b.node('MaxPool', [square(b)], { kernel_shape: [2, 2] }), relu);
  refused((b) => b.node('Sub', [square(b), scalar(b, 1)]), relu);
  refused((b) => b.node('Neg', [square(b)]), relu);
  refused((b) => b.node('Max', [square(b), 'image']), relu);
  refused((b) => b.node('Gemm', [b.node('Flatten', [square(b)]), b.floats([32, 2], Array(64).fill(1))]), relu);
  refused((b) => b.node('Add', [square(b), 'image']), mix);
  refused((b) => b.node('Concat', ['image', square(b)], { axis: 1 }), mix);
  refused((b) => b.node('Add', [square(b), scalar(b, -1e-9)]), /negative constant/);
  refused((b) => b.node('Add', [square(b), b.floats([4], [1, 0, -1, 1])]), /negative constant/);
  refused((b) => b.node('Sum', [square(b), scalar(b, 1), scalar(b, 1)]), /do not mix in a sum/);
  refused((b) => b.node('Sum', [square(b), square(b), 'image']), mix);
  refused((b) => mul(b, square(b), 'image'), /input 1/);
  refused((b) => square(b, square(b)), /the product of two squares/);
  refused((b) => mul(b, square(b), scalar(b, -1)), /not between/);
  refused((b) => mul(b, square(b), scalar(b, 2 ** 25)), /not between/);
  refused((b) => mul(b, square(b), b.floats([4], [1, 1, 1, 1])), /one element/);
  for (const op of ['Mul', 'Div']) {
    refused((b) => b.node(op, [square(b), b.floats([1, 1, 1, 1, 1], [1])]), /has more dimensions than/);
  }
  refused((b) => b.node('Div', [scalar(b, 1), square(b)]), /quotient by a square/);
  refused((b) => b.node('Add', [square(b), b.node('ReduceSum', [square(b), b.ints([1])])]), /broadcast/);
  refused((b) => b.node('Reshape', [square(b), b.node('Shape', [square(b)])]), /shape of a shape or of a square/);
  refused((b) => b.node('Sqrt', ['image']), /its slope at 0 is not finite/);
  refused((b) => b.node('Sqrt', [b.node('Abs', ['image'])]), /its slope at 0 is not finite/);
  refusal(() => prove(['N', 4], (b) => square(b)), /the latent is a sum of squares/);
});

const root =
  (make: Make): Make =>
  (b) =>
    b.node('Sqrt', [make(b)]);

/** Forms, and their true Lipschitz constants. */
const NORMS: readonly (readonly [Make, number])[] = [
  [root(square), 1],
  [root((b) => b.node('ReduceSum', [square(b), b.ints([2, 3])])), 1],
  [root((b) => b.node('ReduceMean', [square(b), b.ints([1])])), Math.SQRT1_2],
  [root((b) => b.node('GlobalAveragePool', [square(b)])), 1 / 4],
  [root((b) => b.node('AveragePool', [square(b)], { kernel_shape: [2, 2], strides: [2, 2] })), 1 / 2],
  [
    root((b) => b.node('AveragePool', [square(b)], { kernel_shape: [3, 1], count_include_pad: 1, pads: [1, 0, 1, 0] })),
    1,
  ],
  [
    root((b) => b.node('Add', [square(b), b.node('Sum', [square(b, b.node('Neg', ['image'])), square(b)])])),
    Math.sqrt(3),
  ],
  [root((b) => b.node('Add', [scalar(b, 1e-6), mul(b, square(b), scalar(b, 0.25))])), 1 / 2],
  [root((b) => b.node('Div', [square(b), scalar(b, 0.25)])), 2],
  [root((b) => b.node('Add', [mul(b, scalar(b, 4), square(b)), b.floats([4], [0, 1, 0, 2])])), 2],
  [root((b) => b.node('ReduceSum', [b.node('Transpose', [square(b)], { perm: [0, 2, 3, 1] }), b.ints([1, 2])])), 1],
  [
    root((b) => {
      const halves = b.nodeWith('Split', ['image'], 2, { axis: 3, num_outputs: 2 });
      return b.node('Add', [square(b, halves[0]), square(b, halves[1])]);
    }),
    1,
  ],
];

/** What the form gives for an image [2, 4, 4]. */
function valuesOf(make: Make, x: readonly number[], arithmetic: typeof exact): readonly number[] {
  const builder = new GraphBuilder(['N', 2, 4, 4]);
  const output = make(builder);
  return run(builder.graph(output), { dims: [1, 2, 4, 4], data: x }, arithmetic).get(output)!.data;
}

test('roots of squares have the norms that they are', () => {
  for (const [i, [make, expected]] of NORMS.entries()) {
    const proven = lipschitz([2, 4, 4], make);
    assert.ok(Math.abs(proven - expected) <= 1e-12, `case ${i}: ${proven} is not ${expected}`);
    const at = (x: readonly number[]) => valuesOf(make, x, exact);
    const x = new Random(i).normals(32, 1);
    const columns = x.map((v, e) => {
      const [ahead, behind] = [at(x.with(e, v + 1e-6)), at(x.with(e, v - 1e-6))];
      return ahead.map((value, k) => (value - behind[k]!) / 2e-6);
    });
    const sigma = largestSingularValue(columns.flat(), 32, columns[0]!.length);
    assert.ok(sigma <= proven + 1e-6, `case ${i}: ${sigma}`);
  }
});

test('a norm of tiny, of huge, and of subnormal values is within its error', () => {
  const random = new Random(7);
  for (const [make] of NORMS) {
    const { latentError, maxImageNorm } = proveFlat(['N', 2, 4, 4], make);
    assert.ok(maxImageNorm >= 2 ** 58 && maxImageNorm <= 2 ** 63, `${maxImageNorm}`);
    for (const size of [1e-44, 1e-30, 3e-23, 1e-19, 1e-10, 1, maxImageNorm / 12]) {
      const x = random.normals(32, size).map(Math.fround);
      const exactly = valuesOf(make, x, exact);
      const computed = valuesOf(make, x, float32(random, { order: 'shuffled', fma: true, flush: true }));
      const error = Math.hypot(...computed.map((value, i) => value - exactly[i]!));
      const norm = Math.hypot(...x);
      for (const { constant, l2 } of latentError) assert.ok(error <= constant + l2 * norm, `${error} at ${size}`);
      assert.ok(computed.every(Number.isFinite));
    }
  }
});

const negative = (b: GraphBuilder, x = 'image'): string => b.node('Neg', [x]);
const relu = (b: GraphBuilder, x: string): string => b.node('Relu', [x]);
const concat = (b: GraphBuilder, ...parts: string[]): string => b.node('Concat', parts, { axis: 1 });

test('x beside −x behind a Relu, and their maximum, have the bound of x', () => {
  const one: Make[] = [
    (b) => concat(b, relu(b, 'image'), relu(b, negative(b))),
    (b) => concat(b, relu(b, negative(b)), relu(b, 'image')),
    (b) => relu(b, concat(b, 'image', negative(b))),
    (b) => relu(b, concat(b, negative(b), 'image')),
    (b) => b.node('Max', ['image', negative(b)]),
    (b) => b.node('Min', [negative(b), 'image']),
  ];
  for (const make of one) assert.equal(lipschitz([2, 4, 4], make), 1);
  const two: Make[] = [
    (b) => concat(b, 'image', negative(b)),
    (b) => concat(b, relu(b, 'image'), b.node('Abs', [negative(b)])),
    (b) => concat(b, relu(b, 'image'), relu(b, negative(b, negative(b)))),
    (b) => b.node('Abs', [concat(b, 'image', negative(b))]),
    (b) => concat(b, relu(b, b.node('Transpose', ['image'], { perm: [0, 1, 3, 2] })), relu(b, negative(b))),
  ];
  for (const make of two) near(lipschitz([2, 4, 4], make), Math.SQRT2);
});

test('a third tensor beside x and −x counts as well', () => {
  // Where x > 0, raising it raises both x and |x|.
  const abs = (b: GraphBuilder): string => b.node('Abs', ['image']);
  const three: Make[] = [
    (b) => concat(b, relu(b, 'image'), relu(b, negative(b)), abs(b)),
    (b) => relu(b, concat(b, 'image', negative(b), abs(b))),
  ];
  for (const make of three) {
    const proven = lipschitz([2, 4, 4], make);
    assert.ok(proven >= Math.SQRT2 && proven <= Math.sqrt(3) * (1 + 1e-12), `${proven}`);
  }
});

test('of x and −x, the one of which more is known bounds both', () => {
  // The rule of the pool knows 1 of it, and the map as far as −x is bounded as a whole.
  const forms: ((b: GraphBuilder, x: string, y: string) => string)[] = [
    (b, x, y) => concat(b, relu(b, x), relu(b, y)),
    (b, x, y) => b.node('Max', [x, y]),
  ];
  for (const form of forms) {
    for (const swapped of [false, true]) {
      const builder = new GraphBuilder(['N', 1, 3]);
      const mean = builder.node('AveragePool', ['image'], { kernel_shape: [2] });
      const pair = [mean, negative(builder, mean)] as const;
      const latent = builder.node('Flatten', [swapped ? form(builder, pair[1], pair[0]) : form(builder, ...pair)]);
      const proven = boundEncoder(builder.graph(latent), { input: 'image', latent, rules: allRules }).lipschitz;
      // The eigenvalues of MMᵀ are ½ ± ¼.
      assert.ok(proven >= Math.sqrt(0.75) && proven <= Math.sqrt(0.75) * (1 + 1e-6), `${proven}`);
    }
  }
});
