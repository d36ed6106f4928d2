import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { AREA, fromHex, greyOf, paint, SIDE } from '../../../src/page/digit/colour.ts';
import { type Ink, inkOf, normaliseDigit } from '../../../src/page/digit/normalise.ts';
import { readDigits } from '../../../src/train/data/readers/digit-source.ts';

/** Each grey pixel as a square of `factor` pixels, on paper of this size, its corner at (left, top). */
function enlarged(grey: Uint8Array, factor: number, size: number, left: number, top: number): Ink {
  const values = new Uint8Array(size * size);
  for (let y = 0; y < SIDE * factor; y++) {
    for (let x = 0; x < SIDE * factor; x++) {
      const [to, from] = [(top + y) * size + left + x, Math.floor(y / factor) * SIDE + Math.floor(x / factor)];
      if (left + x >= 0 && left + x < size && top + y >= 0 && top + y < size) values[to] = grey[from]!;
    }
  }
  return { width: size, height: size, values };
}

describe('normaliseDigit', () => {
  let digits: readonly Uint8Array[];

  before(async () => {
    const { images } = await readDigits('mnist');
    digits = Array.from({ length: 50 }, (_, i) => images.pixels.subarray(i * 200 * AREA, (i * 200 + 1) * AREA));
  });

  it('gives every MNIST digit back as it was, when enlarged and moved: it is MNIST’s own form', () => {
    for (const digit of digits) assert.deepEqual(normaliseDigit(enlarged(digit, 5, 280, 100, 37)), digit);
  });

  it('does not depend on where the digit was drawn', () => {
    for (const digit of digits) {
      const one = normaliseDigit(enlarged(digit, 4, 280, 3, 150));
      assert.deepEqual(one, normaliseDigit(enlarged(digit, 4, 280, 121, 11)));
    }
  });

  it('fits 20×20 pixels and has its centre of mass in the middle, whatever is drawn', () => {
    for (const [width, height] of [
      [200, 30],
      [12, 240],
      [90, 90],
      [1, 1],
    ] as const) {
      const values = new Uint8Array(280 * 280);
      for (let y = 0; y < height; y++) values.fill(255, (20 + y) * 280 + 30, (20 + y) * 280 + 30 + width);
      const grey = normaliseDigit({ width: 280, height: 280, values })!;
      const inked = Array.from(grey.keys()).filter((p) => grey[p]! > 0);
      const [xs, ys] = [inked.map((p) => p % SIDE), inked.map((p) => Math.floor(p / SIDE))];
      const extent = (all: number[]): number => Math.max(...all) - Math.min(...all) + 1;
      assert.equal(Math.max(extent(xs), extent(ys)), 20);
      const mass = inked.reduce((sum, p) => sum + grey[p]!, 0);
      const centre = (all: number[]): number => inked.reduce((sum, p, i) => sum + grey[p]! * (all[i]! + 0.5), 0) / mass;
      assert.ok(Math.abs(centre(xs) - 14.5) <= 0.5 && Math.abs(centre(ys) - 14.5) <= 0.5);
    }
  });

  it('sees nothing where nothing is drawn', () => {
    assert.equal(normaliseDigit({ width: 50, height: 40, values: new Uint8Array(2000) }), undefined);
    assert.equal(normaliseDigit(inkOf(new Uint8Array(8000).fill(20), 50, 40)), undefined);
  });
});

describe('inkOf', () => {
  it('takes ink from dark on bright as from bright on dark, and lays alpha over black', () => {
    const bright = [255, 255, 255, 255];
    const [dark, clear, half] = [
      [0, 0, 0, 255],
      [255, 255, 255, 0],
      [0, 200, 0, 128],
    ];
    const picture = (rim: number[], middle: number[]): Uint8Array =>
      Uint8Array.from(Array.from({ length: 9 }, (_, p) => (p === 4 ? middle : rim)).flat());
    assert.deepEqual([...inkOf(picture(bright, dark), 3, 3).values], [0, 0, 0, 0, 255, 0, 0, 0, 0]);
    assert.deepEqual([...inkOf(picture(dark, bright), 3, 3).values], [0, 0, 0, 0, 255, 0, 0, 0, 0]);
    assert.deepEqual([...inkOf(picture(clear, half), 3, 3).values], [0, 0, 0, 0, 100, 0, 0, 0, 0]);
  });
});

describe('paint', () => {
  it('is the form of training: the grey value in one channel; and grey comes back from any full colour', () => {
    const grey = Uint8Array.from({ length: 256 }, (_, i) => i);
    const red = paint(grey, fromHex('#ff0000'));
    assert.ok(grey.every((value, p) => red[p * 3] === value && red[p * 3 + 1] === 0 && red[p * 3 + 2] === 0));
    for (const colour of ['#00ff00', '#0000ff', '#ffff00', '#ffffff']) {
      assert.deepEqual(greyOf(paint(grey, fromHex(colour))), grey);
    }
    assert.deepEqual([...paint(Uint8Array.of(255), fromHex('#0a64c8'))], [10, 100, 200]);
  });
});
