/**
 * Brings a drawn digit into MNIST's form: scaled into a 20×20 box with its aspect ratio kept, then moved by whole
 * pixels until its centre of mass is the middle of 28×28 (LeCun et al. 1998, section III-A). The models know digits in
 * no other form.
 */
import { AREA, SIDE } from './colour.ts';

const BOX = 20;
/** Where MNIST has its centres of mass: the middle of pixel 14, counted from 0, not the corner between 13 and 14. */
const MIDDLE = SIDE / 2 + 0.5;

/** In picture files, ink weaker than this is noise. */
const NOISE = 24;

/** One channel, row by row: 0 is paper and 255 is ink. */
export interface Ink {
  readonly width: number;
  readonly height: number;
  readonly values: Uint8Array | Uint8ClampedArray;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The smallest box around all ink; undefined if there is none. */
function inkBox({ width, height, values }: Ink): Box | undefined {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (values[y * width + x] === 0) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  return right < 0 ? undefined : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** The mean of the ink over [x0, x1) × [y0, y1), with fractions of pixels weighted accordingly. */
function meanOver({ width, values }: Ink, x0: number, x1: number, y0: number, y1: number): number {
  let sum = 0;
  for (let y = Math.floor(y0); y < y1; y++) {
    const high = Math.min(y + 1, y1) - Math.max(y, y0);
    for (let x = Math.floor(x0); x < x1; x++) {
      sum += (values[y * width + x] ?? 0) * high * (Math.min(x + 1, x1) - Math.max(x, x0));
    }
  }
  return sum / ((x1 - x0) * (y1 - y0));
}

/** The box scaled to at most 20×20 pixels, each the mean of what it covers. */
function shrink(ink: Ink, { left, top, width, height }: Box): Ink {
  const scale = BOX / Math.max(width, height);
  const [w, h] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  const [stepX, stepY] = [width / w, height / h];
  const values = new Uint8Array(w * h);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const [x0, y0] = [left + x * stepX, top + y * stepY];
      const mean = meanOver(ink, x0, Math.min(x0 + stepX, ink.width), y0, Math.min(y0 + stepY, ink.height));
      values[y * w + x] = Math.round(mean);
    }
  }
  return { width: w, height: h, values };
}

function centreOfMass({ width, height, values }: Ink): readonly [x: number, y: number] {
  let [mass, sumX, sumY] = [0, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = values[y * width + x]!;
      mass += value;
      sumX += value * (x + 0.5);
      sumY += value * (y + 0.5);
    }
  }
  return [sumX / mass, sumY / mass];
}

/** 28×28 grey values in MNIST's form; undefined if there is no ink. */
export function normaliseDigit(ink: Ink): Uint8Array | undefined {
  const box = inkBox(ink);
  if (box === undefined) return undefined;
  const digit = shrink(ink, box);
  const [centreX, centreY] = centreOfMass(digit);
  // Up to 20 of 28 pixels are used: a digit whose mass is far from the middle of its box may have to stop at the edge.
  const place = (centre: number, length: number): number =>
    Math.min(Math.max(Math.round(MIDDLE - centre), 0), SIDE - length);
  const [left, top] = [place(centreX, digit.width), place(centreY, digit.height)];
  const grey = new Uint8Array(AREA);
  for (let y = 0; y < digit.height; y++) {
    for (let x = 0; x < digit.width; x++) {
      grey[(top + y) * SIDE + left + x] = digit.values[y * digit.width + x]!;
    }
  }
  return grey;
}

/**
 * The ink of an RGBA picture: its brightest channel over black, inverted if the rim says that the picture is dark on
 * bright.
 */
export function inkOf(rgba: Uint8Array | Uint8ClampedArray, width: number, height: number): Ink {
  const values = new Uint8Array(width * height);
  for (let p = 0; p < values.length; p++) {
    const brightest = Math.max(rgba[p * 4]!, rgba[p * 4 + 1]!, rgba[p * 4 + 2]!);
    values[p] = Math.round((brightest * rgba[p * 4 + 3]!) / 255);
  }
  let [rim, count] = [0, 0];
  for (let p = 0; p < values.length; p++) {
    const [x, y] = [p % width, Math.floor(p / width)];
    if (x > 0 && y > 0 && x < width - 1 && y < height - 1) continue;
    rim += values[p]!;
    count++;
  }
  if (rim > 127 * count) {
    for (let p = 0; p < values.length; p++) {
      const darkest = Math.min(rgba[p * 4]!, rgba[p * 4 + 1]!, rgba[p * 4 + 2]!);
      values[p] = 255 - Math.round((darkest * rgba[p * 4 + 3]!) / 255);
    }
  }
  for (let p = 0; p < values.length; p++) if (values[p]! < NOISE) values[p] = 0;
  return { width, height, values };
}
