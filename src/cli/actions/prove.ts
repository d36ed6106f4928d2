/** Proves a sealed file as `glean verify` does: its claims, its signature, its known vectors, and its whole graph. */
import { Certifier, checkGraph, readModelFile, readSignatureFile } from '../../certify-runtime/node.ts';
import { readPublicKey, type SignatureOptions } from '../../certify-runtime/signature/signature.ts';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import { readKeyFile } from '../terminal/key-file.ts';

/**
 * The signature options for --key and --signature. A missing signature file is refused later, in the same way as a
 * wrong one.
 */
async function signatureBy(
  keyPath: string,
  signaturePath: string,
): Promise<{ readonly keyId: string; readonly options: SignatureOptions }> {
  const { id, pem } = await readKeyFile(keyPath, async (pem) => ({ id: (await readPublicKey(pem)).id, pem }));
  const signature = await readSignatureFile(signaturePath);
  const options = { publicKey: pem, requireSignature: true };
  return { keyId: id, options: signature === undefined ? options : { ...options, signature } };
}

/**
 * Proves every claim of the file at `path` anew from its bytes, runs what it stores, and compares with a second
 * opinion. With the path of a public `key`, the file must be signed by it.
 *
 * @throws GleanError if the file is refused; InputError if it, the key or the signature cannot be read
 */
export async function proveFile(path: string, key: string | undefined, signature: string | undefined) {
  const signed = key === undefined ? null : await signatureBy(key, signature ?? `${path}.sig`);
  const bytes = await readModelFile(path);
  const certifier = await Certifier.load(bytes, signed?.options);
  const { model } = certifier;
  await certifier.dispose();
  const { proven } = model;
  if (proven === null) throw new InputError(`${path}: loaded without a proof`);
  await checkGraph(bytes, { ...model, proven });
  return { bytes, model, proven, signedBy: signed?.keyId ?? null };
}
