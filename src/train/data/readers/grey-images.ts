/** Labelled grey images as they come from a source, before a task is made from them. */
import { createHash } from 'node:crypto';

/** Grey images of equal size, each with a label 0–9. */
export interface GreyImages {
  readonly height: number;
  readonly width: number;
  /** How many images are left after exact duplicates were dropped. */
  readonly size: number;
  /** size·height·width bytes. */
  readonly pixels: Uint8Array;
  /** 0–9, one per image. */
  readonly labels: Uint8Array;
  /** Index of each image in the source, which includes duplicates; strictly increasing. */
  readonly index: Uint32Array;
  /** How many images the source holds, duplicates included. */
  readonly sourceSize: number;
}

/**
 * Drops every image whose pixels equal those of an earlier one, so that no picture can land in two splits. If the
 * copies disagree on the label, the first is kept.
 */
export function withoutDuplicates(height: number, width: number, pixels: Uint8Array, labels: Uint8Array): GreyImages {
  const length = height * width;
  const seen = new Set<string>();
  const kept: number[] = [];
  for (let i = 0; i < labels.length; i++) {
    const digest = createHash('sha256')
      .update(pixels.subarray(i * length, (i + 1) * length))
      .digest('base64');
    if (seen.has(digest)) continue;
    seen.add(digest);
    kept.push(i);
  }
  const index = Uint32Array.from(kept);
  const unique = kept.length === labels.length ? { pixels, labels } : gather(length, pixels, labels, index);
  return { height, width, size: index.length, ...unique, index, sourceSize: labels.length };
}

function gather(length: number, pixels: Uint8Array, labels: Uint8Array, index: Uint32Array) {
  const kept = new Uint8Array(index.length * length);
  index.forEach((from, to) => {
    kept.set(pixels.subarray(from * length, (from + 1) * length), to * length);
  });
  return { pixels: kept, labels: Uint8Array.from(index, (from) => labels[from]!) };
}
