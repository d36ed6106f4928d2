/** The training images of all domains under one numbering, and batches of them as the network takes them. */
import type { Random } from '../certify-runtime/smoothing/random.ts';
import { augment, type Motion } from './augmentation/shift-and-flip.ts';
import { checkIndex, type ImageSet, type Labels } from './data/dataset.ts';

export interface Pool {
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly size: number;
  readonly labels: Labels;
  /** The images of each given domain, as indices into the pool. */
  readonly domains: readonly { readonly name: string; readonly indices: Uint32Array }[];
  /** The images at these indices, in their order: indices.length·H·W·C bytes. */
  read(indices: ArrayLike<number>): Uint8Array;
}

export function createPool(sets: readonly ImageSet[]): Pool {
  const first = sets[0];
  if (first === undefined) throw new Error('a pool needs at least one set of images');
  const size = sets.reduce((sum, set) => sum + set.size, 0);
  const stride = first.shape[0] * first.shape[1] * first.shape[2];
  const labels = sets.some((set) => set.labels instanceof Uint16Array) ? new Uint16Array(size) : new Uint8Array(size);
  const setOf = new Uint8Array(size);
  const offsets: number[] = [];
  let offset = 0;
  const domains = sets.map((set, s) => {
    labels.set(set.labels, offset);
    setOf.fill(s, offset, offset + set.size);
    const indices = Uint32Array.from({ length: set.size }, (_, i) => offset + i);
    offsets.push(offset);
    offset += set.size;
    return { name: set.name, indices };
  });
  const read = (indices: ArrayLike<number>): Uint8Array => {
    const bytes = new Uint8Array(indices.length * stride);
    const places = sets.map((): number[] => []);
    for (let n = 0; n < indices.length; n++) places[setOf[checkIndex(indices[n]!, size)]!]!.push(n);
    for (const [s, set] of sets.entries()) {
      const images = set.read(places[s]!.map((n) => indices[n]! - offsets[s]!));
      places[s]!.forEach((n, i) => {
        bytes.set(images.subarray(i * stride, (i + 1) * stride), n * stride);
      });
    }
    return bytes;
  };
  return { shape: first.shape, size, labels, domains, read };
}

/** The images at `indices` as bytes, [n, H·W·C], moved and mirrored as the augmentation says. */
export function imageBytes(pool: Pool, indices: ArrayLike<number>, augmentation: Motion, random: Random): Uint8Array {
  return augment(pool.read(indices), pool.shape, augmentation, random);
}
