/** SHA-256 of a sealed file and of its network's weights. */

import { CertificateError } from './errors.ts';
import { HEAD_PREFIX } from './names.ts';
import type { Graph } from './onnx/model.ts';

const ZEROS = '0'.repeat(64);

/** SHA-256 as hexadecimal digits. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function field(digits: string): Uint8Array {
  return new TextEncoder().encode(`"fileSha256":"${digits}"`);
}

function indexOf(bytes: Uint8Array, pattern: Uint8Array, from: number): number {
  const first = pattern[0]!;
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (pattern.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

/** The file with its digest field set to zeros, and where that field is. */
function blank(bytes: Uint8Array, digits: string): { readonly copy: Uint8Array<ArrayBuffer>; readonly at: number } {
  const pattern = field(digits);
  const at = indexOf(bytes, pattern, 0);
  if (at < 0 || indexOf(bytes, pattern, at + 1) >= 0) {
    throw new CertificateError('certificate: the field "fileSha256" is not found exactly once in the file');
  }
  const copy = new Uint8Array(bytes);
  copy.set(field(ZEROS), at);
  return { copy, at };
}

/** SHA-256 of the file with the digest field, which holds `digits` now, set to zeros. */
export async function fileDigest(bytes: Uint8Array, digits: string): Promise<string> {
  return sha256(blank(bytes, digits).copy);
}

/** The file, written with zeros as its digest, with the digest filled in. */
export async function fillFileDigest(bytes: Uint8Array): Promise<Uint8Array> {
  const { copy, at } = blank(bytes, ZEROS);
  copy.set(field(await sha256(copy)), at);
  return copy;
}

export { ZEROS as EMPTY_DIGEST };

/** SHA-256 of the initializers that are not the head's, in order, each as the bytes of its values. */
export async function weightsDigest(graph: Graph): Promise<string> {
  const weights = [...graph.initializers.values()].filter(({ name }) => !name.startsWith(HEAD_PREFIX));
  const bytes = new Uint8Array(weights.reduce((length, { data }) => length + data.byteLength, 0));
  let offset = 0;
  for (const { data } of weights) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return sha256(bytes);
}
