/** SHA-256 of a sealed file and of its network's weights. */

import { CertificateError } from '../errors.ts';
import { decodeOnnx, encodeOnnx } from '../onnx/codec.ts';
import type { Graph, OnnxModel } from '../onnx/model.ts';
import { CERTIFICATE_KEY } from './claims.ts';
import { HEAD_PREFIX } from './names.ts';
import { toHex } from './text.ts';

export const EMPTY_DIGEST = '0'.repeat(64);

/** SHA-256 as hexadecimal digits. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

/** The model with other digits in its certificate's field. */
function withDigest(model: OnnxModel, digits: string, other: string): OnnxModel {
  const field = (value: string) => `"fileSha256":"${value}"`;
  const parts = (model.metadata.get(CERTIFICATE_KEY) ?? '').split(field(digits));
  if (parts.length !== 2) throw new CertificateError('certificate: the field "fileSha256" is not there exactly once');
  return { ...model, metadata: new Map([...model.metadata, [CERTIFICATE_KEY, parts.join(field(other))]]) };
}

/** SHA-256 of the model's file with the digest field, which holds `digits` now, set to zeros. */
export async function fileDigest(model: OnnxModel, digits: string): Promise<string> {
  return sha256(encodeOnnx(withDigest(model, digits, EMPTY_DIGEST)));
}

/** The file, written with zeros as its digest, with the digest filled in. */
export async function fillFileDigest(bytes: Uint8Array): Promise<Uint8Array> {
  const model = decodeOnnx(bytes);
  return encodeOnnx(withDigest(model, EMPTY_DIGEST, await fileDigest(model, EMPTY_DIGEST)));
}

/** SHA-256 of the initializers that are not the head's, in order, each as the bytes of its values. */
export async function weightsDigest(graph: Graph): Promise<string> {
  const weights = [...graph.initializers.values()].filter(({ name }) => !name.startsWith(HEAD_PREFIX));
  return sha256(
    new Uint8Array(await new Blob(weights.map(({ data }) => data as Uint8Array<ArrayBuffer>)).arrayBuffer()),
  );
}
