/** Moved and mirrored images against their definition, pixel by pixel; which random numbers are drawn, and how often each. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRandom, type Random } from '../../../src/certify-runtime/smoothing/random.ts';
import { augment, type Motion } from '../../../src/train/augmentation/shift-and-flip.ts';

type Shape = readonly [height: number, width: number, channels: number];

interface Drawn {
  readonly dx: number;
  readonly dy: number;
  readonly mirrored: boolean;
}

/** No byte is 0, so that a black rim shows; few are alike. */
const pixelsOf = (size: number, first = 0) => Uint8Array.from({ length: size }, (_, i) => 1 + ((first + 7 * i) % 255));

/** Gives the words in turn, and no more: `uniformInt` takes each modulo its size. */
const scripted = (words: readonly number[]): Random => {
  const queue = [...words];
  const uint32 = () => {
    assert.ok(queue.length > 0, 'more is drawn than was to be');
    return queue.shift()!;
  };
  return { uint32, uniform: () => Number.NaN, normal: () => Number.NaN };
};

/** The definition: (x, y) is the pixel at (x − dx, y − dy) of the image, mirrored or not; outside, the nearest or black. */
function naive(image: Uint8Array, [height, width, channels]: Shape, rim: 'edge' | 'black', drawn: Drawn): Uint8Array {
  const nearest = (at: number, length: number) => (at < 0 ? 0 : at >= length ? length - 1 : at);
  return image.map((_, i) => {
    const channel = i % channels;
    const x = (Math.floor(i / channels) % width) - drawn.dx;
    const y = Math.floor(i / channels / width) - drawn.dy;
    const [column, row] = [nearest(x, width), nearest(y, height)];
    if (rim === 'black' && (column !== x || row !== y)) return 0;
    const from = drawn.mirrored ? width - 1 - column : column;
    return image[(row * width + from) * channels + channel]!;
  });
}

/** What is drawn for one image, as the words that lead to it. */
const wordsOf = ({ dx, dy, mirrored }: Drawn, { shift, flip }: Motion): number[] => [
  ...(shift > 0 ? [dx + shift, dy + shift] : []),
  ...(flip ? [mirrored ? 1 : 0] : []),
];

const shapes = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 4 }));

test('any images of any shape, rim, shift and flip are what the definition gives', () => {
  const cases = fc
    .record({
      shape: shapes,
      shift: fc.nat(8),
      rim: fc.constantFrom('edge' as const, 'black' as const),
      flip: fc.boolean(),
    })
    .chain(({ shape, ...augmentation }) => {
      const { shift, flip } = augmentation;
      const way = fc.integer({ min: -shift, max: shift });
      const mirrored = flip ? fc.boolean() : fc.constant(false);
      const draws = fc.array(fc.record({ dx: way, dy: way, mirrored }), { maxLength: 4 });
      return fc.record({ shape: fc.constant(shape), augmentation: fc.constant(augmentation), draws });
    });
  fc.assert(
    fc.property(cases, ({ shape, augmentation, draws }) => {
      const stride = shape[0] * shape[1] * shape[2];
      const images = draws.map((_, n) => pixelsOf(stride, 50 * n));
      const expected = images.map((image, n) => naive(image, shape, augmentation.rim, draws[n]!));
      const random = scripted(draws.flatMap((drawn) => wordsOf(drawn, augmentation)));
      const found = augment(Uint8Array.from(images.flatMap((image) => [...image])), shape, augmentation, random);
      assert.deepEqual(
        [...found],
        expected.flatMap((image) => [...image]),
      );
    }),
    { numRuns: 2000, seed: 12 },
  );
});

test('every shift of small images, also beyond their size', () => {
  for (const shape of [
    [5, 4, 3],
    [2, 3, 1],
    [1, 1, 2],
    [1, 5, 1],
    [4, 1, 1],
  ] as const) {
    const image = pixelsOf(shape[0] * shape[1] * shape[2], 3);
    for (const rim of ['edge', 'black'] as const) {
      for (let dx = -6; dx <= 6; dx++) {
        for (let dy = -6; dy <= 6; dy++) {
          const found = augment(image.slice(), shape, { shift: 6, rim, flip: false }, scripted([dx + 6, dy + 6]));
          assert.deepEqual(
            found,
            naive(image, shape, rim, { dx, dy, mirrored: false }),
            `${shape} ${rim} ${dx}, ${dy}`,
          );
        }
      }
    }
  }
});

test('a picture on white stays on white, where a black rim would frame it', () => {
  const white = new Uint8Array(32 * 32 * 3 * 8).fill(255);
  const least = (rim: 'edge' | 'black') =>
    augment(white.slice(), [32, 32, 3], { shift: 2, rim, flip: true }, createRandom(1)).reduce((a, b) =>
      Math.min(a, b),
    );
  assert.equal(least('edge'), 255);
  assert.equal(least('black'), 0);
});

test('on a black border both rims are the same bytes', () => {
  const [height, width] = [12, 12];
  const digit = Uint8Array.from({ length: height * width * 2 }, (_, i) => {
    const [x, y] = [(i >> 1) % width, Math.floor(i / 2 / width)];
    return Math.min(x, y, width - 1 - x, height - 1 - y) < 1 ? 0 : 1 + (i % 200);
  });
  const moved = (rim: 'edge' | 'black', seed: number) =>
    augment(digit.slice(), [height, width, 2], { shift: 3, rim, flip: false }, createRandom(seed));
  for (let seed = 0; seed < 40; seed++) assert.deepEqual(moved('edge', seed), moved('black', seed));
});

test('what is not asked for takes no random numbers, and one seed gives one batch', () => {
  const shape = [3, 3, 1] as const;
  const images = pixelsOf(18);
  assert.equal(augment(images, shape, { shift: 0, rim: 'edge', flip: false }, scripted([])), images);
  // A run without flips draws what it drew before there were any.
  const after = (flip: boolean, rim: 'edge' | 'black') => {
    const random = createRandom(5);
    augment(images.slice(), shape, { shift: 2, rim, flip }, random);
    return random.uint32();
  };
  const random = createRandom(5);
  for (let n = 0; n < 4; n++) random.uint32();
  const next = random.uint32();
  assert.deepEqual([after(false, 'black'), after(false, 'edge')], [next, next]);
  assert.notEqual(after(true, 'edge'), next);
  const batch = () => augment(images.slice(), shape, { shift: 1, rim: 'edge', flip: true }, createRandom(9));
  assert.deepEqual(batch(), batch());
});

test('every shift comes as often, and every image is mirrored as often as not', () => {
  const shape = [9, 9, 1] as const;
  const image = pixelsOf(81);
  const counts = new Map<string, number>();
  for (let n = 0; n < 50; n++) {
    const drawn = { dx: (n % 5) - 2, dy: (Math.floor(n / 5) % 5) - 2, mirrored: n >= 25 };
    counts.set(naive(image, shape, 'edge', drawn).join(), 0);
  }
  assert.equal(counts.size, 50);
  const draws = 10_000;
  const images = Uint8Array.from({ length: 81 * draws }, (_, i) => image[i % 81]!);
  const batch = augment(images, shape, { shift: 2, rim: 'edge', flip: true }, createRandom(4));
  for (let n = 0; n < draws; n++) {
    const key = batch.subarray(81 * n, 81 * (n + 1)).join();
    assert.ok(counts.has(key), 'none of the 25 shifts, mirrored or not');
    counts.set(key, counts.get(key)! + 1);
  }
  // 200 each; 5 standard deviations of a binomial.
  for (const count of counts.values()) assert.ok(Math.abs(count - 200) < 5 * Math.sqrt(200), `${count} of ${draws}`);
});
