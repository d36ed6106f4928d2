/** Where a node that moves elements takes each of them from. */

import assert from 'node:assert/strict';
import type { Value } from '../../../../src/certify-runtime/trusted/walk/site.ts';
import { computed, type Data, newChain, sizeOf } from '../../../../src/certify-runtime/trusted/walk/state.ts';
import { allRules } from '../../../support/networks/all-rules.ts';
import type { GraphBuilder } from '../../../support/networks/graph-builder.ts';
import { siteOf, walkOf } from './site.ts';

type Attributes = Parameters<GraphBuilder['node']>[2];

const ONE = { constant: 0, l2: 1, l1: 0 };

/** A tensor of which nothing is known but its shape. */
export function tensor(shape: readonly number[]): Data {
  return computed(shape, { lipschitz: 1, norm: ONE, l1Norm: null, errors: [ONE], chain: newChain(ONE) });
}

/** Shapes of a node's outputs, and which element of the input each of their elements is (−1: a zero). */
export function moved(
  op: string,
  shape: readonly number[],
  inputs: readonly Value[],
  attributes: Attributes = {},
  options: { outputs?: number } = {},
): [readonly number[], number[]][] {
  const walk = walkOf([tensor(shape), ...inputs]);
  const { outputs } = allRules.get(op)!.apply(siteOf(op, walk, attributes, options.outputs ?? 1));
  return outputs.map((value) => {
    assert.equal(value.kind, 'data');
    const data = value as Data;
    return [data.shape, data.view === null ? [...Array(sizeOf(data.shape)).keys()] : [...data.view.first]];
  });
}

/** Of its first output alone. */
export const one = (...args: Parameters<typeof moved>): [readonly number[], number[]] => moved(...args)[0]!;
