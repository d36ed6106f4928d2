/** Random convolutions and colours against their definitions in float64, pixel by pixel; which images are changed, and how far. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRandom, type Random, uniformInt } from '../../../src/certify-runtime/smoothing/random.ts';
import { InputError } from '../../../src/certify-runtime/trusted/errors.ts';
import { changeAppearance, checkAppearance } from '../../../src/train/augmentation/appearance.ts';
import { drawColours } from '../../../src/train/augmentation/colours.ts';
import { parseConfig, type TrainConfig } from '../../../src/train/config.ts';
import { tf } from '../../../src/train/tfjs.ts';
import { smallConfig } from '../../support/training/train-fixture.ts';

type Shape = readonly [n: number, height: number, width: number, channels: number];
type Augmentation = TrainConfig['augmentation'];

const augmentation = (change: object): Augmentation =>
  parseConfig({ ...smallConfig(), augmentation: { shift: 0, ...change } }, 'test').augmentation;

/** Images on [0, 1]; the first of them is the same everywhere. */
function imagesOf([n, height, width, channels]: Shape, random: Random): Float32Array {
  const stride = height * width * channels;
  return Float32Array.from({ length: n * stride }, (_, i) => (i < stride ? 0.25 : random.uniform()));
}

function changed(images: Float32Array, shape: Shape, settings: Augmentation, random: Random): Float32Array {
  const tensors = tf.memory().numTensors;
  const input = tf.tensor4d(images, [...shape]);
  const output = tf.tidy(() => changeAppearance(input, settings, random));
  const values = output.dataSync<'float32'>().slice();
  tf.dispose([input, output]);
  assert.equal(tf.memory().numTensors, tensors, 'tensors are left behind');
  return values;
}

/** Mirrored at the border, which is repeated: −1 is 0, and `length` is its predecessor. */
const mirrored = (at: number, length: number) => (at < 0 ? -1 - at : at >= length ? 2 * length - 1 - at : at);

/** The definition in random-convolution.ts. */
function naiveConvolution(
  images: Float32Array,
  [n, height, width, channels]: Shape,
  { probability, sizes, mixing }: NonNullable<Augmentation['convolution']>,
  random: Random,
): number[] {
  const size = sizes[uniformInt(sizes.length, random)]!;
  const kernel = Array.from({ length: size * size * channels * channels }, () => Math.fround(random.normal()));
  const half = (size - 1) / 2;
  const stride = height * width * channels;
  return Array.from({ length: n }, () => {
    if (random.uniform() >= probability) return 0;
    return mixing ? random.uniform() : 1;
  }).flatMap((weight, image) => {
    const x = [...images.subarray(image * stride, (image + 1) * stride)];
    const y = x.map((_, at) => {
      const [row, column, out] = [Math.floor(at / channels / width), Math.floor(at / channels) % width, at % channels];
      let sum = 0;
      for (let i = 0; i < size; i++)
        for (let j = 0; j < size; j++)
          for (let c = 0; c < channels; c++) {
            const [from, beside] = [mirrored(row + i - half, height), mirrored(column + j - half, width)];
            sum +=
              kernel[((i * size + j) * channels + c) * channels + out]! * x[(from * width + beside) * channels + c]!;
          }
      return sum;
    });
    const [low, high, least, greatest] = [Math.min(...y), Math.max(...y), Math.min(...x), Math.max(...x)];
    const scale = least === greatest ? 0 : (greatest - least) / (high - low);
    return x.map((value, at) => value + weight * (least + scale * (y[at]! - low) - value));
  });
}

test('a random convolution is what its definition gives, for any shape, size and share', () => {
  const cases = fc.record({
    shape: fc.tuple(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 3, max: 7 }),
      fc.integer({ min: 3, max: 7 }),
      fc.integer({ min: 1, max: 4 }),
    ),
    sizes: fc.subarray([1, 3, 5, 7], { minLength: 1 }),
    probability: fc.constantFrom(0.5, 1),
    mixing: fc.boolean(),
    seed: fc.nat(1000),
  });
  fc.assert(
    fc.property(cases, ({ shape, seed, ...convolution }) => {
      const images = imagesOf(shape, createRandom(seed, 1));
      const expected = naiveConvolution(images, shape, convolution, createRandom(seed));
      const found = changed(images, shape, augmentation({ convolution }), createRandom(seed));
      found.forEach((value, i) => {
        // The convolution's rounding is magnified where its range is much smaller than its terms.
        assert.ok(Math.abs(value - expected[i]!) < 1e-3, `${i}: ${value}, expected ${expected[i]}`);
        assert.ok(value >= -1e-6 && value <= 1 + 1e-6);
      });
    }),
    { numRuns: 150, seed: 7 },
  );
});

test('as many images are convolved as the probability says, all by one kernel; an even picture stays', () => {
  const shape = [4000, 2, 2, 1] as const;
  const picture = [0.1, 0.4, 0.6, 0.9];
  const images = Float32Array.from({ length: 16_000 }, (_, i) => picture[i % 4]!);
  const settings = augmentation({ convolution: { probability: 0.3, sizes: [3], mixing: false } });
  const found = changed(images, shape, settings, createRandom(2));
  const kinds = new Map<string, number>();
  for (let i = 0; i < found.length; i += 4) {
    const key = [...found.subarray(i, i + 4)].map((value) => value.toFixed(4)).join();
    kinds.set(key, (kinds.get(key) ?? 0) + 1);
  }
  assert.equal(kinds.size, 2);
  const untouched = kinds.get(picture.map((value) => value.toFixed(4)).join())!;
  // 5 standard deviations of a binomial.
  assert.ok(Math.abs(untouched - 2800) < 5 * Math.sqrt(4000 * 0.3 * 0.7), `${untouched} of 4000`);

  const white = new Float32Array(4 * 9 * 9 * 3).fill(1);
  const always = augmentation({ convolution: { probability: 1 } });
  assert.deepEqual(changed(white, [4, 9, 9, 3], always, createRandom(3)), white);
});

/** The definition in colours.ts, a step at a time, for one image. */
function naiveColours(image: readonly number[], channels: number, settings: Augmentation, random: Random): number[] {
  const { gain, offset, contrast, hue } = settings.colour ?? { gain: 0, offset: 0, contrast: 0, hue: 0 };
  const drawn = (most: number) => (most === 0 ? 0 : most * (2 * random.uniform() - 1));
  const slope = 1 + drawn(contrast);
  const angle = 2 * Math.PI * drawn(hue);
  const gains = Array.from({ length: channels }, () => 1 + drawn(gain));
  const offsets = Array.from({ length: channels }, () => drawn(offset));
  const grey = settings.grey !== undefined && random.uniform() < settings.grey;
  const pixels = Array.from({ length: image.length / channels }, (_, i) =>
    image.slice(i * channels, (i + 1) * channels),
  );
  return pixels.flatMap((pixel) => {
    let p = pixel;
    if (angle !== 0) {
      // In coordinates along grey and across it, where the turn is a plane one.
      const axes = [
        [1, -1, 0].map((value) => value / Math.sqrt(2)),
        [1, 1, -2].map((value) => value / Math.sqrt(6)),
        [1, 1, 1].map((value) => value / Math.sqrt(3)),
      ];
      const [x, y, level] = axes.map((axis) => axis.reduce((sum, value, c) => sum + value * p[c]!, 0));
      const turned = [x! * Math.cos(angle) - y! * Math.sin(angle), x! * Math.sin(angle) + y! * Math.cos(angle), level!];
      p = p.map((_, c) => turned.reduce((sum, value, axis) => sum + value * axes[axis]![c]!, 0));
    }
    p = p.map((value, c) => 0.5 + slope * (gains[c]! * value - 0.5) + offsets[c]!);
    if (grey) {
      const shares = channels === 3 ? [0.299, 0.587, 0.114] : p.map(() => 1 / channels);
      const level = p.reduce((sum, value, c) => sum + shares[c]! * value, 0);
      p = p.map(() => level);
    }
    return p.map((value) => Math.min(1, Math.max(0, value)));
  });
}

test('colours are what their definition gives; pixels stay on [0, 1]', () => {
  const most = fc.constantFrom(0, 0.2, 1);
  const cases = fc.record({
    channels: fc.integer({ min: 1, max: 4 }),
    colour: fc.record({ gain: most, offset: most, contrast: most, hue: fc.constantFrom(0, 0.1, 0.5) }),
    grey: fc.constantFrom(undefined, 0.5, 1),
    seed: fc.nat(1000),
  });
  fc.assert(
    fc.property(cases, ({ channels, colour: drawn, grey, seed }) => {
      const colour = { ...drawn, hue: channels === 3 ? drawn.hue : 0 };
      const some = Object.values(colour).some((value) => value > 0);
      const settings = augmentation({ ...(some ? { colour } : {}), ...(grey === undefined ? {} : { grey }) });
      const shape = [3, 4, 5, channels] as const;
      const images = imagesOf(shape, createRandom(seed, 1));
      const random = createRandom(seed);
      const expected = [0, 1, 2].flatMap((n) =>
        naiveColours([...images.subarray(n * 20 * channels, (n + 1) * 20 * channels)], channels, settings, random),
      );
      const found = changed(images, shape, settings, createRandom(seed));
      found.forEach((value, i) => {
        assert.ok(Math.abs(value - expected[i]!) < 1e-5, `${i}: ${value}, expected ${expected[i]}`);
        assert.ok(value >= 0 && value <= 1);
      });
    }),
    { numRuns: 200, seed: 8 },
  );
});

test('what is not asked for takes no random numbers and changes no bit', () => {
  const nothing: Random = {
    uint32: () => assert.fail('a number was drawn'),
    uniform: () => assert.fail('a number was drawn'),
    normal: () => assert.fail('a number was drawn'),
  };
  const shape = [2, 4, 4, 3] as const;
  const images = imagesOf(shape, createRandom(1));
  assert.deepEqual(changed(images, shape, augmentation({ flip: true, shift: 2 }), nothing), images);
  assert.deepEqual(drawColours(2, undefined, 0, nothing), { matrix: [1, 0, 0, 1], offset: [0, 0] });
});

test('images that an augmentation does not fit are refused by what does not', () => {
  const large = augmentation({ convolution: { sizes: [3, 15] } });
  checkAppearance(large, [28, 28, 2]);
  checkAppearance(large, [7, 7, 2]);
  assert.throws(() => checkAppearance(large, [28, 6, 2]), /augmentation\.convolution\.sizes: found 15.*28×6/);
  const turned = augmentation({ colour: { hue: 0.1 } });
  checkAppearance(turned, [28, 28, 3]);
  for (const channels of [1, 2, 4]) {
    assert.throws(
      () => checkAppearance(turned, [28, 28, channels]),
      (error) =>
        error instanceof InputError && new RegExp(`have ${channels} channels; leave hue out`).test(error.message),
    );
  }
});
