/** Operations element by element: how constants are spread, exact slopes and offsets, and each condition violated alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundEncoder } from '../../../../../src/certify-runtime/trusted/walk/encoder.ts';
import { allRules, rulesAlone } from '../../../../support/networks/all-rules.ts';
import { GraphBuilder } from '../../../../support/networks/graph-builder.ts';
import { tensor } from '../moved.ts';
import { apply, type Make, onlyIf, prove, proveFlat, refusal } from '../site.ts';

type Attributes = Parameters<GraphBuilder['node']>[2];

const ones = (b: GraphBuilder, dims: readonly number[], value = 1): string =>
  b.floats(dims, Array(dims.reduce((a, d) => a * d, 1)).fill(value));

const withConstant =
  (op: string, dims: readonly number[], first = false): Make =>
  (b) =>
    b.node(op, first ? [ones(b, dims), 'image'] : ['image', ones(b, dims)]);

test('constants are spread from the right, over a sample and never beyond it', () => {
  for (const op of ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'PRelu']) {
    for (const dims of [[], [1], [6], [4, 1], [4, 6], [1, 4, 6], [1, 1, 1]])
      onlyIf(['N', 4, 6], withConstant(op, dims), [
        [/does not fit/, withConstant(op, [4])],
        [/does not fit/, withConstant(op, [6, 1])],
        [/does not fit/, withConstant(op, [1, 6, 6])],
        [/does not fit/, withConstant(op, [0])],
        [/varies with the batch/, withConstant(op, [2, 4, 6])],
        [/more dimensions/, withConstant(op, [1, 1, 4, 6])],
      ]);
  }
  for (const op of ['Add', 'Sub', 'Mul', 'Max', 'Min']) onlyIf(['N', 4, 6], withConstant(op, [6], true), []);
});

test('the norm of a constant counts each of its copies', () => {
  const norm = (dims: readonly number[]): number =>
    prove(['N', 12], (b) => b.node('Add', ['image', ones(b, dims, 3)])).latentNorm.constant;
  for (const dims of [[], [1], [12], [1, 12]]) {
    const exact = 3 * Math.sqrt(12);
    assert.ok(norm(dims) > exact && norm(dims) < exact * (1 + 1e-5));
  }
});

const near = (actual: number, expected: number): void =>
  assert.ok(actual >= expected && actual <= expected * (1 + 1e-12), `${actual} is not ${expected}`);

test('scales: the largest magnitude, of Div the smallest', () => {
  const by = (op: string, values: readonly number[]): number =>
    prove(['N', values.length], (b) => b.node(op, ['image', b.floats([values.length], values)])).lipschitz;
  near(by('Mul', [0.5, -3, 2]), 3);
  near(by('Mul', [0, 0, 0]), 0);
  near(by('Div', [0.5, -0.25, 2]), 4);
  near(by('Div', [2 ** -126]), 2 ** 126);
  refusal(() => by('Div', [1, 0]), /divides by 0/);
  refusal(() => by('Div', [2 ** -126 - 2 ** -149]), /may take for zero/);
  refusal(() => by('Mul', [2 ** 127]), /its scale/);
  assert.ok(by('Mul', [2 ** 127 - 2 ** 103]) > 2 ** 126);
});

test('two tensors of the image: sums of shapes that fit each other, no products', () => {
  const both =
    (op: string, shape: readonly number[] | null = null): Make =>
    (b) =>
      b.node(op, ['image', shape === null ? 'image' : b.node('Reshape', ['image', b.ints(shape)])]);
  const stretched = (op: string, order: number): Make => {
    const largest = (b: GraphBuilder): string => b.node('ReduceMax', ['image', b.ints([2])]);
    return (b) => b.node(op, order === 0 ? ['image', largest(b)] : [largest(b), 'image']);
  };
  for (const op of ['Max', 'Min']) {
    onlyIf(['N', 4, 6], both(op), [
      [/broadcast/, both(op, [0, 6, 4])],
      [/broadcast/, both(op, [0, 1, 4, 6])],
      [/broadcast/, both(op, [0, 4, 6, 1])],
      [/broadcast/, both(op, [0, 24])],
      [/broadcast/, stretched(op, 0)],
      [/broadcast/, stretched(op, 1)],
      [/broadcast/, both(op, [-1, 2, 6])],
    ]);
  }
  for (const op of ['Add', 'Sub', 'Sum']) {
    onlyIf(['N', 4, 6], both(op), [
      [/does not fit/, both(op, [0, 6, 4])],
      [/one rank/, both(op, [0, 1, 4, 6])],
      [/one rank/, both(op, [0, 4, 6, 1])],
      [/one rank/, both(op, [0, 24])],
      [/as many rows/, both(op, [-1, 2, 6])],
    ]);
    // The maximum of a row of 6 is repeated for each of them, so its own part has the norm √6.
    for (const order of [0, 1]) near(proveFlat(['N', 4, 6], stretched(op, order)).lipschitz, 1 + Math.sqrt(6));
  }
  for (const op of ['Mul', 'Div']) refusal(() => proveFlat(['N', 4], both(op)), /no bound|not its root/);
  // Without an operator that bounds a product, its rules are not loaded, and the rule of Mul says it.
  for (const op of ['Mul', 'Div', 'MatMul']) refusal(() => apply(op, [tensor([1, 4]), tensor([1, 4])]), /no bound/);
  refusal(() => proveFlat(['N', 4], (b) => b.node('Div', [ones(b, [4]), 'image'])), /no bound/);
  refusal(() => proveFlat(['N', 4], (b) => b.node('Sum', ['image', ones(b, [4])])), /must depend on the image/);
});

test('a Sum of one tensor is that tensor, rearranged or not', () => {
  const turned = (b: GraphBuilder): string => b.node('Transpose', ['image'], { perm: [0, 2, 1] });
  for (const rules of [rulesAlone, allRules]) {
    const b = new GraphBuilder(['N', 2, 3]);
    const latent = b.node('Flatten', [b.node('Sum', [turned(b)])]);
    assert.equal(boundEncoder(b.graph(latent), { input: 'image', latent, rules }).lipschitz, 1);
  }
});

test('two tensors that are spread over more than a tensor may have are refused before they are', () => {
  const spread: Make = (b) => {
    const [row, column] = [b.ints([0, 1, 4096]), b.ints([0, 4096, 1])];
    return b.node('Add', [b.node('Reshape', ['image', row]), b.node('Reshape', ['image', column])]);
  };
  refusal(() => proveFlat(['N', 4096], spread), /is too large/);
});

test('sums of branches add their constants', () => {
  const times = (b: GraphBuilder, by: number): string => b.node('Mul', ['image', b.floats([], [by])]);
  near(prove(['N', 4], (b) => b.node('Add', [times(b, 3), times(b, 4)])).lipschitz, 7);
  near(prove(['N', 4], (b) => b.node('Sub', [times(b, 3), times(b, 4)])).lipschitz, 7);
  near(prove(['N', 4], (b) => b.node('Sum', [times(b, 3), times(b, 4), times(b, 5)])).lipschitz, 12);
  near(prove(['N', 4], (b) => b.node('Sum', [times(b, 3)])).lipschitz, 3);
});

test('slopes: at least 1 for what is not negative', () => {
  const leaky = (alpha: number | null): number =>
    prove(['N', 2], (b) => b.node('LeakyRelu', ['image'], alpha === null ? {} : { alpha: { float: alpha } })).lipschitz;
  near(leaky(null), 1);
  near(leaky(0.5), 1);
  near(leaky(1.5), 1.5);
  near(leaky(-1.5), 1.5);
  const pRelu = (values: readonly number[]): number =>
    prove(['N', 2], (b) => b.node('PRelu', ['image', b.floats([2], values)])).lipschitz;
  near(pRelu([0.5, 0.25]), 1);
  near(pRelu([0.5, -2.5]), 2.5);
  near(pRelu([-2.5, 0.5]), 2.5);
});

test('Clip: what it makes of 0', () => {
  const offset = (low: number | null, high: number | null): number => {
    const { latentNorm } = prove(['N', 4], (b) => {
      const bound = (value: number | null): string => (value === null ? '' : b.floats([], [value]));
      return b.node('Clip', ['image', bound(low), bound(high)]);
    });
    return latentNorm.constant;
  };
  const about = (actual: number, expected: number): void =>
    assert.ok(actual >= expected && actual < expected + 1e-9, `${actual} is not ${expected}`);
  about(offset(-1, 1), 0);
  about(offset(null, null), 0);
  about(offset(0.5, 3), 1);
  about(offset(0.5, null), 1);
  about(offset(-3, -2), 4);
  about(offset(null, -2), 4);
  // Where low is above high, the result is high.
  about(offset(3, 1), 2);
  about(offset(3, -1), 2);
  refusal(() => prove(['N', 4], (b) => b.node('Clip', ['image', b.floats([2], [0, 0])])), /one element/);
});

test('Max and Min with constants: at least one input depends on the image', () => {
  const make =
    (...constants: number[]): Make =>
    (b) =>
      b.node('Max', ['image', ...constants.map((v) => ones(b, [4], v))]);
  const { latentNorm } = prove(['N', 4], make(3, -4));
  assert.ok(latentNorm.constant >= 14 && latentNorm.constant < 14.001);
  near(prove(['N', 4], make(3)).lipschitz, 1);
  refusal(
    () => prove(['N', 4], (b) => b.node('Add', ['image', b.node('Max', [ones(b, [4])])])),
    /no rule for constants/,
  );
});

const parameters = (b: GraphBuilder, values: readonly (readonly number[])[]): string[] => [
  'image',
  ...values.map((list) => b.floats([list.length], list)),
];

test('BatchNormalization: one parameter for each channel, a variance that is not flushed away', () => {
  const make =
    (values: readonly (readonly number[])[], attributes: Attributes = {}, outputs = 1): Make =>
    (b) =>
      b.nodeWith('BatchNormalization', parameters(b, values), outputs, attributes)[0]!;
  const good = [
    [1, 2],
    [0, 1],
    [3, 4],
    [1, 0.25],
  ];
  onlyIf(['N', 2, 3], make(good), [
    ...[0, 1, 2, 3].map((i) => [new RegExp(`input ${i + 1} \\[1\\]`), make(good.with(i, [1]))] as const),
    [/input 1 \[3\]/, make(good.with(0, [1, 2, 3]))],
    [/training_mode/, make(good, { training_mode: 1 })],
    [/training outputs/, make(good, {}, 3)],
    [/training outputs/, make(good, {}, 2)],
    [/variance -0.25/, make(good.with(3, [1, -0.25]), { epsilon: { float: 1 } })],
    [/variance 1 \+ -0.5/, make(good.with(3, [1, 1]), { epsilon: { float: -0.5 } })],
    [/variance 0/, make(good.with(3, [1, 0]), { epsilon: { float: 0 } })],
    [/variance/, make(good.with(3, [1, 2 ** -101]), { epsilon: { float: 0 } })],
    [/variance/, make(good.with(3, [1, 2 ** 127]))],
  ]);
  onlyIf(['N', 2, 3], make(good.with(3, [1, 2 ** -100]), { epsilon: { float: 0 } }), []);
  onlyIf(['N', 2, 3], make(good.with(3, [1, 0]), { epsilon: { float: 2 ** -100 } }), []);
  onlyIf(['N', 2, 3], make(good.with(3, [1, 2 ** 127 - 2 ** 103])), []);
  onlyIf(['N', 2], make(good), []);
  refusal(
    () =>
      proveFlat(['N', 2, 3], (b) =>
        b.node('BatchNormalization', ['image', ...good.map((list) => b.floats([1, 2], list))]),
      ),
    /\[1,2\] does not fit/,
  );
  const exact = (values: readonly (readonly number[])[]): number =>
    proveFlat(['N', 2, 3], make(values, { epsilon: { float: 0 } })).lipschitz;
  near(exact(good), 4);
  near(exact(good.with(0, [-8, 2])), 8);
});

test('large scales and constants: refused where some execution may overflow', () => {
  refusal(() => prove(['N', 2], (b) => b.node('Mul', ['image', b.floats([1], [2 ** 127])])), /may overflow/);
  const twice =
    (first: number, second: number): Make =>
    (b) =>
      b.node('Mul', [b.node('Mul', ['image', b.floats([1], [first])]), b.floats([1], [second])]);
  refusal(() => prove(['N', 2], twice(2 ** 64, 2 ** 63)), /its scale/);
  assert.ok(prove(['N', 2], twice(2 ** 63, 2 ** 63)).maxImageNorm < 4);
  // A weight and a scale, each of them small enough.
  const product =
    (weight: number, by: number): Make =>
    (b) =>
      b.node('Mul', [b.node('MatMul', ['image', b.floats([2, 1], [weight, 0])]), b.floats([1], [by])]);
  refusal(() => prove(['N', 2], product(2 ** 64, 2 ** 63)), /its scale/);
  assert.ok(prove(['N', 2], product(2 ** 63, 2 ** 63)).maxImageNorm < 4);
  const before =
    (by: number, weight: number): Make =>
    (b) =>
      b.node('MatMul', [b.node('Mul', ['image', b.floats([1], [by])]), b.floats([2, 1], [weight, 0])]);
  refusal(() => prove(['N', 2], before(2 ** 64, 2 ** 63)), /its weights may overflow/);
  refusal(() => prove(['N', 2], (b) => b.node('Add', ['image', b.floats([1], [2 ** 127])])), /may overflow/);
  refusal(() => prove(['N', 2], (b) => b.node('Max', ['image', b.floats([1], [2 ** 127])])), /may overflow/);
});

test('training outputs that are left out are none', () => {
  const b = new GraphBuilder(['N', 2]);
  const latent = b.node(
    'BatchNormalization',
    parameters(b, [
      [1, 2],
      [0, 1],
      [3, 4],
      [1, 0.25],
    ]),
  );
  const graph = b.graph(latent);
  const left = { ...graph, nodes: graph.nodes.map((node) => ({ ...node, outputs: [latent, '', ''] })) };
  near(
    boundEncoder(left, { input: 'image', latent, rules: allRules }).lipschitz,
    2 / Math.sqrt(0.25 + Math.fround(1e-5)),
  );
});
