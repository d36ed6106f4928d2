/**
 * Detached Ed25519 signatures (RFC 8032) over a file's bytes with WebCrypto, in Node and in the browser.
 *
 * Verification proves what a file claims about its own network. It cannot know whose network it is, nor that its
 * classes, sigma and training are true: a signature says that the holder of a key vouches for these bytes. signing.ts
 * makes signatures.
 */

import { InputError, SignatureError } from '../trusted/errors.ts';
import { sha256 } from '../trusted/file/digest.ts';
import { fromBase64, toHex } from '../trusted/file/text.ts';

/** What a `.sig` file holds, as JSON. */
export interface Signature {
  readonly format: 1;
  readonly algorithm: 'Ed25519';
  /** SHA-256 of the raw public key, hexadecimal. It tells which key to fetch; it proves nothing. */
  readonly keyId: string;
  /** 64 bytes, base64. */
  readonly signature: string;
}

export interface PublicKey {
  readonly id: string;
  /** A CryptoKey, by where it comes from: without the browser's types, Node's have no global of that name. */
  readonly key: Awaited<ReturnType<typeof crypto.subtle.importKey>>;
}

export const ALGORITHM = 'Ed25519';
const SIGNATURE_BYTES = 64;
/** The DER of every Ed25519 public key, except its 32 bytes: SubjectPublicKeyInfo (RFC 8410). */
const SPKI_PREFIX = '302a300506032b6570032100';

/** The DER in a PEM text, if it is an Ed25519 key of this kind. */
export function fromPem(text: string, label: string, prefix: string): Uint8Array<ArrayBuffer> {
  const match = new RegExp(`^\\s*-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]*)-----END ${label}-----\\s*$`).exec(text);
  const der = match === null ? null : fromBase64(match[1]!.replaceAll(/\s/g, ''));
  if (der === null || der.length !== prefix.length / 2 + 32 || !toHex(der).startsWith(prefix)) {
    throw new InputError(`expected an Ed25519 key in PEM, '-----BEGIN ${label}-----'; 'glean keygen' writes one`, {
      expected: label,
    });
  }
  return der;
}

export async function publicKey(raw: Uint8Array<ArrayBuffer>): Promise<PublicKey> {
  const key = await crypto.subtle.importKey('raw', raw, ALGORITHM, true, ['verify']);
  return { id: await sha256(raw), key };
}

/**
 * The public key in a PEM text (SPKI).
 *
 * @throws InputError if it is anything else
 */
export async function readPublicKey(pem: string): Promise<PublicKey> {
  return publicKey(fromPem(pem, 'PUBLIC KEY', SPKI_PREFIX).slice(SPKI_PREFIX.length / 2));
}

function parseSignature(text: string): { readonly keyId: string; readonly bytes: Uint8Array<ArrayBuffer> } {
  const fail = (expected: string, options?: ErrorOptions): never => {
    throw new SignatureError(`signature: expected ${expected}`, { expected }, options);
  };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    fail("JSON as 'glean sign' writes it", { cause });
  }
  const { format, algorithm, keyId, signature, ...rest } = Object(json) as Record<string, unknown>;
  if (format !== 1 || Object.keys(rest).length > 0) fail('{"format":1,"algorithm","keyId","signature"}');
  if (algorithm !== ALGORITHM) fail(`algorithm "${ALGORITHM}"`);
  if (typeof keyId !== 'string' || !/^[0-9a-f]{64}$/.test(keyId)) return fail('keyId of 64 hexadecimal digits');
  const bytes = typeof signature === 'string' ? fromBase64(signature) : null;
  if (bytes?.length !== SIGNATURE_BYTES) return fail(`a signature of ${SIGNATURE_BYTES} bytes in base64`);
  return { keyId, bytes };
}

/**
 * Checks that the text of a `.sig` file is a signature of these bytes by this key.
 *
 * @throws SignatureError if it is not
 */
export async function verifySignature(bytes: Uint8Array, text: string, { id, key }: PublicKey): Promise<void> {
  const signature = parseSignature(text);
  if (signature.keyId !== id) {
    throw new SignatureError(`signature: by key ${signature.keyId}, expected key ${id}`, {
      found: signature.keyId,
      expected: id,
    });
  }
  if (!(await crypto.subtle.verify(ALGORITHM, key, signature.bytes, new Uint8Array(bytes)))) {
    throw new SignatureError(`signature: not of these bytes by key ${id}`, { expected: id });
  }
}

/** What a loader demands of a file's signature. */
export interface SignatureOptions {
  /** The text of the `.sig` file. */
  readonly signature?: string;
  /** PEM of the key that must have signed. */
  readonly publicKey?: string;
  /** Whether to refuse a file without a signature; true by default if a key is given. */
  readonly requireSignature?: boolean;
}

/**
 * Checks a file against these demands; a signature that is given must be right, whether or not one is required.
 *
 * @throws SignatureError if it is absent or wrong, InputError if there is no key to check it against
 */
export async function checkSignature(bytes: Uint8Array, options: SignatureOptions): Promise<void> {
  const { signature, publicKey: pem, requireSignature = pem !== undefined } = options;
  if (signature === undefined && !requireSignature) return;
  if (pem === undefined) {
    throw new InputError('a signature can only be checked against a public key; none is given');
  }
  const key = await readPublicKey(pem);
  if (signature === undefined) throw new SignatureError(`signature: none is given, expected one by key ${key.id}`);
  await verifySignature(bytes, signature, key);
}
