/**
 * Protobuf's wire format: cuts a message into the fields that its schema lists. It knows nothing about ONNX.
 *
 * Anything that two protobuf readers might read differently is refused: non-minimal varints, repeated singular fields
 * (some readers merge them, others take the last), unknown fields, groups, text that is not UTF-8.
 */
import { OnnxFormatError } from '../../../certify-runtime/trusted/errors.ts';

/** What a field holds; a final s makes it repeated. `blob` is raw bytes, `message` a part to decode in turn. */
type Kind = 'int' | 'ints' | 'float' | 'floats' | 'doubles' | 'string' | 'strings' | 'blob' | 'message' | 'messages';

/**
 * No rule: the field is required, except that an absent string is empty. `optional`: it may be absent. `ignored`: it is
 * skipped. `refused`: it is never read.
 */
type Rule = 'optional' | 'ignored' | 'refused';

/** A message's fields by number. */
export type Schema = Readonly<Record<number, readonly [name: string, kind: Kind, rule?: Rule]>>;

interface Values<M> {
  int: bigint;
  ints: bigint[];
  float: number;
  floats: number[];
  doubles: number[];
  string: string;
  strings: string[];
  blob: Uint8Array;
  message: M;
  messages: M[];
}

/** The fields of a message by name; M stands for a message inside it. */
export type Message<S extends Schema, M> = {
  [N in keyof S & number as S[N][2] extends 'ignored' | 'refused' ? never : S[N][0]]:
    | Values<M>[S[N][1]]
    | (S[N][2] extends 'optional' ? (Values<M>[S[N][1]] extends unknown[] ? never : undefined) : never);
};

/** A part of the file: bytes `start` to `end`, and the name it goes by in errors. */
export interface Span {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
  readonly path: string;
}

/** A field may not occur more often than this in a message, which bounds what a hostile file makes us keep. */
const MAX_OCCURRENCES = 100_000;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The wire type of each kind, and of its repeated form while unpacked. */
const wireType = { int: 0, double: 1, string: 2, blob: 2, message: 2, float: 5 } as const;
type Scalar = keyof typeof wireType;

/** The kind without its final s, and whether it had one. */
function scalarOf(kind: Kind): readonly [scalar: Scalar, repeated: boolean] {
  return kind.endsWith('s') ? [kind.slice(0, -1) as Scalar, true] : [kind as Scalar, false];
}

/** @throws {OnnxFormatError} always, naming the part and the byte. */
export function refuse(span: Pick<Span, 'path' | 'start'>, problem: string, offset = span.start): never {
  const path = span.path || 'model';
  throw new OnnxFormatError(`${path}: ${problem} (at byte ${offset})`, { path, problem, offset });
}

/** Reads forward through one span. */
class Cursor {
  readonly span: Span;
  at: number;

  constructor(span: Span) {
    this.span = span;
    this.at = span.start;
  }

  /** Steps over `size` bytes; returns where they start. */
  take(size: number, what: string): number {
    const left = this.span.end - this.at;
    if (size > left) refuse(this.span, `${what} takes ${size} bytes, ${left} are left`, this.at);
    this.at += size;
    return this.at - size;
  }

  /** An unsigned 64-bit integer: 7 bits per byte, least significant first, in as few bytes as possible. */
  varint(): bigint {
    const start = this.at;
    let low = 0; // bits 0 to 48, exact in a double
    let high = 0; // bits 49 to 63
    for (let i = 0; ; i++) {
      const byte = this.span.bytes[this.take(1, 'a varint')]!;
      if (i < 7) low += (byte & 0x7f) * 2 ** (7 * i);
      else high += (byte & 0x7f) * 2 ** (7 * i - 49);
      if (i === 9 && byte > 1) refuse(this.span, 'a varint is longer than 64 bits', start);
      if (byte < 0x80) {
        if (byte === 0 && i > 0) refuse(this.span, 'a varint is not in its shortest form', start);
        return high === 0 ? BigInt(low) : (BigInt(high) << 49n) | BigInt(low);
      }
    }
  }

  /** The bytes of a length-delimited field. */
  part(name: string, path: string): Span {
    const size = Number(this.varint());
    const start = this.take(size, name);
    return { ...this.span, start, end: this.at, path };
  }
}

function text({ bytes, start, end, path }: Span): string {
  let value: string;
  try {
    value = utf8.decode(bytes.subarray(start, end));
  } catch {
    refuse({ path, start }, 'text is not valid UTF-8');
  }
  // ONNX Runtime passes text on as C strings, which end at a NUL.
  if (value.includes('\0')) refuse({ path, start }, 'text holds a NUL character');
  return value;
}

function scalar(cursor: Cursor, kind: Scalar, name: string, path: string): unknown {
  const { bytes, view } = cursor.span;
  if (kind === 'int') return BigInt.asIntN(64, cursor.varint());
  if (kind === 'float') return view.getFloat32(cursor.take(4, name), true);
  if (kind === 'double') return view.getFloat64(cursor.take(8, name), true);
  const part = cursor.part(name, path);
  return kind === 'message' ? part : kind === 'string' ? text(part) : bytes.subarray(part.start, part.end);
}

/**
 * The fields of one message; a message inside it comes back as a span.
 *
 * @throws {OnnxFormatError} on any deviation from the schema, see the head of this file.
 */
export function decode<S extends Schema>(span: Span, schema: S): Message<S, Span> {
  const { path } = span;
  const message: Record<string, unknown> = {};
  const counts: Record<number, number> = {};
  for (const [name, kind] of Object.values(schema)) if (scalarOf(kind)[1]) message[name] = [];

  const cursor = new Cursor(span);
  while (cursor.at < span.end) {
    const at = cursor.at;
    const tag = Number(cursor.varint());
    const number = Math.floor(tag / 8);
    const wire = tag % 8;
    if (number === 0) refuse(span, 'field number 0', at);
    const field = schema[number];
    if (wire === 3 || wire === 4) refuse(span, `field ${number} is a group`, at);
    if (!field) refuse(span, `unknown field ${number}`, at);

    const [name, kind, rule] = field;
    if (rule === 'refused') refuse(span, `${name} is not supported`, at);

    const [base, repeated] = scalarOf(kind);
    counts[number] = (counts[number] ?? 0) + 1;
    const index = counts[number] - 1;
    if (!repeated && index > 0) refuse(span, `${name} is there twice`, at);
    if (index >= MAX_OCCURRENCES) refuse(span, `more than ${MAX_OCCURRENCES} of ${name}`, at);

    const inner = `${path && `${path}.`}${name}${repeated ? `[${index}]` : ''}`;
    const packed = repeated && wire === 2 && wireType[base] !== 2;
    if (!packed && wire !== wireType[base]) refuse(span, `${name} has wire type ${wire}, not ${wireType[base]}`, at);
    if (packed) {
      const run = new Cursor(cursor.part(name, inner));
      while (run.at < run.span.end) (message[name] as unknown[]).push(scalar(run, base, name, inner));
      continue;
    }
    const value = scalar(cursor, rule === 'ignored' && base === 'string' ? 'blob' : base, name, inner);
    if (repeated) (message[name] as unknown[]).push(value);
    else message[name] = value;
  }

  for (const [name, kind, rule] of Object.values(schema)) {
    if (rule !== undefined || name in message) continue;
    if (kind !== 'string') refuse(span, `${name} is missing`);
    message[name] = '';
  }
  return message as Message<S, Span>;
}

/** The fields of a message one by one, undecoded: `start` is where the field begins, with its number. */
export function* fieldsOf(span: Span): Generator<{ number: number; start: number; content: Span }> {
  const cursor = new Cursor(span);
  while (cursor.at < span.end) {
    const start = cursor.at;
    const tag = Number(cursor.varint());
    const wire = tag % 8;
    const begin = cursor.at;
    if (wire === 0) cursor.varint();
    else if (wire === 1) cursor.take(8, 'a double');
    else if (wire === 5) cursor.take(4, 'a float');
    else if (wire !== 2) refuse(span, `field ${Math.floor(tag / 8)} is a group`, start);
    const content = wire === 2 ? cursor.part('a field', span.path) : { ...span, start: begin, end: cursor.at };
    yield { number: Math.floor(tag / 8), start, content };
  }
}
