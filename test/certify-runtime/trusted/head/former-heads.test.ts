/** The heads of formats 1 and 2 never change: a sealed file has them as they were, to the last bit of every constant. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { AffineBound, LinearHead } from '../../../../src/certify-runtime/trusted/bounds/bound.ts';
import { UnprovableError } from '../../../../src/certify-runtime/trusted/errors.ts';
import { formerHead as firstHead } from '../../../../src/certify-runtime/trusted/head-graph-1.ts';
import { formerHead as secondHead } from '../../../../src/certify-runtime/trusted/head-graph-2.ts';
import type { HeadGraph } from '../../../../src/certify-runtime/trusted/head-nodes.ts';
import { type MarginConstants, type MarginTerms, marginTerms } from '../../../../src/certify-runtime/trusted/margin.ts';
import { encodeNode, encodeTensor } from '../../../../src/certify-runtime/trusted/onnx/codec.ts';
import { awkward } from '../conditions/graphs.ts';

const affine = (constant: number, l2: number, l1: number): AffineBound => ({ constant, l2, l1 });
const NONE = affine(0, 0, 0);

function termsOf(rows: readonly (readonly number[])[], constants: Partial<MarginConstants>): MarginTerms {
  const head: LinearHead = {
    ...{ classes: rows.length, latentSize: rows[0]!.length },
    weights: Float32Array.from(rows.flat()),
    bias: new Float32Array(rows.length),
  };
  return marginTerms(
    {
      ...{ lipschitz: 1.25, latentError: [NONE], logitError: NONE, latentErrorSlope: 0, logitErrorSlope: 0 },
      ...{ maxImageNorm: 2 ** 40, ...constants },
    },
    head,
  );
}

const AWKWARD = [3, 4, 5, 6, 7].map((seed) => awkward(4, seed));

const CASES: Readonly<Record<string, readonly [terms: MarginTerms, inputs: number]>> = {
  'as of a network': [
    termsOf(AWKWARD, {
      latentError: [affine(1e-5, 3e-6, 0), affine(3e-5, 0, 2e-7)],
      logitError: affine(2e-5, 7e-7, 3e-8),
      ...{ latentErrorSlope: 4e-6, logitErrorSlope: 5e-6, maxImageNorm: 1.7e30 },
    }),
    300,
  ],
  'two classes': [
    termsOf(AWKWARD.slice(0, 2), { latentError: [affine(0.3, 0.1, 0.7)], logitError: affine(0.1, 0.3, 0.9) }),
    2 ** 18,
  ],
  'no error': [termsOf(AWKWARD.slice(0, 3), {}), 1],
  'equal rows': [termsOf([[1], [1]], {}), 4],
  'coefficients that are subnormal': [
    termsOf(AWKWARD.slice(0, 3), { latentError: [affine(0, 1e-39, 1e-40)], logitError: affine(0, 1e-41, 1e-42) }),
    16,
  ],
  'coefficients that hide much of the image': [
    termsOf(AWKWARD.slice(0, 3), {
      latentError: [affine(0, 2 ** 60, 2 ** 50)],
      logitError: affine(0, 2 ** 55, 2 ** 58),
    }),
    400,
  ],
};

const digest = ({ nodes, initializers }: HeadGraph): string => {
  const hash = createHash('sha256');
  for (const bytes of [...nodes.map(encodeNode), ...initializers.map(encodeTensor)]) hash.update(bytes);
  return hash.digest('hex').slice(0, 16);
};

const PINNED: Readonly<Record<string, readonly [first: string, second: string]>> = {
  'as of a network': ['8df2d7cd31321196', '068b87584f8db550'],
  'two classes': ['2628e1d11ebdc433', '6a1c2d3a825ccd19'],
  'no error': ['3b062331be164626', 'f3f07955cc040747'],
  'equal rows': ['949b2abffeb759a9', 'd017f6bf70a1c52b'],
  'coefficients that are subnormal': ['a71201dadc51bfb3', 'a1fe304915465a5b'],
  'coefficients that hide much of the image': ['860045ef71d693c8', '2fd5d6d5ac674a47'],
};

const ROUNDED = ['ead8c731feb8c684', 'ef0f3ee3240b6fac'];

test('the former heads are what they were', () => {
  for (const [name, [terms, inputs]] of Object.entries(CASES))
    assert.deepEqual([digest(firstHead(terms, inputs)), digest(secondHead(terms, inputs))], PINNED[name], name);
});

/** Slacks whose coefficients, as float32, would be others if any operation before had been rounded another way. */
function* atTheEdge(): Generator<readonly [terms: MarginTerms, inputs: number]> {
  const [terms] = CASES['no error']!;
  const slackOf = (slack: AffineBound, inverse = 1): MarginTerms => ({
    ...{ ...terms, latentSlack: [slack], logitSlack: NONE },
    inverse: terms.inverse.map((value) => (value === 0 ? 0 : inverse)),
  });
  for (const inputs of [3, 7, 300]) {
    const gamma = ((inputs + 8) * 2 ** -24) / (1 - (inputs + 8) * 2 ** -24);
    const hidden = [Math.sqrt(inputs) * 2 ** -62, inputs * 2 ** -62] as const;
    for (const target of awkward(6, inputs).map((value) => Math.fround(0.5 + Math.abs(value)))) {
      for (let units = -6; units <= 6; units++) {
        const value = (target / (1 + gamma) ** 2) * (1 + units * 2 ** -52);
        yield [slackOf(affine(0, value, 0)), inputs];
        yield [slackOf(affine(value, 0, 0)), inputs];
        yield [slackOf(affine(0, value / hidden[0], 0)), inputs];
        yield [slackOf(affine(0, 0, value / hidden[1])), inputs];
        yield [slackOf(affine(0, value / hidden[0] / 2, value / hidden[1] / 2)), inputs];
        yield [slackOf(affine(value / 2, value / hidden[0] / 2, 0)), inputs];
        yield [slackOf(NONE, value * 2 ** 125), inputs];
      }
    }
  }
  for (const cap of [1 + 2 ** -24 + 2 ** -30, 2 - 2 ** -30]) yield [{ ...terms, cap }, 4];
}

test('the former heads are rounded as they were', () => {
  const [first, second] = [firstHead, secondHead].map((head) => {
    const hash = createHash('sha256');
    for (const [terms, inputs] of atTheEdge()) {
      for (const { name, data } of head(terms, inputs).initializers)
        if (/slack_|cap/.test(name)) hash.update(new Uint8Array(data.buffer));
    }
    return hash.digest('hex').slice(0, 16);
  });
  assert.deepEqual([first, second], ROUNDED);
});

test('the slack of format 1 holds what logits that are taken for zero can add, and that of format 2 need not', () => {
  // Of equal rows the inverse is about 2¹⁰⁰, and two logits hide 2⁻¹²⁵.
  const [terms, inputs] = CASES['equal rows']!;
  const bias = ({ initializers }: HeadGraph): number =>
    Number(initializers.find(({ name }) => name === 'glean/slack_bias')!.data[0]);
  const hidden = 2 ** -125 * terms.inverse[1]!;
  assert.ok(hidden > 2 ** -26 && bias(firstHead(terms, inputs)) >= hidden);
  assert.ok(bias(secondHead(terms, inputs)) < 2 ** -99);
});

test('constants that are beyond float32 are refused in format 2', () => {
  for (const error of [affine(1e39, 0, 0), affine(0, 1e39, 0), affine(0, 0, 1e39)]) {
    for (const constants of [{ latentError: [error] }, { logitError: error }]) {
      assert.throws(
        () => secondHead(termsOf(AWKWARD, constants), 4),
        (thrown: unknown) => thrown instanceof UnprovableError && /too large to be computed/.test(thrown.message),
      );
    }
  }
});

test('neither is written where squares that vanish hide too much of the image', () => {
  const [terms] = CASES['no error']!;
  for (const head of [firstHead, secondHead]) {
    head({ ...terms, cap: 2 ** -60 }, 1);
    assert.throws(() => head({ ...terms, cap: 2 ** -60 * (1 - 2 ** -53) }, 1), /squares of pixels that small/);
  }
});
