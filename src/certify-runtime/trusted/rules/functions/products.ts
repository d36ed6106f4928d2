/**
 * Products of two tensors that depend on the image. Their slope has no bound, except if both factors are the same tensor's:
 * x·x, of which only a root is bounded (squares.ts), and x times a bounded function of x. Lemma 25.
 */

import type { ProductRules, RuleResult } from '../../walk/rule.ts';
import type { Site } from '../../walk/site.ts';
import type { Data } from '../../walk/state.ts';
import { originOf, sourceOf } from './origins.ts';
import { pointwise, type ScalarFunction } from './pointwise.ts';
import { ruleOnSquares, squareOf } from './squares.ts';
import { gelu, hardSwish, isModerate, mish, silu, twice } from './table.ts';

/** The constants of GELU, as exporters round them. */
const ROOT_2 = Math.fround(Math.SQRT2);
const HALF_ROOT_2 = Math.fround(Math.SQRT1_2);

const twiceGelu = twice(gelu);

/** a·b, if it is of a form with a bound. */
function product(site: Site): RuleResult {
  const [a, b] = [site.data(0), site.data(1)];
  if (a === b) return { outputs: [squareOf(site, a)], upper: 1 };
  const found = gated(a, b) ?? gated(b, a);
  if (found === null) site.refuse('the product of two tensors that depend on the image has no bound');
  return pointwise(site, found.of, found.f, { isTwiceGelu: found.f === twiceGelu });
}

/** x·g as a function of one tensor, if g is a bounded function of x; otherwise null. */
function gated(x: Data, g: Data): { readonly of: Data; readonly f: ScalarFunction } | null {
  const inSigmoid = sourceOf(g, 'Sigmoid');
  if (inSigmoid === x || isMultiple(inSigmoid, x)) return { of: x, f: silu };
  const hard = originOf(g, 'HardSigmoid');
  if (hard?.of === x) {
    const [alpha, beta] = hard.constants as [number, number];
    return { of: x, f: hardSwish(alpha, beta) };
  }
  if (sourceOf(sourceOf(g, 'Tanh'), 'Softplus') === x) return { of: x, f: mish };
  const inErf = insideOfGelu(g);
  if (inErf === x) return { of: x, f: twiceGelu };
  if (inErf !== null && inErf === sourceOf(x, 'Mul', [0.5])) return { of: inErf, f: gelu };
  return null;
}

/** Whether u = kx, for a k that neither overflows nor vanishes. */
function isMultiple(u: Data | null, x: Data): boolean {
  const times = originOf(u, 'Mul');
  return times?.of === x && isModerate(Math.abs(times.constants[0]!));
}

/** The x of 1 + erf(x/√2). */
function insideOfGelu(g: Data): Data | null {
  const inside = sourceOf(sourceOf(g, 'Add', [1]), 'Erf');
  return sourceOf(inside, 'Div', [ROOT_2]) ?? sourceOf(inside, 'Mul', [HALF_ROOT_2]);
}

export const productRules: ProductRules = {
  product: { attributes: [], apply: product },
  onSquares: ruleOnSquares,
};
