/** What the package `glean` offers to programs: sealing a network of one's own, and the command itself. */
import { runUnverified } from '../certify-runtime/node.ts';
import { type SealedOriginal, type SealOriginalOptions, sealOriginal } from '../export/seal/seal-original.ts';
import { VERSION } from '../files/version.ts';

export { GleanError, InputError, UnprovableError } from '../certify-runtime/trusted/errors.ts';
export type { SealedOriginal };

export type SealNetworkOptions = Omit<SealOriginalOptions, 'run' | 'producerVersion'>;

/**
 * Seals another program's ONNX classifier, as `glean seal` does: proves its Lipschitz bound, appends a head and a
 * certificate, and compares the result with the original in ONNX Runtime.
 *
 * @param bytes the bytes of the ONNX file
 * @throws InputError if the options do not fit the file, UnprovableError if no bound is known
 */
export function sealNetwork(bytes: Uint8Array, options: SealNetworkOptions): Promise<SealedOriginal> {
  return sealOriginal(bytes, { ...options, producerVersion: VERSION, run: runUnverified });
}

/**
 * Runs the command `glean` with these arguments and prints to this process's output.
 *
 * @returns its exit code: 0 if it is done, 1 if the answer is no, 2 if it was used wrongly
 */
export async function glean(args: readonly string[]): Promise<number> {
  return (await import('./main.ts')).main(args);
}
