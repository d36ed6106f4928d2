/** The numbers of each rule, to the last bit, where only one thing is known of its input: see pinned.test.ts. */

import { UnprovableError } from '../../../../../src/certify-runtime/trusted/errors.ts';
import { headError, maxHeadImageNorm } from '../../../../../src/certify-runtime/trusted/head.ts';
import { type Measure, measureOf } from '../../../../../src/certify-runtime/trusted/walk/state.ts';
import { allRules } from '../../../../support/networks/all-rules.ts';
import { awkward } from '../graphs.ts';
import { MEASURES, NODES } from '../measures.ts';
import { siteOf, walkOf } from '../site.ts';
import { digest, numbersIn, pinsIn } from './pinned.ts';

const pinnedTest = pinsIn(new URL('pinned-measures.json', import.meta.url));

function unlessRefused(prove: () => unknown): string {
  try {
    return digest(numbersIn(prove()));
  } catch (error) {
    if (error instanceof UnprovableError) return 'refused';
    throw error;
  }
}

pinnedTest('rules', () => {
  const lines: Record<string, string> = {};
  for (const [name, { op, inputs, attributes }] of Object.entries(NODES)) {
    const one = (measure: Measure): string =>
      unlessRefused(() => {
        const walk = walkOf(inputs(measure));
        const { outputs, upper } = allRules.get(op)!.apply(siteOf(op, walk, attributes));
        const known = outputs.map((value) => (value.kind === 'data' ? measureOf(value) : null));
        return [known, upper, walk.work, walk.maxImageNorm];
      });
    lines[name] = Object.values(MEASURES).map(one).join(' ');
  }
  return lines;
});

pinnedTest('heads, term by term', () => {
  const lines: Record<string, string> = {};
  for (const [name, { norm, chain }] of Object.entries(MEASURES)) {
    const latent = { latentNorm: norm, latentChain: chain };
    const one = (weight: number, bias: number): string =>
      unlessRefused(() => {
        const weights = Float32Array.from(awkward(12, 80, weight));
        const head = { classes: 3, latentSize: 4, weights, bias: Float32Array.from(awkward(3, 81, bias)) };
        return [headError(head, latent), maxHeadImageNorm(head, latent, 2 ** 60)];
      });
    lines[name] = [one(1, 0), one(1, 1), one(1e-30, 0), one(0, 1e-30), one(1e9, 0), one(1e25, 1e20)].join(' ');
  }
  return lines;
});
