/** SHA-256 of a sealed file and of its network's weights. */

import { CertificateError } from '../errors.ts';
import type { Graph } from '../onnx/model.ts';
import { HEAD_PREFIX } from './names.ts';
import { toHex } from './text.ts';

const DIGITS = 64;

/** SHA-256 as hexadecimal digits. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

/**
 * Replaces the file's digest. The certificate's `text`, which contains `digits` now, is the only metadata, and a file
 * in the form of encodeOnnx ends with its metadata. So the digits are as far from the end of the file as they are from
 * the end of the text.
 *
 * @throws CertificateError if the text does not contain the field exactly once
 */
export function withDigest(bytes: Uint8Array, text: string, digits: string, other: string): Uint8Array<ArrayBuffer> {
  const parts = text.split(`"fileSha256":"${digits}"`);
  if (parts.length !== 2) throw new CertificateError('certificate: the field "fileSha256" is not there exactly once');
  const utf8 = new TextEncoder();
  const written = new Uint8Array(bytes);
  written.set(utf8.encode(other), bytes.length - utf8.encode(`"${parts[1]}`).length - DIGITS);
  return written;
}

/** What the digest field holds while the digest is computed. */
export const EMPTY_DIGEST = '0'.repeat(DIGITS);

/** SHA-256 of the file with its digest field, which contains `digits` now, set to zeros. */
export async function fileDigest(bytes: Uint8Array, text: string, digits: string): Promise<string> {
  return sha256(withDigest(bytes, text, digits, EMPTY_DIGEST));
}

/** SHA-256 of the initializers that do not belong to the head, in order, each as the bytes of its values. */
export async function weightsDigest(graph: Graph): Promise<string> {
  const weights = [...graph.initializers.values()].filter(({ name }) => !name.startsWith(HEAD_PREFIX));
  return sha256(
    new Uint8Array(await new Blob(weights.map(({ data }) => data as Uint8Array<ArrayBuffer>)).arrayBuffer()),
  );
}
