/** The metrics of all workers: what a worker counted stays counted after it ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counter, Registry } from 'prom-client';
import { expositionOf } from '../../../src/serve/observe/metrics.ts';
import { Collector } from '../../../src/serve/supervisor/collector.ts';

async function counted(value: number) {
  const registry = new Registry();
  new Counter({ name: 'answers_total', help: 'Answers', registers: [registry] }).inc(value);
  return registry.getMetricsAsJSON();
}

test('workers that end at the same time lose no counts', async () => {
  const collector = new Collector();
  for (const [worker, value] of [10, 100, 1000].entries()) collector.saw(worker, await counted(value));
  await Promise.all([collector.gone(0), collector.gone(1), collector.gone(7)]);
  assert.match(await expositionOf(await collector.all()), /^answers_total 1110$/m);
  void collector.gone(2);
  assert.match(await expositionOf(await collector.all()), /^answers_total 1110$/m);
});
