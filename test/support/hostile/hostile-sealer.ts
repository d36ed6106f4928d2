/** `glean seal` of any checkout, in this process: of this one, or of one before the cures. */
import { pathToFileURL } from 'node:url';
import type { HostileEntry, Sealed } from './hostile.ts';

type Seal = typeof import('../networks/brought.ts').sealBytes;
type Run = typeof import('../../../src/certify-runtime/node.ts').runUnverified;

/** `onRun` is told of every sealed file that is run, also of one that is refused later. */
type Sealer = (bytes: Uint8Array, entry: HostileEntry, onRun?: (sealed: Uint8Array) => void) => Promise<Sealed>;

/** Seals as the command does, its known vectors run one by one; but nothing is measured, so that the proof stands alone. */
export async function sealerOf(root: string): Promise<Sealer> {
  const base = pathToFileURL(`${root}/`);
  const { sealBytes } = (await import(new URL('test/support/networks/brought.ts', base).href)) as { sealBytes: Seal };
  const node = (await import(new URL('src/certify-runtime/node.ts', base).href)) as { runUnverified: Run };
  return async (bytes, entry, onRun) => {
    const run: Run = (own, ...more) => {
      onRun?.(own);
      return node.runUnverified(own, ...more);
    };
    const sealed = await sealBytes(bytes, { ...entry.seal, run, secondOpinion: false });
    const { proven, certificate } = sealed.verified;
    return { bytes: sealed.bytes, shape: certificate.input.shape, proven };
  };
}
