/** ONNX Runtime's WASM in a worker, from the file that the build added to the page. */
import glueUrl from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import { env } from 'onnxruntime-web/wasm';
import { type ContentFile, fetchContent, type Origin, unpack } from './content.ts';

/**
 * One thread is faster: measured, two threads take 96 µs for a picture where one takes 78 µs. So no host needs to send
 * COOP and COEP.
 */
export const THREADS = 1;

interface StartedRuntime {
  readonly version: string;
  readonly origin: Origin;
}

/**
 * Gets the WASM ready; it is compiled when the first session is made.
 *
 * @throws Error if the page was opened without https, or the host gives another file
 */
export async function startRuntime(wasm: ContentFile, base: string): Promise<StartedRuntime> {
  if (globalThis.crypto?.subtle === undefined) {
    throw new Error(
      'this page needs https or localhost: without them the browser has no SHA-256 to check the model with',
    );
  }
  env.wasm.numThreads = THREADS;
  env.wasm.wasmPaths = { mjs: new URL(glueUrl, base).href };
  const { bytes, origin } = await fetchContent(wasm, base);
  env.wasm.wasmBinary = await unpack(bytes);
  return { version: env.versions.web ?? env.versions.common, origin };
}
