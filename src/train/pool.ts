/** The training images of all domains in one array, and batches of them as the network takes them. */
import type { Random } from '../certify-runtime/core/smoothing/random.ts';
import { uniformInt } from '../certify-runtime/core/smoothing/random.ts';
import type { ImageSet } from './data/dataset.ts';

export interface Pool {
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly size: number;
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
  /** The images of each given domain, as indices into the pool. */
  readonly domains: readonly { readonly name: string; readonly indices: Uint32Array }[];
}

export function createPool(sets: readonly ImageSet[]): Pool {
  const first = sets[0];
  if (first === undefined) throw new Error('a pool needs at least one set of images');
  const size = sets.reduce((sum, set) => sum + set.size, 0);
  const stride = first.shape[0] * first.shape[1] * first.shape[2];
  const pixels = new Uint8Array(size * stride);
  const labels = new Uint8Array(size);
  let offset = 0;
  const domains = sets.map((set) => {
    pixels.set(set.pixels, offset * stride);
    labels.set(set.labels, offset);
    const indices = Uint32Array.from({ length: set.size }, (_, i) => offset + i);
    offset += set.size;
    return { name: set.name, indices };
  });
  return { shape: first.shape, size, pixels, labels, domains };
}

/** Images `indices` as bytes, [n, H·W·C]; each moved by up to `shift` pixels each way, the uncovered rim black. */
export function imageBytes(pool: Pool, indices: ArrayLike<number>, shift: number, random: Random): Uint8Array {
  const [height, width, channels] = pool.shape;
  const stride = height * width * channels;
  const batch = new Uint8Array(indices.length * stride);
  for (let n = 0; n < indices.length; n++) {
    const source = indices[n]! * stride;
    if (shift === 0) {
      batch.set(pool.pixels.subarray(source, source + stride), n * stride);
      continue;
    }
    const dx = uniformInt(2 * shift + 1, random) - shift;
    const dy = uniformInt(2 * shift + 1, random) - shift;
    const columns = width - Math.abs(dx);
    if (columns <= 0) continue;
    for (let row = Math.max(0, -dy); row < Math.min(height, height - dy); row++) {
      const from = source + (row * width + Math.max(0, -dx)) * channels;
      const to = n * stride + ((row + dy) * width + Math.max(0, dx)) * channels;
      batch.set(pool.pixels.subarray(from, from + columns * channels), to);
    }
  }
  return batch;
}
