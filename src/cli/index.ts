/** What the package `glean` offers to programs: sealing a network of one's own, and the command itself. */
import { runUnverified } from '../certify-runtime/node.ts';
import { type SealedOriginal, type SealOriginalOptions, sealOriginal } from '../export/seal/seal-original.ts';
import { VERSION } from '../files/version.ts';

export { GleanError, InputError, UnprovableError } from '../certify-runtime/trusted/errors.ts';
export type { SealedOriginal };

export type SealNetworkOptions = Omit<SealOriginalOptions, 'run' | 'producerVersion'>;

/**
 * Seals another program's ONNX classifier, as `glean seal` does: proves its Lipschitz bound, appends head and certificate, and
 * compares the result with the original in ONNX Runtime.
 *
 * @param bytes of the ONNX file
 * @throws InputError if the options do not fit the file, UnprovableError if no bound is known
 */
export function sealNetwork(bytes: Uint8Array, options: SealNetworkOptions): Promise<SealedOriginal> {
  return sealOriginal(bytes, { ...options, producerVersion: VERSION, run: runUnverified });
}

/**
 * Runs the command `glean` with these arguments; it prints to this process's output.
 *
 * @returns its exit code: 0 done, 1 the answer is no, 2 wrong use
 */
export async function glean(args: readonly string[]): Promise<number> {
  return (await import('./main.ts')).main(args);
}
