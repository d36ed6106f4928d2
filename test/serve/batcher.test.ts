/** The queue before a model: what one batch holds, who is refused, who is passed over, and what a failed run costs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { floorToFloat32 } from '../../src/certify-runtime/trusted/margin.ts';
import { HttpError } from '../../src/serve/http/http-error.ts';
import { Batcher } from '../../src/serve/worker/batcher.ts';

/** A model whose answer to n is 10n, and which fails on a batch that holds a negative number. */
function counting(limits: { queue: number; maxBatch: number }): {
  readonly batcher: Batcher<number, number>;
  readonly batches: number[];
} {
  const batches: number[] = [];
  const run = async (images: readonly number[]): Promise<readonly number[]> => {
    await new Promise((resolve) => setImmediate(resolve));
    if (images.some((image) => image < 0)) throw new Error('a run failed');
    return images.map((image) => 10 * image);
  };
  const batcher = new Batcher<number, number>(run, limits, {
    ran: (images) => batches.push(images),
    answered: () => {},
  });
  return { batcher, batches };
}

test('what waits is one batch; a job larger than a batch goes over several, and each gets its own answers', async () => {
  const { batcher, batches } = counting({ queue: 100, maxBatch: 4 });
  const jobs = [[1], [2, 3], [4, 5, 6, 7, 8, 9, 10], [11]];
  const answers = await Promise.all(jobs.map((job) => batcher.submit(() => job)));
  assert.deepEqual(
    answers,
    jobs.map((job) => job.map((image) => 10 * image)),
  );
  assert.deepEqual(batches, [4, 4, 3]);
  assert.equal(batcher.waiting, 0);
});

test('each request that is answered is timed once: what it waited, and its runs', async () => {
  const times: { waited: number; computed: number }[] = [];
  const delay = 20;
  const run = async (images: readonly number[]): Promise<readonly number[]> => {
    await new Promise((resolve) => setTimeout(resolve, delay));
    if (images.some((image) => image < 0)) throw new Error('a run failed');
    return images;
  };
  const batcher = new Batcher<number, number>(
    run,
    { queue: 100, maxBatch: 1 },
    { ran: () => {}, answered: (waited, computed) => times.push({ waited, computed }) },
  );
  await Promise.allSettled([[1], [2, 3], [-1]].map((job) => batcher.submit(() => job)));
  assert.equal(times.length, 2, 'a request that failed has no time');
  const [first, second] = times as [(typeof times)[0], (typeof times)[0]];
  // Timers may be early by a millisecond.
  const least = (delay - 2) / 1000;
  assert.ok(first.computed >= least && second.waited >= first.waited + least && second.computed >= 2 * least);
});

test('beyond the queue images are not even read; there is room again when others are done', async () => {
  const { batcher } = counting({ queue: 3, maxBatch: 2 });
  const read: number[] = [];
  const submit = (...images: number[]) =>
    batcher.submit(() => {
      read.push(...images);
      return images;
    });
  const answers = [submit(1, 2), submit(3), submit(4, 5), submit(6)];
  assert.deepEqual(read, [1, 2, 3], 'what has room is read at once, the rest is not');
  assert.ok(batcher.room <= 0);
  assert.deepEqual(await Promise.all(answers), [[10, 20], [30], [40, 50], [60]]);
  assert.deepEqual(read, [1, 2, 3, 4, 5, 6]);
  assert.equal(batcher.waiting, 0);
  assert.ok(batcher.room > 0);
});

test('more images in one request than the queue holds will never have room: 413', async () => {
  const { batcher } = counting({ queue: 3, maxBatch: 2 });
  const tooMany = (error: unknown) => error instanceof HttpError && error.status === 413;
  assert.throws(() => batcher.fits(4), tooMany);
  await assert.rejects(
    batcher.submit(() => [1, 2, 3, 4]),
    tooMany,
  );
  assert.deepEqual(await batcher.submit(() => [4, 5, 6]), [40, 50, 60]);
});

test('what is wrong with a request fails it alone, also where it waited to be read', async () => {
  const { batcher } = counting({ queue: 1, maxBatch: 1 });
  const wrong = () =>
    batcher.submit(() => {
      throw new HttpError(400, 'no images');
    });
  const outcomes = await Promise.allSettled([wrong(), batcher.submit(() => [1]), wrong(), batcher.submit(() => [2])]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'fulfilled', 'rejected', 'fulfilled'],
  );
  await batcher.idle();
});

test('a job whose client went away is not run', async () => {
  const { batcher, batches } = counting({ queue: 9, maxBatch: 9 });
  const gone = batcher.submit(
    () => [1, 2],
    () => true,
  );
  const stays = batcher.submit(() => [3]);
  await assert.rejects(gone, /went away/);
  assert.deepEqual(await stays, [30]);
  assert.deepEqual(batches, [1]);
  assert.equal(batcher.waiting, 0);
});

test('a model that is slow is given few images at a time: between two runs others are answered', async () => {
  const batches: number[] = [];
  const run = async (images: readonly number[]): Promise<readonly number[]> => {
    await new Promise((resolve) => setTimeout(resolve, 25 * images.length));
    return images;
  };
  const batcher = new Batcher<number, number>(
    run,
    { queue: 100, maxBatch: 8 },
    { ran: (images) => batches.push(images), answered: () => {} },
  );
  const images = Array.from({ length: 20 }, (_, i) => i);
  assert.deepEqual(await batcher.submit(() => images), images);
  const [first, ...later] = batches;
  assert.equal(first, 8, 'nothing is known of the model before');
  assert.ok(
    later.every((size) => size <= 2),
    String(batches),
  );
});

test('a failed run fails those it held, and no others', async () => {
  const { batcher } = counting({ queue: 9, maxBatch: 2 });
  const outcomes = await Promise.allSettled([
    batcher.submit(() => [1]),
    batcher.submit(() => [-1, 2, 3]),
    batcher.submit(() => [4]),
  ]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'rejected', 'fulfilled'],
  );
  assert.equal(batcher.waiting, 0);
  await batcher.idle();
  assert.deepEqual(await batcher.submit(() => [5]), [50]);
});

test('idle waits for all that was accepted', async () => {
  const { batcher } = counting({ queue: 9, maxBatch: 1 });
  let answered = 0;
  const jobs = [1, 2, 3].map((image) => batcher.submit(() => [image]).then(() => answered++));
  await batcher.idle();
  await Promise.all(jobs);
  assert.equal(answered, 3);
});

test('a radius that is written as float32 never grows', () => {
  for (let i = 0; i < 2000; i++) {
    const value = (i + 1) / 777.7;
    const written = floorToFloat32(value);
    assert.equal(Math.fround(written), written);
    assert.ok(written <= value && value - written < 2 ** -23 * value);
  }
  assert.equal(floorToFloat32(0.5), 0.5);
  assert.equal(floorToFloat32(0), 0);
});
