/**
 * Answers calls of the smoothing certificate in a process of its own, so that a call that never ends fails one test.
 *
 * On stdin { bounds: [k, n, α][], draws: [n, p, U][] }; on stdout the answers of clopperPearsonLower and sampleBinomial,
 * null for an InputError, and the most exponentials that one call took: a step takes three of them.
 */
import { readFileSync } from 'node:fs';
import { sampleBinomial } from '../../../src/certify-runtime/smoothing/binomial.ts';
import { clopperPearsonLower } from '../../../src/certify-runtime/smoothing/clopper-pearson.ts';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import { InputError } from '../../../src/certify-runtime/trusted/errors.ts';

const { exp } = Math;
let taken = 0;
Math.exp = (x) => {
  taken++;
  return exp(x);
};

let exponentials = 0;
function answer(call: () => number): number | null {
  taken = 0;
  try {
    return call();
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  } finally {
    exponentials = Math.max(exponentials, taken);
  }
}

type Calls = readonly (readonly [number, number, number])[];
const { bounds, draws } = JSON.parse(readFileSync(0, 'utf8')) as { bounds: Calls; draws: Calls };
const random = createRandom(0);
console.log(
  JSON.stringify({
    bounds: bounds.map(([k, n, alpha]) => answer(() => clopperPearsonLower(k, n, alpha))),
    draws: draws.map(([n, p, u]) => answer(() => sampleBinomial(n, p, { ...random, uniform: () => u }))),
    exponentials,
  }),
);
