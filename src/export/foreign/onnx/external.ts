/**
 * Weights that are stored in other files beside the model. Which file, and which part of it, is said in text by the
 * model, so nothing of it is believed: a path leads nowhere but into the model's folder, and a part lies in its file.
 */
import { quote } from '../../../certify-runtime/trusted/onnx/wire.ts';
import { readMap } from './raw.ts';
import * as schema from './schema.ts';
import { externalShape, keptTensor, type StoredTensor } from './tensor.ts';
import { decode, refuse, type Span } from './wire.ts';

/** What a model may hold in all; a file that is sealed has at most this size. */
const MAX_TOTAL = 2 ** 31 - 1;

/**
 * Gives `length` bytes from `offset` of the file with this path, which is relative to the model and stays in its
 * folder; null if there is no such file.
 */
export type ReadExternal = (path: string, offset: number, length: number) => Promise<Uint8Array | null>;

const REMEDY = 'put it there, or export the model with external_data=False';

interface Part {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

/** Where a tensor of `size` bytes lies. */
function partOf(at: Span, entries: readonly Span[], size: number): Part {
  const keys = readMap(entries, (span) => {
    const { key, value } = decode(span, schema.ENTRY);
    return [key, value];
  });
  const location = keys.get('location') ?? refuse(at, 'external_data has no location');
  const segments = location.split('/');
  const inside = segments.every((name) => name !== '' && name !== '.' && name !== '..') && !/[\\:]/.test(location);
  if (!inside) {
    refuse(at, `external_data names ${quote(location)}, which is not a path within the model's folder; ${REMEDY}`);
  }
  const number = (key: string, otherwise: number): number => {
    const text = keys.get(key) ?? `${otherwise}`;
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
    refuse(at, `external_data has ${key} ${quote(text)}, which is no size`);
  };
  const [offset, length] = [number('offset', 0), number('length', size)];
  if (length !== size) refuse(at, `external_data has length ${length}, its dims say ${size} bytes`);
  return { path: location, offset, length };
}

/**
 * The tensor with its values, read from where the model says.
 *
 * @throws OnnxFormatError naming the file that is looked for, if it is not there or too short
 */
async function load(stored: StoredTensor, entries: readonly Span[], read: ReadExternal | null): Promise<StoredTensor> {
  const at = stored.at as Span;
  const { type, dims, size } = externalShape(at);
  const { path, offset, length } = partOf(at, entries, size);
  const bytes = read === null ? null : await read(path, offset, length);
  if (bytes === null)
    refuse(at, `its values are in the file ${quote(path)} beside the model, which is missing; ${REMEDY}`);
  if (bytes.length !== length) {
    refuse(at, `its values are bytes ${offset} to ${offset + length} of ${quote(path)}, which is too short; ${REMEDY}`);
  }
  return keptTensor(stored.name, { type, dims, bytes }, at);
}

/** The initializers, each with its values at hand. */
export async function loadExternal(
  initializers: ReadonlyMap<string, StoredTensor>,
  read: ReadExternal | null,
): Promise<ReadonlyMap<string, StoredTensor>> {
  const loaded = new Map(initializers);
  let total = 0;
  for (const [name, stored] of initializers) {
    if (stored.external === null) continue;
    total += externalShape(stored.at as Span).size;
    if (total > MAX_TOTAL) refuse(stored.at, `external_data holds more than ${MAX_TOTAL} bytes`);
    loaded.set(name, await load(stored, stored.external, read));
  }
  return loaded;
}
