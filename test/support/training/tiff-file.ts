/** TIFF files made by hand, of kinds that no library here writes: floats, signed integers, samples without a meaning. */

const BYTES = { short: 2, long: 4 } as const;
const CODES = { short: 3, long: 4 } as const;

export interface TiffFields {
  readonly width: number;
  readonly height: number;
  /** Of one sample. */
  readonly bits: number;
  /** SampleFormat: 1 unsigned, 2 signed, 3 float, 6 complex. */
  readonly format?: number;
  /** PhotometricInterpretation: 0 grey, 0 is white, 1 grey, 2 RGB, 3 palette, 5 CMYK, 8 CIELAB. */
  readonly photometric: number;
  /** Samples of a pixel. */
  readonly samples?: number;
  /** ExtraSamples: 0 of no stated meaning, 1 alpha multiplied in, 2 alpha. */
  readonly extra?: readonly number[];
  readonly palette?: readonly number[];
  readonly orientation?: number;
  readonly profile?: Uint8Array;
  /** The samples in their order, as the array type of their kind. */
  readonly data: ArrayBufferView;
}

/** Little-endian, without compression, in one strip. */
export function tiffFile(fields: TiffFields): Buffer {
  const {
    width,
    height,
    bits,
    format = 1,
    photometric,
    samples = 1,
    extra,
    palette,
    orientation = 1,
    profile,
    data,
  } = fields;
  const pixels = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const numbers = (id: number, type: keyof typeof BYTES, values: readonly number[]) => {
    const body = Buffer.alloc(values.length * BYTES[type]);
    for (const [i, value] of values.entries()) body.writeUIntLE(value, i * BYTES[type], BYTES[type]);
    return { id, type: CODES[type] as number, count: values.length, body };
  };
  const STRIP_OFFSET = 273;
  const entries = [
    numbers(256, 'short', [width]),
    numbers(257, 'short', [height]),
    numbers(258, 'short', Array(samples).fill(bits)),
    numbers(259, 'short', [1]),
    numbers(262, 'short', [photometric]),
    numbers(STRIP_OFFSET, 'long', [0]),
    numbers(274, 'short', [orientation]),
    numbers(277, 'short', [samples]),
    numbers(278, 'short', [height]),
    numbers(279, 'long', [pixels.length]),
    numbers(284, 'short', [1]),
    ...(palette === undefined ? [] : [numbers(320, 'short', palette)]),
    ...(extra === undefined ? [] : [numbers(338, 'short', extra)]),
    numbers(339, 'short', Array(samples).fill(format)),
    ...(profile === undefined ? [] : [{ id: 34675, type: 7, count: profile.length, body: Buffer.from(profile) }]),
  ];
  const head = Buffer.alloc(8 + 2 + 12 * entries.length + 4);
  head.write('II*\0\x08\0\0\0', 'latin1');
  head.writeUInt16LE(entries.length, 8);
  const after: Buffer[] = [];
  let end = head.length;
  for (const [i, { id, type, count, body }] of entries.entries()) {
    const at = 10 + 12 * i;
    head.writeUInt16LE(id, at);
    head.writeUInt16LE(type, at + 2);
    head.writeUInt32LE(count, at + 4);
    if (body.length <= 4) {
      body.copy(head, at + 8);
      continue;
    }
    head.writeUInt32LE(end, at + 8);
    after.push(body);
    end += body.length;
  }
  head.writeUInt32LE(end, 10 + 12 * entries.findIndex(({ id }) => id === STRIP_OFFSET) + 8);
  return Buffer.concat([head, ...after, pixels]);
}
