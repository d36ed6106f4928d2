/** Sums and differences as the linear maps that they are: their signs, and what cancels, with all rules. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boundEncoder } from '../../../../../src/certify-runtime/trusted/walk/encoder.ts';
import { allRules } from '../../../../support/networks/all-rules.ts';
import { GraphBuilder } from '../../../../support/networks/graph-builder.ts';

type Make = (b: GraphBuilder) => string;

function lipschitz(make: Make): number {
  const b = new GraphBuilder(['N', 3]);
  const latent = make(b);
  return boundEncoder(b.graph(latent), { input: 'image', latent, rules: allRules }).lipschitz;
}

const constant = (b: GraphBuilder): string => b.floats([3], [1, 2, 3]);

/** ±x + c. */
const SHIFTED: readonly (readonly [sign: number, make: Make])[] = [
  [1, (b) => b.node('Add', ['image', constant(b)])],
  [1, (b) => b.node('Add', [constant(b), 'image'])],
  [1, (b) => b.node('Sub', ['image', constant(b)])],
  [-1, (b) => b.node('Sub', [constant(b), 'image'])],
  [-1, (b) => b.node('Neg', ['image'])],
  [-1, (b) => b.node('Mul', ['image', b.floats([], [-1])])],
];

test('a sum of ±x and ±x is 2x or nothing', () => {
  for (const [i, [sign, shifted]] of SHIFTED.entries()) {
    for (const [op, factor] of [
      ['Add', 1],
      ['Sum', 1],
      ['Sub', -1],
    ] as const) {
      for (const turned of [false, true]) {
        const proven = lipschitz((b) => b.node(op, turned ? [shifted(b), 'image'] : ['image', shifted(b)]));
        const exact = Math.abs(1 + factor * sign);
        assert.ok(proven >= exact && proven <= exact + 1e-9, `${op} of case ${i}: ${proven} for ${exact}`);
      }
    }
  }
});
