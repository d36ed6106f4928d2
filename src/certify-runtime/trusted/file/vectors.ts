/** The images of known vectors, as the certificate spells them. */

import { CertificateError } from '../errors.ts';
import type { KnownVector } from './claims.ts';
import { fromBase64 } from './text.ts';

/**
 * The pixels of a known vector on [0, 1].
 *
 * @throws CertificateError if their number is not what the shape says, or if the text is not spelled as btoa spells it
 */
export function vectorPixels(vector: Pick<KnownVector, 'image'>, shape: readonly number[]): Float32Array {
  const bytes = fromBase64(vector.image);
  const size = shape.reduce((product, length) => product * length, 1);
  if (bytes?.length !== size) {
    throw new CertificateError(
      `certificate: a known vector's image is not base64 (with padding, nothing else) of ${size} bytes`,
    );
  }
  return Float32Array.from(bytes, (byte) => byte / 255);
}
