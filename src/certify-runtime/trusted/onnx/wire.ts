/**
 * Protobuf's wire format, both ways: it cuts a message into fields, and joins them again. It knows nothing about ONNX.
 *
 * Cutting is lax. read.ts writes the message again, and so finds whether two readers could take it differently.
 */

import { OnnxFormatError } from '../errors.ts';

/** A file may not have more fields than this, in all messages together: a hostile one would make us keep too much. */
const MAX_FIELDS = 1_000_000;

/** @throws OnnxFormatError always */
export function refuse(problem: string, details: Record<string, unknown> = {}): never {
  throw new OnnxFormatError(`ONNX file: ${problem}`, { problem, ...details });
}

/** Text from a file for an error message: short, with control characters escaped. */
export function quote(text: string): string {
  return `'${JSON.stringify(text.slice(0, 60)).slice(1, -1)}'`;
}

// A byte order mark is a character like any other here.
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

interface Field {
  readonly number: number;
  /** The value of a varint as an unsigned 64-bit integer; 0 for any other field. */
  readonly value: bigint;
  /** The content lies from `start` to before `end`. */
  readonly start: number;
  readonly end: number;
}

/** A message's fields. They are asked for by number and kind, and an absent one gives an empty list. */
export class Message {
  readonly #bytes: Uint8Array;
  readonly #fields: Field[] = [];
  /** How many fields the file may still have; its messages share it. */
  readonly #left: { fields: number };

  /** @throws OnnxFormatError if the bytes end within a field, or a field is of a form that ONNX has no use for */
  constructor(bytes: Uint8Array, begin = 0, end = bytes.length, left = { fields: MAX_FIELDS }) {
    this.#bytes = bytes;
    this.#left = left;
    let at = begin;
    const varint = (): bigint => {
      let value = 0n;
      for (let shift = 0n; ; shift += 7n) {
        if (at >= end || shift > 63n)
          refuse(`a number is cut off or longer than 64 bits (at byte ${at})`, { offset: at });
        const byte = bytes[at++]!;
        value |= BigInt(byte & 127) << shift;
        if (byte < 128) return value;
      }
    };
    while (at < end) {
      const offset = at;
      const tag = Number(varint());
      const wire = tag % 8;
      const value = wire === 0 ? varint() : 0n;
      const size = wire === 2 ? Number(varint()) : wire === 5 ? 4 : 0;
      const start = at;
      at += size;
      if (![0, 2, 5].includes(wire) || at > end || left.fields-- === 0) {
        refuse(`a field is cut off, of wire type ${wire}, or one too many (at byte ${offset})`, { offset });
      }
      this.#fields.push({ number: Math.floor(tag / 8), value, start, end: at });
    }
  }

  #all<T>(number: number, read: (field: Field) => T): T[] {
    return this.#fields.filter((field) => field.number === number).map(read);
  }

  ints(number: number): bigint[] {
    return this.#all(number, ({ value }) => BigInt.asIntN(64, value));
  }

  /** Float32 numbers, with NaN if the field is not a float32. */
  floats(number: number): number[] {
    return this.blobs(number).map((blob) =>
      blob.length === 4 ? new DataView(blob.buffer, blob.byteOffset).getFloat32(0, true) : Number.NaN,
    );
  }

  /** The bytes themselves, not a copy. */
  blobs(number: number): Uint8Array[] {
    return this.#all(number, ({ start, end }) => this.#bytes.subarray(start, end));
  }

  /** @throws OnnxFormatError if it contains a NUL: ONNX Runtime hands text out as C strings, which end there */
  texts(number: number): string[] {
    return this.blobs(number).map((blob) => {
      const text = utf8.decode(blob);
      return text.includes('\0') ? refuse(`the text ${quote(text)} holds a NUL character`) : text;
    });
  }

  parts(number: number): Message[] {
    return this.#all(number, ({ start, end }) => new Message(this.#bytes, start, end, this.#left));
  }
}

/** A bigint is written as a varint, a number as a float32, text and bytes after their length, a list as repeated. */
type Content = bigint | number | string | Uint8Array | undefined;

/** A message from its fields by number, which JavaScript keeps in ascending order; an undefined one is left out. */
export function encode(fields: Readonly<Record<number, Content | readonly Content[]>>): Uint8Array<ArrayBuffer> {
  const chunks: Uint8Array[] = [];
  for (const [number, contents] of Object.entries(fields)) {
    for (const content of [contents].flat()) {
      if (content === undefined) continue;
      const tag = 8 * Number(number);
      if (typeof content === 'bigint') {
        chunks.push(varint(tag), varint(content));
      } else if (typeof content === 'number') {
        const float = new DataView(new ArrayBuffer(4));
        float.setFloat32(0, content, true);
        chunks.push(varint(tag + 5), new Uint8Array(float.buffer));
      } else {
        const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
        chunks.push(varint(tag + 2), varint(bytes.length), bytes);
      }
    }
  }
  const message = new Uint8Array(chunks.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    message.set(chunk, at);
    at += chunk.length;
  }
  return message;
}

/** The first position at which two files differ, their end included; −1 if they are equal. */
export function firstDifference(a: Uint8Array, b: Uint8Array): number {
  const length = Math.max(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return i;
  return -1;
}

/** Writes 7 bits a byte, the least significant first, in as few bytes as possible. */
function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.of(...bytes, Number(rest));
}
