/** A Cast between float32 and float64, number by number. Lemma 22. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AffineBound } from '../../../../src/certify-runtime/trusted/bounds/bound.ts';
import type { Site } from '../../../../src/certify-runtime/trusted/walk/site.ts';
import {
  computed,
  type Data,
  isFresh,
  type Measure,
  newChain,
} from '../../../../src/certify-runtime/trusted/walk/state.ts';
import { allRules } from '../../../support/networks/all-rules.ts';
import { dataOf, MEASURES } from '../conditions/measures.ts';
import { siteOf, walkOf } from '../conditions/site.ts';

const SIZE = 24;
const FLUSH = 2 * 2 ** -126 * Math.sqrt(SIZE);
const GAMMA = { narrow: 2 ** -24 / (1 - 2 ** -24), wide: 0 };
type Way = keyof typeof GAMMA;

function castOf(data: Data, way: Way, was = way === 'narrow'): { site: Site; output: Data } {
  const walk = walkOf([data]);
  if (was) walk.doubles.add('v0');
  const site = siteOf('Cast', walk, { to: way === 'narrow' ? 1 : 11 });
  const result = allRules.get('Cast')!.apply(site);
  return { site, output: result.outputs[0] as Data };
}

/** At least what it must be, and more only by roundings. */
function near(found: number, exact: number, what: string): void {
  assert.ok(found >= exact * (1 - 2 ** -52) && found <= exact * (1 + 2 ** -47), `${what}: ${found}, not ${exact}`);
}

function nearBound(found: AffineBound, exact: AffineBound, what: string): void {
  for (const key of ['constant', 'l2', 'l1'] as const) near(found[key], exact[key], `${what}.${key}`);
}

const plus = (a: AffineBound, factor: number, b: AffineBound, constant: number): AffineBound => ({
  constant: a.constant + factor * b.constant + constant,
  l2: a.l2 + factor * b.l2,
  l1: a.l1 + factor * b.l1,
});

test('a cast to float32 rounds once, one to float64 not, and either may flush', () => {
  for (const way of ['narrow', 'wide'] as const) {
    const gamma = GAMMA[way];
    for (const [name, before] of Object.entries(MEASURES)) {
      const { site, output } = castOf(dataOf(before), way);
      const { lipschitz, norm, l1Norm, errors, chain } = output.base.measure;
      const what = `${name}, ${way}`;
      assert.equal(lipschitz, before.lipschitz);
      nearBound(norm, plus(before.norm, gamma, before.norm, FLUSH), `${what}: norm`);
      assert.equal(errors.length, before.errors.length);
      for (const [i, error] of errors.entries())
        nearBound(error, plus(before.errors[i]!, gamma, before.norm, FLUSH), `${what}: error`);
      if (before.l1Norm === null) assert.equal(l1Norm, null);
      else nearBound(l1Norm!, plus(before.l1Norm, gamma, before.l1Norm, Math.sqrt(SIZE) * FLUSH), `${what}: ‖v‖₁`);
      if (isFresh(before)) continue;
      const { reach, peak, ...kept } = chain;
      const { reach: reached, peak: peaked, ...others } = before.chain;
      assert.deepEqual([kept, peak], [others, peaked]);
      nearBound(reach, plus(reached, gamma, reached, FLUSH), `${what}: reach`);
      if (peak.l2 + reach.l2 === 0 || name === 'large') continue;
      const room = 2 ** 127 - 2 * (peak.constant + reach.constant);
      near(site.walk.maxImageNorm * (1 + 2 ** -49), room / (2 * (peak.l2 + reach.l2)), `${what}: maxImageNorm`);
    }
  }
});

test('a chain that has just begun begins anew', () => {
  const norm = { constant: 0, l2: 1, l1: 0 };
  const fresh: Measure = { ...MEASURES['nothing']!, norm, chain: newChain(norm) };
  const { norm: found, chain } = castOf(dataOf(fresh), 'narrow').output.base.measure;
  assert.equal(chain.reach, found);
  assert.equal(chain.peak, found);
});

test('what ONNX Runtime may fuse over two casts that it drops is still known', () => {
  const { output } = castOf(computed([1, SIZE], MEASURES['nothing']!, { isProduct: true, isPadded: true }), 'narrow');
  assert.deepEqual(output.base.marks, { isProduct: true, isPadded: true });
  const padded = { ...dataOf(MEASURES['nothing']!), view: { first: new Int32Array(SIZE).fill(-1), pair: null } };
  assert.equal(castOf(padded, 'wide').output.base.marks.isPadded, true);
});

test('a cast to the type that is there is the tensor itself', () => {
  const data = dataOf(MEASURES['whole']!);
  assert.equal(castOf(data, 'narrow', false).output, data);
  assert.equal(castOf(data, 'wide', true).output, data);
});
