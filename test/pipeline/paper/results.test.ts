/** Which runs count as done, in which order the rest is run, and what is said of the time left. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { folderOf, jobsOf, nameOf } from '../../../pipeline/paper/experiment.ts';
import { Results } from '../../../pipeline/paper/result.ts';
import { Schedule } from '../../../pipeline/paper/schedule.ts';
import { formatSpread, median, spread } from '../../../pipeline/paper/statistics.ts';
import { emptyResults, experiment, measured, result } from './support.ts';

describe('results', () => {
  const one = experiment('one');
  const job = { experiment: one, seed: 0 };

  it('are read back as they were written', async () => {
    const { folder, results } = await emptyResults();
    const saved = result(one, 0, { measured: measured('sealed', 0.25) });
    await results.save(job, saved);
    assert.deepEqual((await Results.open(folder)).of(job), saved);
  });

  it('count for their configuration, seed and measurement only', async () => {
    const { results } = await emptyResults();
    await results.save(job, result(one, 0, { measured: measured('sealed', 0.25) }));
    assert.ok(results.isDone(job));
    assert.ok(!results.isDone({ ...job, seed: 1 }));
    const config = { ...one.config, optimizer: { ...one.config.optimizer, steps: 9 } };
    assert.ok(!results.isDone({ ...job, experiment: { ...one, config } }));
    const measurement = { ...one.measurement, images: 5 };
    assert.ok(!results.isDone({ ...job, experiment: { ...one, measurement } }));
    // What the exported network computes in is no part of a run, but decides its radii.
    const exact = { ...one.config, precision: 'float64' } as const;
    assert.ok(!results.isDone({ ...job, experiment: { ...one, config: exact } }));
    assert.equal(folderOf({ ...job, experiment: { ...one, config: exact } }, 'ab'), folderOf(job, 'ab'));
    // What a table calls it, and where it stands, decides nothing.
    assert.ok(results.isDone({ ...job, experiment: { ...one, method: 'another', places: [], stage: 7 } }));
  });

  it('of a failure are final where the run would fail again', async () => {
    const { results } = await emptyResults();
    await results.save(job, result(one, 0, { failure: { message: 'the loss is NaN', final: true } }));
    assert.ok(results.isDone(job));
    await results.save(job, result(one, 0, { failure: { message: 'the process ended with SIGKILL', final: false } }));
    assert.ok(!results.isDone(job));
  });

  it('that are damaged are named', async () => {
    const { folder, results } = await emptyResults();
    await results.save(job, result(one, 0, {}));
    await writeFile(join(folder, 'one-0.json'), '{"id": "one"}');
    await assert.rejects(Results.open(folder), /one-0\.json: .*remove it to measure anew/);
  });
});

describe('checkpoints', () => {
  it('are gone on with under the same configuration and data, however it is measured, and under no other', () => {
    const job = { experiment: experiment('one'), seed: 0 };
    const { config, measurement } = job.experiment;
    const steps = { ...config, optimizer: { ...config.optimizer, steps: 9 } };
    const remeasured = { ...job.experiment, measurement: { ...measurement, images: 5 } };
    assert.equal(folderOf({ ...job, experiment: remeasured }, 'ab'), folderOf(job, 'ab'));
    assert.notEqual(folderOf(job, 'cd'), folderOf(job, 'ab'));
    assert.notEqual(folderOf({ ...job, seed: 1 }, 'ab'), folderOf(job, 'ab'));
    assert.notEqual(folderOf({ ...job, experiment: { ...job.experiment, config: steps } }, 'ab'), folderOf(job, 'ab'));
  });
});

describe('the order of runs', () => {
  it('is by stage, a later seed being a stage of its own', () => {
    const main = experiment('main', { seeds: 3, stage: 0 });
    const study = experiment('study', { seeds: 1, stage: 2 });
    const names = jobsOf([study, main]).map(nameOf);
    assert.deepEqual(names, ['main-0', 'main-1', 'study-0', 'main-2']);
  });
});

describe('the time left', () => {
  it('is what like runs took', () => {
    const [a, b] = [experiment('a', { seeds: 3 }), experiment('b', { seeds: 2 })];
    const jobs = jobsOf([a, b]);
    // 10 s of training and 10 s of the rest: of the same experiment, then of others.
    const known = [result(a, 0, { measured: measured('sealed', 0.2) })];
    const due = jobs.filter((each) => nameOf(each) !== 'a-0');
    assert.equal(new Schedule(jobs, due, known, 1).left(), '4 runs left, about 80 s');
    assert.equal(new Schedule(jobs, due, known, 2).left(), '4 runs left, about 40 s');
    assert.equal(new Schedule(jobs, due, [], 1).left(), '4 runs left');
  });
});

describe('statistics', () => {
  it('are those of a sample', () => {
    const { mean, deviation } = spread([2, 4, 4, 4, 5, 5, 7, 9]);
    assert.equal(mean, 5);
    assert.ok(Math.abs(deviation! - Math.sqrt(32 / 7)) < 1e-12);
    assert.equal(spread([3]).deviation, null);
    assert.equal(formatSpread(spread([0.643]), 100, 1), '64.3');
    assert.equal(formatSpread(spread([0.2, 0.4]), 1, 2), '0.30 ± 0.14');
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
  });
});
