/** The model of scale against what must be true of any cluster, against what was measured, and against the page. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Cluster, estimate, type Parts } from '../../pipeline/scale/model.ts';
import { check, readMeasured, scaling, tables, withTables } from '../../pipeline/scale.ts';

const measured = readMeasured('docs/spark.json');
const PARTS: Parts = { image: 1e-5, task: 0, launch: 0, start: 0, imageBytes: 100, modelBytes: 0 };
const IDEAL: Cluster = {
  executors: 1,
  network: 1e15,
  store: 1e15,
  latency: 0,
  listing: 0,
  taskBytes: 1e6,
  taskFiles: 1,
  slowEvery: 1e9,
  slowness: 1,
};

test('without any cost but the processors, time is images over executors', () => {
  for (const executors of [1, 7, 100]) {
    const { seconds, tasks, end } = estimate(PARTS, { ...IDEAL, executors }, 7e8);
    assert.ok(Math.abs(seconds / ((7e8 * PARTS.image) / executors) - 1) < 1e-6, `${seconds}`);
    assert.equal(tasks, 70_000);
    assert.equal(end, 'processors');
  }
});

test('each cost ends first where it is the largest', () => {
  const many = { ...IDEAL, executors: 1000 };
  const end = (parts: Partial<Parts>, cluster: Partial<Cluster>, images = 1e9) =>
    estimate({ ...PARTS, ...parts }, { ...many, ...cluster }, images).end;
  assert.equal(end({ launch: 0.01 }, {}), 'driver');
  assert.equal(end({}, { taskFiles: 100, listing: 1e-3 }), 'driver');
  assert.equal(end({}, { store: 1e9 }), 'store');
  assert.equal(end({}, { network: 1e6 }), 'store');
  assert.equal(end({}, { latency: 0.2, taskBytes: 1000 }), 'latency');
  assert.equal(end({ start: 30 }, {}), 'start');
  assert.equal(end({}, { slowEvery: 2, slowness: 100 }, 1e8), 'stragglers');
});

test('no estimate is below what any schedule needs, nor far above where tasks are many', () => {
  const positive = (max: number) => fc.double({ min: max / 1000, max, noNaN: true });
  fc.assert(
    fc.property(
      fc.record({ image: positive(1e-4), task: positive(0.1), launch: positive(0.01) }),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1e5, max: 1e9 }),
      fc.record({ store: positive(1e8), latency: positive(0.1), slowness: fc.double({ min: 1, max: 4, noNaN: true }) }),
      (costs, executors, images, limits) => {
        const parts = { ...PARTS, ...costs };
        const cluster = { ...IDEAL, ...limits, executors, slowEvery: 5 };
        const { seconds, tasks } = estimate(parts, cluster, images);
        const slow = Math.floor(executors / 5);
        // As if the slow ones were so much less of an executor.
        const speed = executors - slow + slow / limits.slowness;
        const least = Math.max(
          tasks * parts.launch,
          (images * parts.image + tasks * (parts.task + limits.latency)) / speed,
          (images * parts.imageBytes) / (limits.store * (speed / executors)),
        );
        assert.ok(seconds >= least * (1 - 0.02), `${seconds} < ${least}`);
      },
    ),
  );
});

test('it gives the rates that were measured with one and two executors, to a third', () => {
  for (const one of measured) {
    for (const executors of [1, 2] as const) {
      const { model, measured: found } = check(one, executors);
      assert.ok(model / found > 0.67 && model / found < 1.5, `${one.model}, ${executors}: ${model} and ${found}`);
    }
  }
});

test('a second executor is worth what a second plain process is, or nearly', () => {
  for (const one of measured) assert.ok(scaling(one, 'direct') >= 0.8, `${one.model}: ${scaling(one, 'direct')}`);
});

test('the page has the tables that it gives', () => {
  const page = readFileSync('docs/spark.md', 'utf8');
  assert.equal(withTables(page, tables(measured)), page);
});
