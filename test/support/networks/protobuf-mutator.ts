/**
 * Structure-aware mutations of a protobuf file: fields are doubled, left out, moved, renumbered, cut, and their values
 * changed, at any depth, while the lengths around them stay right. It knows protobuf's wire format and nothing of ONNX.
 */

import type { Random } from '../numbers/random.ts';

interface Field {
  number: number;
  wire: number;
  /** Of wire types 0, 1 and 5: the bytes of the value. Of type 2: the content, or the fields it is made of. */
  value: Uint8Array | Field[];
}

function varint(bytes: Uint8Array, at: number): [value: number, next: number] {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) break;
    value += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) return [value, at + i + 1];
  }
  throw new RangeError('not a varint');
}

/** The fields of a message; null if the bytes are none. */
function parse(bytes: Uint8Array, depth: number): Field[] | null {
  const fields: Field[] = [];
  try {
    for (let at = 0; at < bytes.length; ) {
      const [tag, start] = varint(bytes, at);
      const [number, wire] = [Math.floor(tag / 8), tag % 8];
      let end = start;
      let content = start;
      if (wire === 0) [, end] = varint(bytes, start);
      else if (wire === 1) end = start + 8;
      else if (wire === 5) end = start + 4;
      else if (wire === 2) {
        const [length, next] = varint(bytes, start);
        [content, end] = [next, next + length];
      } else return null;
      if (end > bytes.length || number === 0 || number > 30) return null;
      const value = bytes.slice(content, end);
      // Texts and weights can look like messages; one cannot tell, and need not.
      const inner = wire === 2 && depth > 0 && value.length < 1e5 && value.length > 1 ? parse(value, depth - 1) : null;
      fields.push({ number, wire, value: inner ?? value });
      at = end;
    }
  } catch {
    return null;
  }
  return fields;
}

function encodeVarint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Uint8Array.from([...bytes, rest]);
}

function encode(fields: readonly Field[]): Uint8Array {
  return Buffer.concat(
    fields.flatMap(({ number, wire, value }) => {
      const content = value instanceof Uint8Array ? value : encode(value);
      const tag = encodeVarint(number * 8 + wire);
      return wire === 2 ? [tag, encodeVarint(content.length), content] : [tag, content];
    }),
  );
}

function copy({ number, wire, value }: Field): Field {
  return { number, wire, value: value instanceof Uint8Array ? value.slice() : value.map(copy) };
}

/** Every list of fields in the tree. */
function lists(fields: Field[]): Field[][] {
  return [fields, ...fields.flatMap(({ value }) => (value instanceof Uint8Array ? [] : lists(value)))];
}

/** Numbers at which readers err: signs, sizes, and powers of two. */
const ODD = [
  0n,
  1n,
  127n,
  128n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];

function oddVarint(random: Random): Uint8Array {
  let value = random.pick(ODD);
  const bytes: number[] = [];
  for (; value > 127n; value >>= 7n) bytes.push(Number(value & 127n) | 128);
  bytes.push(Number(value));
  // Sometimes longer than need be.
  return Uint8Array.from(random.below(4) === 0 ? [...bytes.slice(0, -1), bytes.at(-1)! | 128, 0] : bytes);
}

function change(list: Field[], random: Random, donors: readonly Field[][]): void {
  const i = random.below(list.length);
  const field = list[i];
  if (field === undefined) return;
  switch (random.below(9)) {
    case 0: // twice
      list.splice(i, 0, copy(field));
      break;
    case 1: // left out
      list.splice(i, 1);
      break;
    case 2: // moved
      list.splice(i, 1);
      list.splice(random.below(list.length + 1), 0, field);
      break;
    case 3:
      field.number = 1 + random.below(26);
      break;
    case 4: // another value
      if (field.wire === 0) field.value = oddVarint(random);
      else if (field.value instanceof Uint8Array && field.value.length > 0) {
        field.value[random.below(field.value.length)]! ^= 1 << random.below(8);
      }
      break;
    case 5: // shorter or longer
      if (field.wire === 2 && field.value instanceof Uint8Array) {
        const cut = field.value.subarray(0, random.below(field.value.length + 1));
        field.value = random.below(2) === 0 ? cut : Buffer.concat([field.value, cut]);
      }
      break;
    case 6: {
      // a field of another message
      const donor = random.pick(donors);
      if (donor.length > 0) list.splice(i, 0, copy(random.pick(donor)));
      break;
    }
    case 7: // another wire type
      if (field.wire === 0) {
        field.wire = 2;
      } else if (field.wire === 2 && field.value instanceof Uint8Array) {
        field.wire = 0;
        field.value = oddVarint(random);
      }
      break;
    default: // many
      if (!(field.value instanceof Uint8Array) || field.value.length < 200) {
        for (let n = 1 << random.below(8); n > 0; n--) list.splice(i, 0, copy(field));
      }
  }
}

/** Mutants of `bytes` with one to three changes each. */
export function* protobufMutants(bytes: Uint8Array, random: Random, count: number): Generator<Uint8Array> {
  const root = parse(bytes, 6);
  if (root === null) throw new RangeError('not a protobuf message');
  for (let n = 0; n < count; n++) {
    const mutant = root.map(copy);
    const all = lists(mutant);
    for (let k = random.below(3); k >= 0; k--) change(random.pick(all), random, all);
    yield new Uint8Array(encode(mutant));
  }
}
