/**
 * Compares an execution provider with what docs/providers.md says about it, on a machine that has one: the error of its
 * products relative to γ_k·|a||b|, and a model's answers beside the CPU's.
 *
 *     node --import tsx pipeline/provider.ts cuda [--started | --thread [--share]] MODEL IMAGES …
 *
 * IMAGES is the name of a data set, or a file of bytes, N·H·W·C. `--started` opens a session, as another program would,
 * before the certifier is asked; `--thread` asks from a worker thread, which with `--share` shares the process's
 * environment. If any of these lets reduced precision in, loading has to fail.
 */
import { readFile } from 'node:fs/promises';
import { isMainThread, SHARE_ENV, Worker } from 'node:worker_threads';
import { Certifier } from '../src/certify-runtime/node.ts';
import { allowedDeviation } from '../src/certify-runtime/run/known-vectors.ts';
import * as ort from '../src/certify-runtime/run/onnx-runtime.ts';
import { integerFactors, probeModel } from '../src/certify-runtime/run/probe.ts';
import { createRandom } from '../src/certify-runtime/smoothing/random.ts';
import type { Floats } from '../src/certify-runtime/trusted/bounds/precision.ts';
import { imageNorms } from '../src/certify-runtime/trusted/margin.ts';
import { verifyModel } from '../src/certify-runtime/trusted/verify.ts';

const UNIT = 2 ** -24;
/** m of a product [m, k]·[k, n]: one image, a few, or a batch; providers choose a kernel by it. */
const ROWS = [1, 2, 8, 16, 64, 256, 1024];
const INNER = [
  [256, 128],
  [784, 256],
  [2352, 128],
  [4096, 64],
] as const;
const BATCHES = [1, 7, 64, 1024];

interface Product {
  readonly shape: readonly [number, number, number];
  /** The largest |ŷ − y| relative to γ_k·Σ|a||b|: at most 1 if A2 holds. */
  readonly ratio: number;
  /** Whether products of 12-bit integers come out exact, as float32's do and TF32's do not. */
  readonly exact: boolean;
}

async function products(provider: string): Promise<Product[]> {
  const session = await ort.InferenceSession.create(probeModel(), { executionProviders: [provider] });
  const random = createRandom(0, 0);
  const found: Product[] = [];
  const multiply = async (a: Floats, b: Floats, [m, k, n]: readonly [number, number, number]) => {
    const feeds = {
      a: new ort.Tensor('float32', a as Float32Array, [m, k]),
      b: new ort.Tensor('float32', b as Float32Array, [k, n]),
    };
    return (await session.run(feeds))['y']!.data as Float32Array;
  };
  for (const [k, n] of INNER) {
    for (const m of ROWS) {
      const shape = [m, k, n] as const;
      const a = Float32Array.from({ length: m * k }, () => random.uniform() - 0.5);
      const b = Float32Array.from({ length: k * n }, () => random.uniform() - 0.5);
      const y = await multiply(a, b, shape);
      const gamma = (k * UNIT) / (1 - k * UNIT);
      const [whole, signs] = integerFactors(shape);
      const sums = await multiply(whole, signs, shape);
      let ratio = 0;
      let exact = true;
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          let sum = 0;
          let size = 0;
          let integer = 0;
          for (let t = 0; t < k; t++) {
            const term = a[i * k + t]! * b[t * n + j]!;
            sum += term;
            size += Math.abs(term);
            integer += whole[i * k + t]! * signs[t * n + j]!;
          }
          ratio = Math.max(ratio, Math.abs(y[i * n + j]! - sum) / (gamma * size));
          exact &&= sums[i * n + j] === integer;
        }
      }
      found.push({ shape, ratio, exact });
    }
  }
  await session.release();
  return found;
}

interface Agreement {
  readonly batch: number;
  readonly images: number;
  /** The number of images whose labels differ although one of the two is certified: must be 0. */
  readonly labelsDiffer: number;
  /** The largest deviation of a logit relative to what two allowed executions may differ by: at most 1. */
  readonly ofAllowed: number;
  readonly largestRadiusDifference: number;
  /** Images per second, of the provider and of the CPU. */
  readonly rate: number;
  readonly cpuRate: number;
}

async function readImages(what: string, size: number): Promise<Float32Array> {
  const bytes = await readFile(what).catch(async () => {
    const { openDataset } = await import('../src/train/data/registry.ts');
    const { test } = await openDataset(what);
    return test.read(Array.from({ length: test.size }, (_, i) => i));
  });
  if (bytes.length % size !== 0) throw new Error(`${what}: ${bytes.length} bytes are no images of ${size}`);
  return Float32Array.from(bytes, (byte) => byte / 255);
}

async function agreement(provider: string, path: string, images: string): Promise<Agreement[]> {
  const bytes = await readFile(path);
  const { terms, head } = await verifyModel(bytes);
  const cpu = await Certifier.load(bytes, { providers: 'cpu' });
  const other = await Certifier.load(bytes, { providers: provider });
  const pixels = await readImages(images, cpu.imageSize);
  const count = pixels.length / cpu.imageSize;
  const part = (begin: number, end: number) => pixels.subarray(begin * cpu.imageSize, end * cpu.imageSize);
  const found: Agreement[] = [];
  for (const batch of BATCHES) {
    let [labelsDiffer, ofAllowed, largest, spent, cpuSpent] = [0, 0, 0, 0, 0];
    // The first batch of a size chooses kernels and allocates memory, so it is answered once before time counts.
    await other.predictBatch(part(0, Math.min(batch, count)));
    for (let begin = 0; begin < count; begin += batch) {
      const end = Math.min(count, begin + batch);
      const started = performance.now();
      const theirs = await other.predictBatch(part(begin, end));
      const between = performance.now();
      const ours = await cpu.predictBatch(part(begin, end));
      spent += between - started;
      cpuSpent += performance.now() - between;
      for (const [i, own] of ours.entries()) {
        const its = theirs[i]!;
        const { l2, l1 } = imageNorms(part(begin + i, begin + i + 1));
        const deviation = Math.max(...own.logits.map((logit, k) => Math.abs(logit - its.logits[k]!)));
        ofAllowed = Math.max(ofAllowed, deviation / allowedDeviation(l2, l1, terms, head));
        largest = Math.max(largest, Math.abs(own.radius - its.radius));
        if (own.label !== its.label && (own.radius > 0 || its.radius > 0)) labelsDiffer++;
      }
    }
    const [rate, cpuRate] = [(1000 * count) / spent, (1000 * count) / cpuSpent];
    found.push({ batch, images: count, labelsDiffer, ofAllowed, largestRadiusDifference: largest, rate, cpuRate });
  }
  await Promise.all([cpu.dispose(), other.dispose()]);
  return found;
}

async function main([provider, ...rest]: readonly string[]): Promise<void> {
  if (provider === undefined) throw new Error('expected the name of a provider, and pairs of MODEL IMAGES');
  const flags = new Set(rest.filter((word) => word.startsWith('--')));
  const pairs = rest.filter((word) => !word.startsWith('--'));
  const answer: Record<string, unknown> = {};
  if (flags.has('--started')) answer['before'] = await products(provider);
  try {
    for (let i = 0; i < pairs.length; i += 2) {
      answer[pairs[i]!] = await agreement(provider, pairs[i]!, pairs[i + 1]!);
    }
  } catch (error) {
    answer['refused'] = error instanceof Error ? error.message : String(error);
  }
  answer['products'] = await products(provider);
  console.log(JSON.stringify(answer));
}

const words = process.argv.slice(2);
if (isMainThread && words.includes('--thread')) {
  new Worker(new URL(import.meta.url), {
    argv: words.filter((word) => word !== '--thread'),
    env: words.includes('--share') ? SHARE_ENV : process.env,
  });
} else {
  await main(words);
}
