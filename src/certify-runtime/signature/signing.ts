/** Makes keys and signatures: the author's side, which no page loads. signature.ts checks signatures. */

import { fromBase64 } from '../trusted/file/text.ts';
import { ALGORITHM, fromPem, type PublicKey, publicKey, type Signature } from './signature.ts';

export interface PrivateKey extends PublicKey {
  /** The public key of the pair. */
  readonly public: PublicKey;
}

/** The DER of every Ed25519 private key, except its 32 bytes: PrivateKeyInfo without attributes (RFC 8410). */
const PKCS8_PREFIX = '302e020100300506032b657004220420';

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

function toPem(label: string, der: Uint8Array): string {
  return `-----BEGIN ${label}-----\n${toBase64(der)}\n-----END ${label}-----\n`;
}

/**
 * The private key in a PEM text (PKCS #8, not encrypted).
 *
 * @throws InputError if it is anything else
 */
export async function readPrivateKey(pem: string): Promise<PrivateKey> {
  const der = fromPem(pem, 'PRIVATE KEY', PKCS8_PREFIX);
  const key = await crypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']);
  const { x = '' } = await crypto.subtle.exportKey('jwk', key);
  const base64 = `${x.replaceAll('-', '+').replaceAll('_', '/')}=`;
  const own = await publicKey(fromBase64(base64)!);
  return { id: own.id, key, public: own };
}

/** A new pair, as PEM. */
export async function generateKeys(): Promise<{ readonly privatePem: string; readonly publicPem: string }> {
  const pair = (await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as CryptoKeyPair;
  const [pkcs8, spki] = await Promise.all([
    crypto.subtle.exportKey('pkcs8', pair.privateKey),
    crypto.subtle.exportKey('spki', pair.publicKey),
  ]);
  return {
    privatePem: toPem('PRIVATE KEY', new Uint8Array(pkcs8)),
    publicPem: toPem('PUBLIC KEY', new Uint8Array(spki)),
  };
}

/** The text of a `.sig` file for these bytes. */
export async function sign(bytes: Uint8Array, { id, key }: PrivateKey): Promise<string> {
  const signature = await crypto.subtle.sign(ALGORITHM, key, new Uint8Array(bytes));
  const content: Signature = {
    format: 1,
    algorithm: ALGORITHM,
    keyId: id,
    signature: toBase64(new Uint8Array(signature)),
  };
  return `${JSON.stringify(content)}\n`;
}
