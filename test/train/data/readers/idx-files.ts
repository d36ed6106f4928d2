/** Makes IDX files for tests. */

/** Images of height×width, as many as the pixels hold. */
export function idxImages(height: number, width: number, pixels: Uint8Array): Buffer {
  return idx([pixels.length / (height * width), height, width], pixels);
}

export function idxLabels(labels: readonly number[]): Buffer {
  return idx([labels.length], Uint8Array.from(labels));
}

/** Bytes that do not repeat within the lengths tests use (a linear congruential sequence). */
export function mixedBytes(length: number, start: number): Uint8Array {
  let state = start;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

function idx(sizes: readonly number[], data: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * sizes.length);
  header.writeUInt32BE(0x0800 + sizes.length, 0);
  sizes.forEach((size, i) => {
    header.writeUInt32BE(size, 4 + 4 * i);
  });
  return Buffer.concat([header, data]);
}
