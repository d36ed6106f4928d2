/** The hostile files of test/fixtures/hostile: how they are read, and whether what is sealed of one is true. */
import { readFile } from 'node:fs/promises';
import type { AffineBound } from '../../../src/certify-runtime/trusted/bounds/bound.ts';
import { HEAD_PREFIX } from '../../../src/certify-runtime/trusted/file/names.ts';
import { readOnnx } from '../../../src/certify-runtime/trusted/onnx/read.ts';
import { run } from '../interpreter/interpreter.ts';
import { exact } from '../numbers/arithmetic.ts';
import { candidates } from './hostile-images.ts';
import type { Answer, Execution, Executor, Job } from './hostile-runs.ts';

/** The pixels of one image, or one value for all of them. */
export type ImageSpec = readonly number[] | { readonly fill: number };

/** What a broken prover made of the file (docs/soundness.md says which), and how it shows. */
export interface Measured {
  /** L, as sealed. */
  readonly claimed: number;
  /** The largest quotient ‖ẑ(x) − ẑ(y)‖/‖x − y‖ seen, the float32 errors that are claimed subtracted. */
  readonly secant: number;
  /** Two images, or two executions of one, with different labels although the first one's radius is beyond the distance. */
  readonly flip: { readonly distance: number; readonly radius: number } | null;
  readonly found: readonly string[];
}

export interface HostileEntry {
  readonly file: string;
  readonly kind: string;
  readonly what: string;
  /** How it is sealed. */
  readonly seal: { readonly layout: 'NHWC' };
  readonly images: readonly ImageSpec[];
  readonly batches: readonly number[];
  /** Whether the answers are also held against float64. */
  readonly exact: boolean;
  readonly base: Measured;
}

export const FIXTURES = new URL('../../fixtures/hostile/', import.meta.url);

export async function readManifest(): Promise<readonly HostileEntry[]> {
  return JSON.parse(await readFile(new URL('manifest.json', FIXTURES), 'utf8')) as readonly HostileEntry[];
}

/** What is taken from a sealed file and its proof. */
export interface Sealed {
  readonly bytes: Uint8Array;
  readonly shape: readonly number[];
  readonly proven: {
    readonly lipschitz: number;
    readonly latentError: readonly AffineBound[];
    readonly maxImageNorm: number;
  };
}

/** One answer with the image it is for. */
interface Seen extends Answer {
  readonly pixels: Float32Array;
  readonly where: string;
}

const norm = (v: ArrayLike<number>): number => Math.hypot(...Array.from(v));
const finite = (v: ArrayLike<number>): boolean => Array.from(v).every(Number.isFinite);

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.sqrt(Array.from(a, (x, i) => (x - b[i]!) ** 2).reduce((s, x) => s + x, 0));
}

/** δ(x), the smallest of the proven bounds of ‖ẑ(x) − z(x)‖. */
function errorAt(bounds: readonly AffineBound[], pixels: ArrayLike<number>): number {
  const l2 = norm(pixels);
  const l1 = Array.from(pixels).reduce((s, x) => s + Math.abs(x), 0);
  return Math.min(...bounds.map((bound) => bound.constant + bound.l2 * l2 + bound.l1 * l1));
}

/** Far above what the arithmetic of this check costs. */
const ROOM = 1 + 1e-6;
const shown = (x: number): string => x.toPrecision(4);

/** A radius is finite and not below 0, and 0 where a logit or latent is not finite. */
function checkRadii(seen: readonly Seen[], report: (text: string) => void): void {
  for (const { radius, logits, latent, where } of seen) {
    if (!(Number.isFinite(radius) && radius >= 0)) report(`radius ${radius} (${where})`);
    else if (radius > 0 && !(finite(logits) && finite(latent)))
      report(`radius ${shown(radius)} with logits [${[...logits].join(', ')}] (${where})`);
  }
}

/** No label changes within a radius, whatever executes the two images; in which batch, too. */
function checkLabels(seen: readonly Seen[], report: (text: string) => void): Measured['flip'] {
  let worst: Measured['flip'] = null;
  for (const a of seen) {
    if (!(a.radius > 0)) continue;
    for (const b of seen) {
      if (a.label === b.label && finite(b.logits)) continue;
      const d = distance(a.pixels, b.pixels);
      if (d > a.radius || d > a.radius - (worst === null ? 0 : worst.radius - worst.distance)) continue;
      worst = { distance: d, radius: a.radius };
      report(`label ${a.label} with radius ${shown(a.radius)} (${a.where}), ${b.label} at ${shown(d)} (${b.where})`);
    }
  }
  return worst;
}

/** ‖ẑ(x) − ẑ(y)‖ ≤ L‖x − y‖ + δ(x) + δ(y), whatever executes x and y; the largest quotient seen. */
function checkSecants(seen: readonly Seen[], { proven }: Sealed, report: (text: string) => void): number {
  const within = seen.filter(({ pixels }) => norm(pixels) <= proven.maxImageNorm);
  const errors = within.map(({ pixels }) => errorAt(proven.latentError, pixels));
  let secant = 0;
  let excess = 0;
  for (const [i, a] of within.entries()) {
    if (!finite(a.latent)) {
      report(`latent [${[...a.latent].join(', ')}] within maxImageNorm (${a.where})`);
      continue;
    }
    for (const [j, b] of within.slice(0, i).entries()) {
      if (!finite(b.latent)) continue;
      const [dz, dx, error] = [distance(a.latent, b.latent), distance(a.pixels, b.pixels), errors[i]! + errors[j]!];
      if (dx > 0) secant = Math.max(secant, (dz - error) / dx);
      const allowed = (proven.lipschitz * dx + error) * ROOM;
      if (!(dz > allowed) || dz / allowed <= excess) continue;
      excess = dz / allowed;
      report(`latents ${shown(dz)} apart, ${shown(allowed)} allowed at ${shown(dx)} (${a.where}; ${b.where})`);
    }
  }
  return secant;
}

/** ‖ẑ(x) − z(x)‖ ≤ δ(x), z in float64. */
function checkExact(seen: readonly Seen[], sealed: Sealed, report: (text: string) => void): void {
  const { graph } = readOnnx(sealed.bytes);
  const network = { ...graph, nodes: graph.nodes.filter(({ name }) => !name.startsWith(HEAD_PREFIX)) };
  for (const { pixels, latent, where } of seen) {
    const dims = [1, ...sealed.shape];
    const z = run(network, { dims, data: [...pixels] }, exact).get('latent')!.data;
    const [error, allowed] = [distance(latent, z), errorAt(sealed.proven.latentError, pixels) * ROOM];
    if (!(error <= allowed)) report(`latent off by ${shown(error)}, ${shown(allowed)} proven (${where})`);
  }
}

/** Optimised and as written, with and without flushes to zero. */
const LEVELS = ['all', 'disabled'] as const;

function seenIn(executions: readonly Execution[], images: readonly Float32Array[]): Seen[] {
  return executions.flatMap(({ where, answers }) =>
    answers.map((answer, i): Seen => ({ ...answer, pixels: images[i]!, where: `${where}, image ${i}` })),
  );
}

/** What is false in a sealed file; nothing where all that was tried holds. */
export async function examine(sealed: Sealed, entry: HostileEntry, executors: readonly Executor[]): Promise<Measured> {
  const { bytes, shape, proven } = sealed;
  const size = shape.reduce((a, b) => a * b, 1);
  const own = entry.images.map((spec) =>
    'length' in spec ? Float32Array.from(spec) : new Float32Array(size).fill(spec.fill),
  );
  const job = (images: readonly Float32Array[], batches: readonly number[]): Job => ({ bytes, shape, images, batches });
  const images = [...own, ...(await candidates(own, shape, (tried) => executors[0]!(job(tried, []), 'all')))];
  const found = new Map<string, string>();
  const seen: Seen[] = [];
  for (const level of LEVELS) {
    for (const execute of executors) {
      seen.push(...seenIn(await execute(job(images, entry.batches), level), images));
    }
  }
  const reportAs = (check: string) => (text: string) => void found.set(check, text);
  checkRadii(seen, reportAs('radius'));
  const flip = checkLabels(seen, reportAs('label'));
  const secant = checkSecants(seen, sealed, reportAs('latent'));
  if (entry.exact) checkExact(seen, sealed, reportAs('float64'));
  return { claimed: proven.lipschitz, secant, flip, found: [...found.values()] };
}
