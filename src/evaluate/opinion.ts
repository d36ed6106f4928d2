/** What the second opinion measured, in one line. */
import type { SecondOpinion } from '../certify-runtime/node.ts';

export function opinionLine({ lipschitz, float32, float64 }: SecondOpinion): string {
  // Rounded down, so that what is shown is a lower bound too.
  const digits = 10 ** (5 - Math.max(0, Math.ceil(Math.log10(Math.max(lipschitz, 1e-9)))));
  const least = Math.floor(lipschitz * digits) / digits;
  const error = `float32 error${float64 ? '' : ' of the logits'} at most ${Number(float32.toPrecision(2))} of the claim`;
  return `L ≥ ${least} measured, ${error}`;
}
