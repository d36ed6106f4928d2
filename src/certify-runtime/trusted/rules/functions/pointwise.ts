/** The one rule behind every scalar function f of a tensor: its slopes, its value at 0, its float32 error. Lemma 24. */

import { constantBound, scale, sum } from '../../bounds/affine.ts';
import { addUp, FLUSH_32, mulUp, sqrtUp } from '../../bounds/rounding.ts';
import { rebased } from '../../walk/rearrange.ts';
import type { RuleResult } from '../../walk/rule.ts';
import type { Site } from '../../walk/site.ts';
import {
  carried,
  computed,
  type Data,
  finishedNorm,
  flushOf,
  type Marks,
  measureOf,
  newChain,
  sizeOf,
} from '../../walk/state.ts';
import { recorded } from '../../walk/steps.ts';

/** What is proven about f: R → R, and what A7 says about f̂, the function that a provider computes. */
export interface ScalarFunction {
  /** f has its slopes (f(v) − f(w))/(v − w) in [low, high]; rounded outwards. */
  readonly low: number;
  readonly high: number;
  /** |f(0)|, rounded up. */
  readonly offset: number;
  /** |f̂(v) − f(v)| ≤ absolute + relative·|v| for every finite float32 v, flushes to zero left aside. */
  readonly absolute: number;
  readonly relative: number;
  /** If it is given, |f̂(v) − f(v)| is never above this either. No rule uses it, but A7 says it. */
  readonly limit?: number;
  /** What f̂ may multiply v by on the way to its result; 1 if not given. */
  readonly swell?: number;
}

/** v ↦ f(v), element by element. */
export function pointwise(site: Site, data: Data, f: ScalarFunction, marks: Marks = {}): RuleResult {
  const v = measureOf(data);
  const before = finishedNorm(v);
  const size = sizeOf(data.shape);
  const root = sqrtUp(size);
  const slope = Math.max(-f.low, f.high);
  // Values of v, of the result, and of what lies between may be taken for zero.
  const flush = scale(mulUp(4, Math.max(1, slope)), flushOf(size));
  const rounding = sum(constantBound(mulUp(root, f.absolute)), scale(f.relative, before), flush);
  const norm = sum(constantBound(mulUp(root, f.offset)), scale(slope, before), rounding);
  site.limitMagnitude(scale(2, sum(scale(f.swell ?? 1, before), norm)));
  const each = addUp(addUp(f.offset, f.absolute), mulUp(8 * FLUSH_32, Math.max(1, slope)));
  const next = {
    lipschitz: mulUp(slope, v.lipschitz),
    norm,
    l1Norm: v.l1Norm && sum(constantBound(mulUp(size, each)), scale(addUp(slope, f.relative), v.l1Norm)),
    chain: newChain(norm),
  };
  const measure = carried(
    v,
    next,
    (errors) => errors.map((error) => sum(scale(slope, error), rounding)),
    (offset) => addUp(mulUp(slope, offset), mulUp(root, f.offset)),
  );
  const output = computed(data.shape, measure, marks);
  recorded(output, { kind: 'pointwise', low: f.low, high: f.high }, [rebased(site, data)]);
  return { outputs: [output], upper: slope };
}
