/** The work of `glean keygen`: makes a pair of keys and writes them, but never over an existing file. */
import { stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readPublicKey } from '../../certify-runtime/signature/signature.ts';
import { generateKeys } from '../../certify-runtime/signature/signing.ts';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import type { KeygenArguments } from '../commands/keygen.ts';

/** The paths NAME.private.pem and NAME.public.pem. If `out` is a folder, NAME is `glean` in that folder. */
async function keyPaths(out: string): Promise<{ readonly privatePath: string; readonly publicPath: string }> {
  const isFolder = out.endsWith('/') || (await stat(out).catch(() => null))?.isDirectory() === true;
  const name = isFolder ? join(out, 'glean') : out;
  return { privatePath: `${name}.private.pem`, publicPath: `${name}.public.pem` };
}

/** Writes a new file. */
async function create(path: string, content: string, mode: number): Promise<void> {
  try {
    await writeFile(path, content, { flag: 'wx', mode });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const reason = code === 'EEXIST' ? 'is already there; keys are never overwritten' : `cannot be written (${code})`;
    throw new InputError(`${path}: ${reason}`, { path, code }, { cause });
  }
}

/** @throws InputError if a file of that name exists or cannot be written */
export async function runKeygen({ out, json }: KeygenArguments): Promise<void> {
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
}
