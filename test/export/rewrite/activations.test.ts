/** Activations in the spellings of exporters, in both forms in ONNX Runtime. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GraphBuilder } from '../../support/networks/graph-builder.ts';
import { type Build, form } from './rewritten.ts';

const IMAGE = [4, 6, 6];

test('powers of 1, 2 and ½', async () => {
  const powers: [number, string][] = [
    [2, 'Mul'],
    [1, ''],
    [3, 'Pow'],
  ];
  for (const [exponent, expected] of powers) {
    const ops = await form(IMAGE, (b, x) => b.node('Neg', [b.node('Pow', [x, b.floats([], [exponent])])]));
    assert.equal(ops, `${expected} Neg`.trim());
  }
  const root: Build = (b, x) =>
    b.node('Pow', [b.node('Abs', [x]), b.tensor({ type: 'float64', dims: [], data: Float64Array.of(0.5) })]);
  assert.equal(await form(IMAGE, root), 'Abs Sqrt');
  const mixed: Build = (b, x) => b.node('Pow', [x, b.floats([6], [1, 2, 2, 2, 2, 2])]);
  assert.equal(await form(IMAGE, mixed), 'Pow');
});

test('GELU, SiLU and hard swish in the spellings of exporters', async () => {
  const gelu = 'Div Erf Add Mul Mul';
  assert.equal(await form(IMAGE, (b, x) => b.node('Gelu', [x]), { opset: 20 }), gelu);
  const gate = (b: GraphBuilder, x: string) =>
    b.node('Add', [b.node('Erf', [b.node('Div', [x, b.floats([], [Math.SQRT2])])]), b.floats([], [1])]);
  const spelled: Build[] = [
    (b, x) => b.node('Mul', [b.node('Mul', [x, gate(b, x)]), b.floats([], [0.5])]),
    (b, x) => b.node('Mul', [b.node('Mul', [x, b.floats([1], [0.5])]), gate(b, x)]),
    (b, x) => b.node('Mul', [x, b.node('Mul', [b.floats([], [0.5]), gate(b, x)])]),
    (b, x) => b.node('Div', [b.node('Mul', [gate(b, x), x]), b.floats([], [2])]),
  ];
  for (const spelling of spelled) assert.equal(await form(IMAGE, spelling), gelu);

  const silu: Build = (b, x) => b.node('Mul', [b.node('Sigmoid', [x]), x]);
  assert.equal(await form(IMAGE, silu), 'Sigmoid Mul');
  const clip = (b: GraphBuilder, x: string) =>
    b.node('Clip', [b.node('Add', [x, b.floats([], [3])]), b.floats([], [0]), b.floats([], [6])]);
  const relu6 = (b: GraphBuilder, x: string) =>
    b.node('Min', [b.node('Relu', [b.node('Add', [b.floats([], [3]), x])]), b.floats([], [6])]);
  const hard: Build[] = [
    (b, x) => b.node('Div', [b.node('Mul', [x, clip(b, x)]), b.floats([], [6])]),
    (b, x) => b.node('Mul', [x, b.node('Div', [clip(b, x), b.floats([], [6])])]),
    (b, x) => b.node('Mul', [b.node('Mul', [relu6(b, x), b.floats([], [1 / 6])]), x]),
  ];
  for (const spelling of hard) assert.equal(await form(IMAGE, spelling, { scale: 3 }), 'HardSigmoid Mul');
  const plain: Build = (b, x) => b.node('Mul', [b.node('Add', [x, b.floats([1], [1])]), b.floats([1], [2])]);
  assert.equal(await form(IMAGE, plain), 'Add Mul');
});

test('soft shrinkage, the logarithm of a sigmoid, and a threshold of 0', async () => {
  const soft: Build = (b, x) => b.node('Shrink', [x], { lambd: { float: 0.3 }, bias: { float: 0.3 } });
  assert.equal(await form(IMAGE, soft), 'Clip Sub');
  const jumps: Build = (b, x) => b.node('Shrink', [x], { lambd: { float: 0.3 } });
  assert.equal(await form(IMAGE, jumps), 'Shrink');
  assert.equal(await form(IMAGE, (b, x) => b.node('Log', [b.node('Sigmoid', [x])])), 'Neg Softplus Neg');
  const threshold: Build = (b, x) => b.node('ThresholdedRelu', [x], { alpha: { float: 0 } });
  assert.equal(await form(IMAGE, threshold), 'Relu');
});

test('activations spelled with comparisons, exponentials and quotients', async () => {
  const one = (b: GraphBuilder) => b.floats([], [1]);
  const exp = (b: GraphBuilder, x: string, sign: 1 | -1) => b.node('Exp', [sign > 0 ? x : b.node('Neg', [x])]);
  const zeros = (b: GraphBuilder) => b.floats([1, ...IMAGE], Array<number>(144).fill(0));
  const spelled: [string, Build][] = [
    ['Softsign', (b, x) => b.node('Div', [x, b.node('Add', [b.node('Abs', [x]), one(b)])])],
    ['Sigmoid', (b, x) => b.node('Reciprocal', [b.node('Add', [one(b), exp(b, x, -1)])])],
    ['Sigmoid Mul', (b, x) => b.node('Div', [x, b.node('Add', [one(b), exp(b, x, -1)])])],
    [
      'LeakyRelu',
      (b, x) =>
        b.node('Where', [b.node('Greater', [x, b.floats([1], [0])]), x, b.node('Mul', [x, b.floats([], [0.2])])]),
    ],
    ['Relu', (b, x) => b.node('Where', [b.node('Less', [x, zeros(b)]), zeros(b), x])],
    ['Abs', (b, x) => b.node('Mul', [x, b.node('Sign', [x])])],
    [
      'Clip Sub',
      (b, x) =>
        b.node('Mul', [
          b.node('Sign', [x]),
          b.node('Relu', [b.node('Sub', [b.node('Abs', [x]), b.floats([], [0.4])])]),
        ]),
    ],
    [
      'Elu',
      (b, x) =>
        b.node('Where', [
          b.node('Greater', [x, zeros(b)]),
          x,
          b.node('Sub', [b.node('Exp', [b.node('Min', [x, b.floats([], [0])])]), one(b)]),
        ]),
    ],
    [
      'Mul Softplus Mul',
      (b, x) => {
        const inner = b.node('Mul', [x, b.floats([], [2])]);
        const whole = b.node('Div', [b.node('Softplus', [inner]), b.floats([], [2])]);
        return b.node('Where', [b.node('Greater', [inner, b.floats([], [20])]), x, whole]);
      },
    ],
    ['Mish', (b, x) => b.node('Mul', [x, b.node('Tanh', [b.node('Log', [b.node('Add', [exp(b, x, 1), one(b)])])])])],
  ];
  for (const [expected, build] of spelled) {
    // Both sides of the function have operators that are no part of it.
    const ops = await form(IMAGE, (b, x) =>
      b.node('Transpose', [build(b, b.node('Neg', [x]))], { perm: [0, 1, 3, 2] }),
    );
    assert.equal(ops, `Transpose Neg ${expected}`);
  }
  const jump: Build = (b, x) => b.node('Where', [b.node('Greater', [x, one(b)]), x, b.floats([], [0])]);
  assert.equal(await form(IMAGE, jump), 'Greater Where');
});

test('an activation with transposed tensors inside', async () => {
  const turned: Build = (b, x) => {
    const perm = [0, 2, 3, 1];
    const turn = (value: string) => b.node('Transpose', [value], { perm });
    const positive = b.node('Greater', [turn(x), b.floats([], [0])]);
    return b.node('Where', [positive, turn(x), turn(b.node('Mul', [b.floats([], [0.3]), x]))]);
  };
  assert.equal(await form(IMAGE, (b, x) => turned(b, b.node('Neg', [x]))), 'Transpose Neg LeakyRelu');
});
