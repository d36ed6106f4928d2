/** The slopes that each activation's rule tells the blocks of lemma 21, against the Jacobians that they can have. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundEncoder } from '../../../../../src/certify-runtime/trusted/walk/encoder.ts';
import { allRules } from '../../../../support/networks/all-rules.ts';
import { GraphBuilder } from '../../../../support/networks/graph-builder.ts';
import { Random } from '../../../../support/numbers/random.ts';
import { largestSingularValue } from '../../../../support/numbers/svd.ts';

const [D, H] = [5, 3];

type Activation = (b: GraphBuilder, x: string) => string;
const op =
  (name: string, attributes: Parameters<GraphBuilder['node']>[2] = {}): Activation =>
  (b, x) =>
    b.node(name, [x], attributes);

/** Each with the least and the largest slope of every unit, as calculus has them. */
const ACTIVATIONS: Readonly<
  Record<string, readonly [make: Activation, slopes: readonly (readonly [number, number])[]]>
> = {
  Relu: [op('Relu'), Array(H).fill([0, 1])],
  'LeakyRelu −½': [op('LeakyRelu', { alpha: { float: -0.5 } }), Array(H).fill([-0.5, 1])],
  'LeakyRelu −2': [op('LeakyRelu', { alpha: { float: -2 } }), Array(H).fill([-2, 1])],
  'LeakyRelu 2': [op('LeakyRelu', { alpha: { float: 2 } }), Array(H).fill([1, 2])],
  'PRelu −½': [(b, x) => b.node('PRelu', [x, b.floats([1], [-0.5])]), Array(H).fill([-0.5, 1])],
  Abs: [op('Abs'), Array(H).fill([-1, 1])],
  Clip: [(b, x) => b.node('Clip', [x, b.floats([], [-1]), b.floats([], [2])]), Array(H).fill([0, 1])],
  Sigmoid: [op('Sigmoid'), Array(H).fill([0, 0.25])],
  'Elu 2': [op('Elu', { alpha: { float: 2 } }), Array(H).fill([0, 2])],
  HardSigmoid: [op('HardSigmoid', { alpha: { float: -1.5 } }), Array(H).fill([-1.5, 0])],
  HardSwish: [op('HardSwish'), Array(H).fill([-0.5, 1.5])],
};

/** Of which the rule tells the range of all units together. */
const MIXED: typeof ACTIVATIONS = {
  'PRelu of three': [
    (b, x) => b.node('PRelu', [x, b.floats([H], [-0.5, 0.25, 3])]),
    [
      [-0.5, 1],
      [0.25, 1],
      [1, 3],
    ],
  ],
  'PRelu of three, the last one negative': [
    (b, x) => b.node('PRelu', [x, b.floats([H], [2, 0.25, -1.5])]),
    [
      [1, 2],
      [0.25, 1],
      [-1.5, 1],
    ],
  ],
};

/** ‖αI − WᵀDW‖ or ‖WᵀDW‖ at its largest: a convex function of D, so at a corner; Wx may be any vector, as H < D. */
function largest(W: Float32Array, alpha: number, slopes: readonly (readonly [number, number])[]): number {
  let most = 0;
  for (let corner = 0; corner < 2 ** H; corner++) {
    const J = Float64Array.from({ length: D * D }, (_, e) => {
      const [i, j] = [Math.floor(e / D), e % D];
      const sum = slopes.reduce((s, range, h) => s + range[(corner >> h) & 1]! * W[h * D + i]! * W[h * D + j]!, 0);
      return (i === j ? alpha : 0) - sum;
    });
    most = Math.max(most, largestSingularValue(J, D, D));
  }
  return most;
}

function proven(W: Float32Array, make: Activation, residual: boolean): number {
  const builder = new GraphBuilder(['N', D]);
  const turned = Float32Array.from({ length: D * H }, (_, e) => W[(e % H) * D + Math.floor(e / H)]!);
  const hidden = make(builder, builder.node('MatMul', ['image', builder.floats([D, H], turned)]));
  const back = builder.node('MatMul', [
    hidden,
    builder.floats(
      [H, D],
      W.map((w) => -w),
    ),
  ]);
  const latent = residual ? builder.node('Add', ['image', back]) : back;
  return boundEncoder(builder.graph(latent), { input: 'image', latent, rules: allRules }).lipschitz;
}

test('the bound of a block holds, and is the largest Jacobian where all units have the same slopes', () => {
  const random = new Random(3);
  for (const [name, [make, slopes]] of Object.entries({ ...ACTIVATIONS, ...MIXED })) {
    for (const scale of [0.3, 0.6]) {
      const W = Float32Array.from(random.normals(H * D, scale));
      const residual = [proven(W, make, true), largest(W, 1, slopes)] as const;
      const plain = [proven(W, make, false), largest(W, 0, slopes)] as const;
      for (const [bound, truth] of [residual, plain])
        assert.ok(bound >= truth * (1 - 1e-9), `${name}: ${bound} of ${truth}`);
      if (Object.hasOwn(ACTIVATIONS, name)) {
        const [bound, truth] = residual;
        assert.ok(bound <= Math.max(1, truth) * 1.001, `${name}: ${bound} is more than ${truth}`);
      }
    }
  }
});

test('a LeakyRelu that grows has slopes from 1 on', () => {
  // G = diag(1, ⅛) and W = diag(⅛, 1): ρ‖[Ψ⁻¹Gᵀ, ΨW]‖² + ‖G‖‖W‖ = ½·¼ + 1, and 2 if both slopes were 2.
  const b = new GraphBuilder(['N', 2]);
  const inward = b.node('MatMul', ['image', b.floats([2, 2], [1 / 8, 0, 0, 1])]);
  const hidden = b.node('LeakyRelu', [inward], { alpha: { float: 2 } });
  const latent = b.node('MatMul', [hidden, b.floats([2, 2], [1, 0, 0, 1 / 8])]);
  const { lipschitz } = boundEncoder(b.graph(latent), { input: 'image', latent, rules: allRules });
  assert.ok(lipschitz >= 1 / 4 && lipschitz <= 1.126, `${lipschitz}`);
});
