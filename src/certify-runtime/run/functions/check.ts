/** Holds the scalar functions that a provider computes against what assumption A7 allows. */

import { ProviderError } from '../../trusted/errors.ts';
import type { FunctionForm } from './forms.ts';

export { FORMS, formModel } from './forms.ts';

/** |f̂(v) − f(v)| over what A7 allows for it, flushes to zero included: at most 1 if the assumption holds. */
export function excess(form: FunctionForm, v: number, found: number, expected: number): number {
  const { low, high, absolute, relative, limit = Number.POSITIVE_INFINITY } = form.bound;
  const flush = 4 * 2 ** -126 * Math.max(1, -low, high);
  const ratio = Math.abs(found - expected) / (Math.min(absolute + relative * Math.abs(v), limit) + flush);
  return Number.isNaN(ratio) ? Number.POSITIVE_INFINITY : ratio;
}

/** The rules keep all values below this, so that none overflows on the way to its function. */
export const LARGEST_EXPONENT = 124;

/** Float32 values of every magnitude and sign, and more where functions bend. Their number is odd. */
function probeInputs(): Float32Array {
  const values = [0, -0, 2 ** -149, -(2 ** -149), 2 ** LARGEST_EXPONENT];
  for (let exponent = -128; exponent < LARGEST_EXPONENT; exponent++) {
    for (let i = 0; i < 16; i++) values.push(2 ** exponent * (1 + i / 16), -(2 ** exponent) * (1 + i / 15.7));
  }
  for (let i = -4096; i <= 4096; i++) values.push(i / 40 + (i % 7) * 1e-4, i / 700);
  return Float32Array.from(values);
}

/**
 * Compares a provider's values with float64.
 *
 * @param compute the provider's values of the form
 * @throws ProviderError if one of them is further off than A7 says
 */
export async function checkForm(
  form: FunctionForm,
  compute: (x: Float32Array) => Promise<Float32Array>,
): Promise<void> {
  const x = probeInputs();
  const y = await compute(x);
  for (const [i, v] of x.entries()) {
    const expected = form.scalar.value(v);
    if (excess(form, v, y[i]!, expected) <= 1) continue;
    throw new ProviderError(
      `the provider computes ${form.name} of ${v} as ${y[i]}, expected ${expected}: further off than a radius allows for (fast math, or an approximation); use another provider`,
      { function: form.name, input: v, found: y[i], expected },
    );
  }
}
