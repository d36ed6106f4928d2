/** The committed report is what the code writes from the committed results, and what it says of proofs is in them. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { jobsOf } from '../../../pipeline/paper/experiment.ts';
import { resultsFolder } from '../../../pipeline/paper/paper.ts';
import { fullPlan } from '../../../pipeline/paper/plan.ts';
import { composeReport, readAnalysis } from '../../../pipeline/paper/report/report.ts';
import { Results } from '../../../pipeline/paper/result.ts';

const OUT = 'docs/paper';

describe('docs/paper', async () => {
  const experiments = await fullPlan();
  const results = await Results.open(resultsFolder(OUT));

  it('is what `glean paper --render` writes', async () => {
    const report = composeReport({ experiments, results, analysis: await readAnalysis(OUT), quick: false });
    const file = (name: string) => readFile(join(OUT, name), 'utf8');
    assert.equal(await file('report.md'), report.markdown, 'run glean paper --render');
    assert.equal(await file('report.html'), report.html, 'run glean paper --render');
    const figures = (await readdir(join(OUT, 'figures')).catch(() => [])).sort();
    assert.deepEqual(figures, [...report.figures.keys()].map((name) => `${name}.svg`).sort());
    for (const [name, svg] of report.figures) assert.equal(await file(`figures/${name}.svg`), svg);
  });

  it('has no result that the plan does not ask for, and no radius that was broken', async () => {
    const asked = jobsOf(experiments).flatMap((job) => results.of(job) ?? []);
    assert.deepEqual(
      results
        .all()
        .map(({ id, seed }) => `${id}-${seed}`)
        .sort(),
      asked.map(({ id, seed }) => `${id}-${seed}`).sort(),
    );
    for (const { id, measured } of asked) {
      if (measured === null || measured.proof === null) continue;
      assert.equal(measured.proof.attack.broken, 0, id);
      assert.ok(measured.proof.lipschitz <= 1.001, id);
    }
  });
});
