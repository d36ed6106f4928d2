/** `glean sign MODEL --key PRIVATE`: a detached Ed25519 signature of a sealed model's bytes. */
import { readFile } from 'node:fs/promises';
import type { CommandModule } from 'yargs';
import { InputError } from '../certify-runtime/core/errors.ts';
import { verifySignature } from '../certify-runtime/core/signature.ts';
import { readPrivateKey, sign } from '../certify-runtime/core/signing.ts';
import { verifyModel } from '../certify-runtime/core/verify.ts';
import { readModelFile } from '../certify-runtime/node.ts';
import { writeFileAtomic } from '../export/atomic-file.ts';

interface SignArguments {
  model: string;
  key: string;
  out: string | undefined;
  json: boolean;
}

/** What `read` makes of a key file; its errors name the file. */
export async function readKeyFile<T>(path: string, read: (pem: string) => Promise<T>): Promise<T> {
  let pem: string;
  try {
    pem = await readFile(path, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw new InputError(`${path}: cannot be read (${code}); expected a key in PEM`, { path, code });
  }
  try {
    return await read(pem);
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${path}: ${error.message}`, { ...error.details, path });
    throw error;
  }
}

export const signCommand: CommandModule<object, SignArguments> = {
  command: 'sign <model>',
  describe: 'vouch for a sealed model: an Ed25519 signature of its bytes, in a file beside it',
  builder: (y) =>
    y
      .positional('model', { type: 'string', demandOption: true, describe: 'sealed ONNX file' })
      .option('key', { type: 'string', demandOption: true, describe: "private key, as 'glean keygen' writes it" })
      .option('out', { type: 'string', describe: 'signature file [default: MODEL.sig]' })
      .option('json', { type: 'boolean', default: false, describe: 'print the answer as JSON' }),
  handler: async ({ model, key: keyPath, out = `${model}.sig`, json }) => {
    const key = await readKeyFile(keyPath, readPrivateKey);
    const bytes = await readModelFile(model);
    // Nobody is helped by a signature of a file that is refused wherever it is loaded.
    await verifyModel(bytes);
    const signature = await sign(bytes, key);
    await verifySignature(bytes, signature, key.public);
    await writeFileAtomic(out, signature);
    console.log(
      json ? JSON.stringify({ model, signature: out, keyId: key.id }) : `signed: ${model} by key ${key.id}: ${out}`,
    );
  },
};
