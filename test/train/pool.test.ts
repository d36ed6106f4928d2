/** Batches against the definition of a shift, pixel by pixel; draws and splits of environments. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GleanError } from '../../src/certify-runtime/core/errors.ts';
import { createRandom, type Random } from '../../src/certify-runtime/core/smoothing/random.ts';
import { type ImageSet, memoryImages, readAll } from '../../src/train/data/dataset.ts';
import {
  drawImages,
  type Environment,
  givenEnvironments,
  pooledEnvironment,
  splitByCorrectness,
} from '../../src/train/environments.ts';
import { createPool, imageBytes } from '../../src/train/pool.ts';

type Shape = readonly [number, number, number];

/** Images without a black pixel, so that the rim shows. */
function imageSet(name: string, size: number, shape: Shape, first: number): ImageSet {
  const pixels = Uint8Array.from(
    { length: size * shape[0] * shape[1] * shape[2] },
    (_, i) => 1 + ((first + 7 * i) % 255),
  );
  const labels = Uint8Array.from({ length: size }, (_, i) => (i + first) % 2);
  return memoryImages({ name, shape, pixels, labels, attribute: labels, source: new Uint32Array(size) });
}

/** Gives the words in turn: `uniformInt` takes each modulo its size. */
const scripted = (words: readonly number[]): Random => {
  const queue = [...words];
  const uint32 = () => queue.shift()!;
  return { uint32, uniform: () => Number.NaN, normal: () => Number.NaN };
};

/** Pixel (x, y) comes from (x − dx, y − dy); black where that is outside. */
function moved(image: Uint8Array, [height, width, channels]: Shape, dx: number, dy: number): Uint8Array {
  return image.map((_, i) => {
    const x = Math.floor(i / channels) % width;
    const y = Math.floor(i / channels / width);
    const inside = x - dx >= 0 && x - dx < width && y - dy >= 0 && y - dy < height;
    return inside ? image[i - (dy * width + dx) * channels]! : 0;
  });
}

test('a pool keeps images, labels and domains in order', () => {
  const sets = [imageSet('a', 2, [2, 3, 1], 0), imageSet('b', 3, [2, 3, 1], 5)];
  const pool = createPool(sets);
  assert.equal(pool.size, 5);
  const [a, b] = sets.map(readAll);
  assert.deepEqual([...pool.read([0, 1, 2, 3, 4])], [...a!, ...b!]);
  // Across the sets, in any order, with repetition.
  for (const indices of [[], [4], [3, 0, 4, 0, 1]]) {
    assert.deepEqual(
      [...pool.read(indices)],
      indices.flatMap((i) => [...pool.read([i])]),
    );
  }
  assert.throws(() => pool.read([5]), RangeError);
  assert.deepEqual([...pool.labels], [...sets[0]!.labels, ...sets[1]!.labels]);
  assert.deepEqual(
    pool.domains.map(({ name, indices }) => [name, ...indices]),
    [
      ['a', 0, 1],
      ['b', 2, 3, 4],
    ],
  );
  assert.equal(givenEnvironments(pool), pool.domains);
  assert.deepEqual([...pooledEnvironment(pool)[0]!.indices], [0, 1, 2, 3, 4]);
});

test('imageBytes: every shift moves the image and leaves a black rim, also one as large as the image', () => {
  for (const shape of [
    [5, 4, 3],
    [2, 3, 1],
    [1, 1, 2],
  ] as const) {
    const pool = createPool([imageSet('a', 3, shape, 3)]);
    const shift = 4;
    for (let dx = -shift; dx <= shift; dx++) {
      for (let dy = -shift; dy <= shift; dy++) {
        const batch = imageBytes(pool, [2, 0, 2], shift, scripted([4, 4, dx + shift, dy + shift, 4, 4]));
        const image = (n: number) => pool.read([n]);
        // Its neighbours in the batch stay as they are: nothing runs over.
        const expected = [...image(2), ...moved(image(0), shape, dx, dy), ...image(2)];
        assert.deepEqual([...batch], expected, `${shape} by ${dx}, ${dy}`);
      }
    }
  }
});

test('imageBytes: no shift draws no numbers, a shift draws every one as often', () => {
  const shape = [9, 9, 1] as const;
  const pool = createPool([imageSet('a', 1, shape, 0)]);
  const pixels = pool.read([0]);
  assert.deepEqual(imageBytes(pool, [0], 0, scripted([])), pixels);
  const all = Array.from({ length: 25 }, (_, i) => moved(pixels, shape, (i % 5) - 2, Math.floor(i / 5) - 2).join());
  const counts = new Map(all.map((key) => [key, 0]));
  const draws = 5000;
  const batch = imageBytes(pool, new Uint32Array(draws), 2, createRandom(4));
  for (let i = 0; i < draws; i++) {
    const key = batch.subarray(81 * i, 81 * (i + 1)).join();
    assert.ok(counts.has(key), 'not one of the 25 shifts');
    counts.set(key, counts.get(key)! + 1);
  }
  // 200 each; 5 standard deviations of a binomial.
  for (const count of counts.values()) assert.ok(Math.abs(count - 200) < 5 * Math.sqrt(200), `${count} of 5000`);
});

test('drawImages: a subset without repetition, every image as often, all of them where there are no more', () => {
  const environment: Environment = { name: 'e', indices: Uint32Array.of(3, 1, 4, 15, 9, 26, 5) };
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.nat(), (limit, seed) => {
      const drawn = [...drawImages(environment, limit, createRandom(seed))];
      assert.equal(drawn.length, Math.min(limit, 7));
      assert.equal(new Set(drawn).size, drawn.length);
      assert.ok(drawn.every((index) => environment.indices.includes(index)));
      assert.deepEqual(drawn, [...drawImages(environment, limit, createRandom(seed))]);
    }),
  );
  assert.deepEqual([...environment.indices], [3, 1, 4, 15, 9, 26, 5], 'the environment itself is not shuffled');
  const random = createRandom(8);
  const counts = new Map<number, number>();
  for (let i = 0; i < 2100; i++) {
    for (const index of drawImages(environment, 3, random)) counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  // 900 of 2100 each; 5 standard deviations are 113.
  for (const [index, count] of counts) assert.ok(Math.abs(count - 900) < 113, `${index}: ${count}`);
});

test('splitByCorrectness: right and wrong are a partition of the pool', () => {
  const correct = Uint8Array.of(1, 0, 0, 1, 1);
  assert.deepEqual(
    splitByCorrectness(correct).map(({ name, indices }) => [name, ...indices]),
    [
      ['reference right', 0, 3, 4],
      ['reference wrong', 1, 2],
    ],
  );
});

test('splitByCorrectness: an empty side is refused by name', () => {
  for (const [value, name] of [
    [0, 'right'],
    [1, 'wrong'],
  ] as const) {
    assert.throws(
      () => splitByCorrectness(new Uint8Array(4).fill(value)),
      (error) => {
        assert.ok(error instanceof GleanError);
        assert.equal(error.code, 'ENVIRONMENTS');
        assert.match(error.message, new RegExp(`'reference ${name}' is empty.*referenceSteps`));
        return true;
      },
    );
  }
});
