/** ONNX Runtime's WASM in a worker, from the file that the build added to the page. */
import glueUrl from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import { env, InferenceSession } from 'onnxruntime-web/wasm';
import { probeModel } from '../../certify-runtime/run/probe.ts';
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

/** Makes a session and frees it: the first one compiles the WASM. */
async function compile(): Promise<void> {
  const session = await InferenceSession.create(probeModel(), { executionProviders: ['wasm'], logSeverityLevel: 3 });
  await session.release();
}

/**
 * Gets the WASM, and has it compiled, which goes on in other threads of the browser after this has returned.
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
  // If it fails, the first session that is needed fails with the same reason.
  compile().catch(() => {});
  return { version: env.versions.web ?? env.versions.common, origin };
}
