/** The work of `glean sign`: verifies the model, signs its bytes, and writes the signature. */

import { readModelFile } from '../../certify-runtime/node.ts';
import { verifySignature } from '../../certify-runtime/signature/signature.ts';
import { readPrivateKey, sign } from '../../certify-runtime/signature/signing.ts';
import { verifyModel } from '../../certify-runtime/trusted/verify.ts';
import { writeFileAtomic } from '../../files/atomic-file.ts';
import type { SignArguments } from '../commands/sign.ts';
import { readKeyFile } from '../terminal/key-file.ts';

/** @throws InputError if a file cannot be read, and whatever verifyModel throws if the model is not sound */
export async function runSign({ model, key: keyPath, out = `${model}.sig`, json }: SignArguments): Promise<void> {
  const key = await readKeyFile(keyPath, readPrivateKey);
  const bytes = await readModelFile(model);
  // A signature is of no use if the file is refused wherever it is loaded.
  await verifyModel(bytes);
  const signature = await sign(bytes, key);
  await verifySignature(bytes, signature, key.public);
  await writeFileAtomic(out, signature);
  console.log(
    json ? JSON.stringify({ model, signature: out, keyId: key.id }) : `signed: ${model} by key ${key.id}: ${out}`,
  );
}
