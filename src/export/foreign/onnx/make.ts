/** Makes raw attributes, for nodes that a file does not hold. */
import { encode } from '../../../certify-runtime/trusted/onnx/wire.ts';
import { type RawAttribute, spanOf } from './raw.ts';
import { ATTRIBUTE_TYPES } from './schema.ts';

interface Kinds {
  readonly int: bigint;
  readonly ints: readonly bigint[];
  readonly string: string;
}

const FIELDS = { i: 3, s: 4, ints: 8 } as const;

export function makeAttribute<K extends keyof Kinds>(name: string, kind: K, value: Kinds[K]): RawAttribute {
  const [type, [, field]] = Object.entries(ATTRIBUTE_TYPES).find(([, [other]]) => other === kind)!;
  const bytes = encode({ 1: name, [FIELDS[field as keyof typeof FIELDS]]: value, 20: BigInt(type) });
  return { name, at: spanOf(bytes, `attribute ${name}`), refersTo: '', captured: [] };
}
