/** `glean seal` of any checkout, in this process: of this one, or of one before the cures. */
import { pathToFileURL } from 'node:url';
import type { HostileEntry, Sealed } from './hostile.ts';

type Seal = typeof import('../networks/brought.ts').sealBytes;
type Run = typeof import('../../../src/certify-runtime/node.ts').runUnverified;

/** Seals as the command does, its known vectors run one by one; but nothing is measured, so that the proof stands alone. */
export async function sealerOf(root: string): Promise<(bytes: Uint8Array, entry: HostileEntry) => Promise<Sealed>> {
  const base = pathToFileURL(`${root}/`);
  const { sealBytes } = (await import(new URL('test/support/networks/brought.ts', base).href)) as { sealBytes: Seal };
  const node = (await import(new URL('src/certify-runtime/node.ts', base).href)) as { runUnverified: Run };
  return async (bytes, entry) => {
    const sealed = await sealBytes(bytes, { ...entry.seal, run: node.runUnverified, secondOpinion: false });
    const { proven, certificate } = sealed.verified;
    return { bytes: sealed.bytes, shape: certificate.input.shape, proven };
  };
}
