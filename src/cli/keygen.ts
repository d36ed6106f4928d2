/** `glean keygen`: a pair of keys to sign models with. */
import { stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import { InputError } from '../certify-runtime/core/errors.ts';
import { readPublicKey } from '../certify-runtime/core/signature.ts';
import { generateKeys } from '../certify-runtime/core/signing.ts';

interface KeygenArguments {
  out: string;
  json: boolean;
}

/** NAME.private.pem and NAME.public.pem; in a folder, NAME is glean. */
async function keyPaths(out: string): Promise<{ readonly privatePath: string; readonly publicPath: string }> {
  const isFolder = out.endsWith('/') || (await stat(out).catch(() => null))?.isDirectory() === true;
  const name = isFolder ? join(out, 'glean') : out;
  return { privatePath: `${name}.private.pem`, publicPath: `${name}.public.pem` };
}

/** Writes a file that is not there yet. */
async function create(path: string, content: string, mode: number): Promise<void> {
  try {
    await writeFile(path, content, { flag: 'wx', mode });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const reason = code === 'EEXIST' ? 'is already there; keys are never overwritten' : `cannot be written (${code})`;
    throw new InputError(`${path}: ${reason}`, { path, code });
  }
}

export const keygenCommand: CommandModule<object, KeygenArguments> = {
  command: 'keygen',
  describe: 'make a pair of Ed25519 keys to sign models with',
  builder: (y) =>
    y
      .option('out', { type: 'string', default: 'glean', describe: 'folder, or NAME of NAME.{private,public}.pem' })
      .option('json', { type: 'boolean', default: false, describe: 'print the answer as JSON' }),
  handler: async ({ out, json }) => {
    const { privatePath, publicPath } = await keyPaths(out);
    const { privatePem, publicPem } = await generateKeys();
    await create(publicPath, publicPem, 0o644);
    try {
      await create(privatePath, privatePem, 0o600);
    } catch (error) {
      await unlink(publicPath);
      throw error;
    }
    const { id } = await readPublicKey(publicPem);
    if (json) {
      console.log(JSON.stringify({ keyId: id, privateKey: privatePath, publicKey: publicPath }));
      return;
    }
    console.log(`key ${id}`);
    console.log(`  private: ${privatePath} (keep it; it is not encrypted)`);
    console.log(`  public:  ${publicPath} (give it to whoever verifies)`);
  },
};
