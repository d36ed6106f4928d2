/** Several steps in flight: each once, never more than asked, none begun after one that failed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { inParallel } from '../../../src/train/data/prepared/parallel.ts';

test('each step once, at most so many at a time', async () => {
  const begun: number[] = [];
  let inFlight = 0;
  await inParallel(20, 3, async (i) => {
    begun.push(i);
    assert.ok(++inFlight <= 3);
    await setImmediate();
    inFlight--;
  });
  assert.deepEqual(begun, [...Array(20).keys()]);
});

test('after one that fails, none is begun', async () => {
  const begun: number[] = [];
  const work = async (i: number) => {
    begun.push(i);
    await setImmediate();
    if (i === 4) throw new Error('the fifth');
  };
  await assert.rejects(inParallel(20, 2, work), /the fifth/);
  for (let i = 0; i < 10; i++) await setImmediate();
  assert.ok(begun.length <= 6, `begun: ${begun}`);
});
