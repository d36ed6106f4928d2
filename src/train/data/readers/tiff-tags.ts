/** Single tags of a TIFF's first directory, for what libvips does not report (TIFF 6.0; BigTIFF has wider fields). */

/** Bytes of a value by its type: SHORT, LONG and BigTIFF's LONG8; other types are not read. */
const WIDTHS: Readonly<Record<number, 2 | 4 | 8>> = { 3: 2, 4: 4, 16: 8 };
/** More values than any tag that is read here has. */
const MAX_VALUES = 64;

/** The numbers of a tag; undefined if the file is not a TIFF, lacks the tag, or is cut off before its values. */
export function tiffTag(bytes: Uint8Array, tag: number): readonly number[] | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, 4));
  const little = start.startsWith('II');
  const big = start === 'II+\0' || start === 'MM\0+';
  if (!big && start !== 'II*\0' && start !== 'MM\0*') return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = (at: number, width: 2 | 4 | 8): number => {
    if (width === 2) return view.getUint16(at, little);
    return width === 4 ? view.getUint32(at, little) : Number(view.getBigUint64(at, little));
  };
  // Sizes of an offset, of the number of entries, and of an entry.
  const [wide, counter, entry] = big ? ([8, 8, 20] as const) : ([4, 2, 12] as const);
  try {
    const directory = read(big ? 8 : 4, wide);
    const entries = Math.min(read(directory, counter), 0xffff);
    for (let i = 0; i < entries; i++) {
      const at = directory + counter + i * entry;
      if (view.getUint16(at, little) !== tag) continue;
      const width = WIDTHS[view.getUint16(at + 2, little)];
      const count = read(at + 4, wide);
      if (width === undefined || count > MAX_VALUES) return undefined;
      const field = at + 4 + wide;
      const first = count * width <= wide ? field : read(field, wide);
      return Array.from({ length: count }, (_, n) => read(first + n * width, width));
    }
  } catch (error) {
    // The file is cut off.
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}
