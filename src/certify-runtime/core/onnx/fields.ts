/**
 * The fields of a protobuf message, without a schema or a check: for bytes that the strict reader has accepted, or that a
 * signature vouches for. A file that is to be proven is read by read.ts.
 */

export interface Field {
  readonly number: number;
  /** Of a varint, its value; else 0. */
  readonly value: number;
  /** Where the content lies: from `start` to before `end`. */
  readonly start: number;
  readonly end: number;
}

/** @throws RangeError where the bytes end within a field or a field is of an unknown form */
export function fieldsOf(bytes: Uint8Array, begin = 0, end = bytes.length): Field[] {
  const fields: Field[] = [];
  let at = begin;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      if (at >= end) throw new RangeError('a message ends within a field');
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < end) {
    const tag = varint();
    const wire = tag % 8;
    const value = wire === 0 ? varint() : 0;
    const size = wire === 2 ? varint() : ([0, 8, 0, 0, 0, 4] as const)[wire]!;
    if (![0, 1, 2, 5].includes(wire) || at + size > end) throw new RangeError('a message ends within a field');
    fields.push({ number: Math.floor(tag / 8), value, start: at, end: at + size });
    at += size;
  }
  return fields;
}

/** The bytes of the last field with this number; empty where there is none. */
export function contentOf(bytes: Uint8Array, fields: readonly Field[], number: number): Uint8Array {
  const field = fields.findLast((other) => other.number === number);
  return field === undefined ? bytes.subarray(0, 0) : bytes.subarray(field.start, field.end);
}

/** A message within a message, from its field. */
export function partOf(bytes: Uint8Array, { start, end }: Field): readonly Field[] {
  return fieldsOf(bytes, start, end);
}

const utf8 = new TextDecoder();

/** The text of the last field with this number; empty where there is none. */
export function textOf(bytes: Uint8Array, fields: readonly Field[], number: number): string {
  return utf8.decode(contentOf(bytes, fields, number));
}

/** The texts of all fields with this number. */
export function textsOf(bytes: Uint8Array, fields: readonly Field[], number: number): string[] {
  return fields
    .filter((field) => field.number === number)
    .map(({ start, end }) => utf8.decode(bytes.subarray(start, end)));
}
