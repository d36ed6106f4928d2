/** Fills in the digest of a file that is being sealed. */
import { EMPTY_DIGEST, fileDigest, withDigest } from '../../certify-runtime/trusted/file/digest.ts';

/** Fills in the digest of the file whose certificate is `text`, with zeros as its digest. */
export async function fillFileDigest(bytes: Uint8Array, text: string): Promise<Uint8Array<ArrayBuffer>> {
  return withDigest(bytes, text, EMPTY_DIGEST, await fileDigest(bytes, text, EMPTY_DIGEST));
}
