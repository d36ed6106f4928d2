/** Images of several sets under one numbering; draws and splits of environments. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../../src/certify-runtime/smoothing/random.ts';
import { GleanError } from '../../src/certify-runtime/trusted/errors.ts';
import { augment } from '../../src/train/augmentation/shift-and-flip.ts';
import { type ImageSet, memoryImages, readAll } from '../../src/train/data/dataset.ts';
import {
  drawImages,
  type Environment,
  givenEnvironments,
  pooledEnvironment,
  splitByCorrectness,
  UNDECIDED,
} from '../../src/train/environments.ts';
import { createPool, imageBytes } from '../../src/train/pool.ts';

type Shape = readonly [number, number, number];

function imageSet(name: string, size: number, shape: Shape, first: number): ImageSet {
  const pixels = Uint8Array.from(
    { length: size * shape[0] * shape[1] * shape[2] },
    (_, i) => 1 + ((first + 7 * i) % 255),
  );
  const labels = Uint8Array.from({ length: size }, (_, i) => (i + first) % 2);
  return memoryImages({ name, shape, pixels, labels, attribute: labels, source: new Uint32Array(size) });
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

test('imageBytes: the images asked for, augmented in their order', () => {
  const pool = createPool([imageSet('a', 3, [5, 4, 3], 3), imageSet('b', 2, [5, 4, 3], 90)]);
  const indices = [4, 0, 2, 4];
  const augmentation = { shift: 2, rim: 'edge', flip: true } as const;
  const expected = augment(pool.read(indices), pool.shape, augmentation, createRandom(6));
  assert.deepEqual(imageBytes(pool, indices, augmentation, createRandom(6)), expected);
  assert.notDeepEqual(expected, pool.read(indices));
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

test('splitByCorrectness: right and wrong are a partition of the images that are decided', () => {
  const correct = Uint8Array.of(1, 0, 0, 1, 1, UNDECIDED);
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
