/** Squares in unusual places: beside constants that are read, at the limits of float32, and where they do not belong. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ruleOnSquares, squareOf } from '../../../../src/certify-runtime/trusted/rules/functions/squares.ts';
import { computed, newChain, type Squares } from '../../../../src/certify-runtime/trusted/walk/state.ts';
import { allRules } from '../../../support/networks/all-rules.ts';
import type { GraphBuilder } from '../../../support/networks/graph-builder.ts';
import { float32, type Make, proveFlat, refusal, siteOf, walkOf } from '../conditions/site.ts';

const DIMS = ['N', 2, 4, 4] as const;
const square = (b: GraphBuilder): string => b.node('Mul', ['image', 'image']);
const scalar = (b: GraphBuilder, value: number): string => b.floats([], [value]);
const proven = (make: Make) => proveFlat([...DIMS], make);
const refused = (make: Make, reason: RegExp): void => refusal(() => proven(make), reason);

test('a move with constants leaves the root of squares what it was, error and all', () => {
  const root = (make: Make) => proven((b) => b.node('Sqrt', [make(b)]));
  const still = root(square);
  const moves: Make[] = [
    (b) => b.node('Reshape', [square(b), b.ints([0, 4, 2, 4])]),
    (b) => b.node('Unsqueeze', [square(b), b.ints([1])]),
    (b) => b.node('Slice', [square(b), b.ints([0]), b.ints([4]), b.ints([3])]),
    (b) => b.node('Concat', b.nodeWith('Split', [square(b), ''], 2, { axis: 3, num_outputs: 2 }), { axis: 3 }),
  ];
  for (const make of moves) {
    const { lipschitz, latentError } = root(make);
    assert.equal(lipschitz, 1);
    latentError.forEach((bound, i) => {
      for (const name of ['constant', 'l2', 'l1'] as const) {
        const before = still.latentError[i]![name];
        assert.ok(bound[name] >= before * (1 - 1e-12) && bound[name] <= before * (1 + 1e-6) + 2 ** -50, `${name}`);
      }
    });
  }
});

test('squares are refused where a tensor belongs, and the other way round', () => {
  refused((b) => b.node('ReduceSum', ['image', square(b)]), /input 0 is no sum of squares/);
  refused(
    (b) => b.node('AveragePool', ['image', square(b)], { kernel_shape: [2, 2] }),
    /input 0 is no sum of squares|inputs/,
  );
  refused((b) => b.node('Add', ['image', square(b)]), /do not mix in a sum/);
  refused((b) => b.node('Concat', [square(b), 'image'], { axis: 1 }), /do not mix/);
});

test('x·(1 + erf(x/√2)) keeps away from factors that ONNX Runtime takes for ½, and x·σ(x) need not', () => {
  const gelu = (b: GraphBuilder): string => {
    const erf = b.node('Erf', [b.node('Div', ['image', scalar(b, Math.SQRT2)])]);
    return b.node('Mul', ['image', b.node('Add', [erf, scalar(b, 1)])]);
  };
  const silu = (b: GraphBuilder): string => b.node('Mul', ['image', b.node('Sigmoid', ['image'])]);
  for (const near of [0.5 + 2 ** -10, 0.5 - 2 ** -10]) {
    refused((b) => b.node('Mul', [gelu(b), scalar(b, near)]), /GeluFusion/);
    assert.ok(proven((b) => b.node('Mul', [silu(b), scalar(b, near)])).lipschitz < 0.56);
  }
  refused((b) => b.node('Div', [gelu(b), scalar(b, 2 + 2 ** -10)]), /GeluFusion/);
  assert.ok(proven((b) => b.node('Mul', [gelu(b), scalar(b, 0.5)])).lipschitz < 1.13);
  // What is 2⁻⁶ or more from ½ is far from it, and a factor of several elements is never taken for ½.
  for (const far of [0.5 + 2 ** -6, 0.5 - 2 ** -6, 0.25, -0.5, 3]) {
    const { lipschitz } = proven((b) => b.node('Mul', [gelu(b), scalar(b, far)]));
    assert.ok(lipschitz >= 2.25 * Math.abs(far) && lipschitz <= 2.26 * Math.abs(far), `${lipschitz} for ${far}`);
  }
  assert.ok(proven((b) => b.node('Mul', [gelu(b), b.floats([4], Array(4).fill(0.5 + 2 ** -10))])).lipschitz < 1.14);
});

/** x·x of x with this norm, and then as if more had happened. */
function squares(change: Partial<Squares>): Squares {
  const norm = { constant: 1, l2: 1, l1: 0 };
  const x = computed([4], { lipschitz: 1, norm, l1Norm: null, errors: [norm], chain: newChain(norm) });
  return { ...squareOf(siteOf('Mul', walkOf([])), x), ...change };
}

test('a sum of squares is limited by all that float32 may make of it', () => {
  const times1 = (q: Squares) =>
    ruleOnSquares('Mul', allRules.get('Mul'))!.apply(siteOf('Mul', walkOf([q, float32([1], [])])));
  // Four roundings come with the product, and eight are kept for scales that a provider may move.
  times1(squares({ terms: 2 ** 23 - 13 }));
  refusal(() => times1(squares({ terms: 2 ** 23 - 12 })), /too long for float32/);
  times1(squares({ hidden: 2 ** 62 }));
  refusal(() => times1(squares({ hidden: 2 ** 64 })), /overflow for every image/);
});
