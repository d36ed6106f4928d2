/** Seals one ONNX file and tries to break what was sealed: its bound, its radii, its answers. */
import { createHash } from 'node:crypto';
import { differentiate } from '../../src/certify-runtime/gradient/network.ts';
import { runUnverified } from '../../src/certify-runtime/node.ts';
import { createRandom } from '../../src/certify-runtime/smoothing/random.ts';
import { GleanError } from '../../src/certify-runtime/trusted/errors.ts';
import { TENSORS } from '../../src/certify-runtime/trusted/file/names.ts';
import { readOnnx } from '../../src/certify-runtime/trusted/onnx/read.ts';
import { attack } from '../../src/evaluate/attack/attack.ts';
import { type SessionJudge, sessionJudge } from '../../src/evaluate/attack/judge.ts';
import { measureStretch, openTwin } from '../../src/evaluate/stretch.ts';
import { compareWithOriginal } from '../../src/export/foreign/original.ts';
import { NODE } from '../../src/export/onnx-runtime/node.ts';
import { type SealedOriginal, type SealOriginalOptions, sealOriginal } from '../../src/export/seal/seal-original.ts';

interface Sealed {
  readonly sealed: true;
  readonly lipschitz: number;
  /** The largest stretch that was found: a lower bound of the true constant. */
  readonly measured: number;
  /** Points tried inside a radius, and the smallest distance of a flip over its radius; null if there was none. */
  readonly attacked: number;
  readonly flip: number | null;
  /** What is false about the file; empty if nothing was found. */
  readonly broken: readonly string[];
  readonly bytes: Uint8Array;
}

interface Refused {
  readonly sealed: false;
  /** The code of the refusal, or CRASH for an error that was not thrown on purpose. */
  readonly code: string;
  readonly reason: string;
}

export type Examined = Sealed | Refused;

/** What can be said of one file of a folder, in `options.json`. */
export type FieldOptions = Pick<SealOriginalOptions, 'shape' | 'logits' | 'layout' | 'scale' | 'mean' | 'std'>;

const CRASH = 'CRASH';

/** Whether something is wrong with glean: a claim that is false, or a crash. */
export function isBroken(result: Examined): boolean {
  return result.sealed ? result.broken.length > 0 : result.code === CRASH;
}

/** Measured values are float64, and their own rounding is far below this. */
const ROUNDING = 1e-9;

/** Multiply-adds for the search of a stretch. */
const WORK = 1.5e8;

/** Images on [0, 1] to attack and to compare the answers at. */
const IMAGES = 4;
const COMPARED = 6;

function randomPixels(count: number, size: number, seed: number): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: count * size }, (_, i) =>
    Math.floor(i / size) % 2 === 0 ? (random.uint32() & 255) / 255 : random.uint32() & 1,
  );
}

/** The stretch of the file, and whether it is above its bound. */
async function stretch(
  { bytes, verified, opinion }: SealedOriginal,
  seed: number,
  work: number,
  broken: string[],
): Promise<number> {
  const { lipschitz, latentError } = verified.terms.constants;
  const network = (await openTwin(bytes, verified.certificate.input.shape, NODE)).network(TENSORS.latent);
  if (network === null) return opinion?.lipschitz ?? 0;
  const { jacobian, secant } = measureStretch(network, latentError, seed, work);
  if (jacobian > lipschitz * (1 + ROUNDING)) broken.push(`a Jacobian of norm ${jacobian} where L = ${lipschitz}`);
  if (secant > lipschitz * (1 + ROUNDING)) broken.push(`a difference quotient of ${secant} where L = ${lipschitz}`);
  return Math.max(jacobian, secant, opinion?.lipschitz ?? 0);
}

/** Whether the sealed file answers as the original does, at images that sealing has not looked at. */
async function compare(original: Uint8Array, sealed: SealedOriginal, judge: SessionJudge, seed: number): Promise<void> {
  const size = judge.shape.reduce((product, length) => product * length, 1);
  const pixels = randomPixels(COMPARED, size, seed);
  const { logits } = await judge.evaluate(pixels);
  const images = Array.from({ length: COMPARED }, (_, n) => pixels.slice(n * size, (n + 1) * size));
  const rows = images.map((_, n) => [...logits.subarray(n * judge.classes, (n + 1) * judge.classes)]);
  await compareWithOriginal(original, sealed.prepared, images, rows);
}

/** Looks for flips inside the radii, until `points` points inside them were tried. */
async function attackFile(sealed: SealedOriginal, judge: SessionJudge, points: number, seed: number, broken: string[]) {
  const network = differentiate(readOnnx(sealed.bytes).graph, TENSORS.image, TENSORS.logits);
  const size = judge.shape.reduce((product, length) => product * length, 1);
  const pixels = randomPixels(IMAGES, size, seed + 1);
  const { radii } = await judge.evaluate(pixels);
  const certified = Array.from(radii).filter((radius) => radius > 0).length;
  const share = Math.ceil(points / Math.max(1, certified));
  const few = { steps: 12, restarts: 1, probes: share, roundings: Math.ceil(share / 4), seed };
  const report = await attack(judge, network, pixels, few);
  for (const { counterexample } of report.images) {
    if (counterexample === null) continue;
    const { from, label, distance, radius, pointRadius } = counterexample;
    broken.push(`label ${from} becomes ${label} at ${distance}, inside a radius of ${Math.max(radius, pointRadius)}`);
  }
  return report;
}

/** The same file is always tried in the same way. */
function seedOf(bytes: Uint8Array): number {
  return createHash('sha256').update(bytes).digest().readUInt32LE(0);
}

/**
 * @param points how many points inside radii are tried
 * @param work multiply-adds for the search of a stretch
 * @throws what is thrown by what examines, and not by sealing
 */
export async function examine(
  original: Uint8Array,
  source: string,
  options: FieldOptions &
    Pick<SealOriginalOptions, 'readExternal'> & { readonly points: number; readonly work?: number },
): Promise<Examined> {
  const { points, work = WORK, ...chosen } = options;
  let sealed: SealedOriginal;
  try {
    sealed = await sealOriginal(original, { ...chosen, source, producerVersion: 'field', run: runUnverified });
  } catch (error) {
    if (error instanceof GleanError) return { sealed: false, code: error.code, reason: error.message };
    return { sealed: false, code: CRASH, reason: `${error instanceof Error ? error.stack : error}` };
  }
  const { bytes, verified } = sealed;
  const { input, classes } = verified.certificate;
  const broken: string[] = [];
  const seed = seedOf(original);
  const measured = await stretch(sealed, seed, work, broken);
  const judge = await sessionJudge(bytes, input.shape, classes.length);
  try {
    await compare(original, sealed, judge, seed).catch((error) => {
      if (!(error instanceof GleanError)) throw error;
      broken.push(error.message);
    });
    const { attackedPoints, smallestRatio } = await attackFile(sealed, judge, points, seed, broken);
    const { lipschitz } = verified.proven;
    return { sealed: true, lipschitz, measured, attacked: attackedPoints, flip: smallestRatio, broken, bytes };
  } finally {
    await judge.release();
  }
}
