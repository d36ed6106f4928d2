/** The campaign of pipeline/soundness.ts, in small: ten thousand combinations of operators, none of which breaks a promise. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Campaign, proverOf } from '../../../pipeline/soundness/campaign.ts';

const prover = await proverOf(fileURLToPath(new URL('../../..', import.meta.url)));

test('the same seed gives the same campaign', () => {
  const reports = [1, 1, 2].map((seed) => {
    const campaign = new Campaign(prover, seed);
    while (campaign.done < 200) campaign.step();
    return campaign.report();
  });
  assert.deepEqual(reports[0], reports[1]);
  assert.notDeepEqual(reports[0], reports[2]);
});

test('10 000 combinations: nothing that is proven is false', () => {
  const campaign = new Campaign(prover, 20_251_125);
  while (campaign.done < 10_000) campaign.step();
  const { families, largest, violations } = campaign.report();
  assert.deepEqual(violations, []);
  assert.ok(largest.lipschitz!.ratio <= 1 + 1e-9 && largest.error!.ratio <= 1 + 1e-9);
  // A proof that refused everything would break no promise, and keep none.
  for (const [family, { proven, refused }] of Object.entries(families)) {
    if (family === 'forbidden') assert.ok(refused > proven, `${proven} proven`);
    else assert.ok(proven > 500, `${family}: ${proven} proven`);
  }
});
