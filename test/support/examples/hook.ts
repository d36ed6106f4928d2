/** The hook of examples/next in React's development build, whose strict mode mounts everything twice. */
import { join } from 'node:path';
import { build } from 'esbuild';

/**
 * The page keeps what the hook returned, and every certifier that it loaded, and can be told to unmount in the middle of
 * a load.
 */
const PAGE = `
import { Certifier } from 'glean-certify/web';
import { env } from 'onnxruntime-web/wasm';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm';
import { createElement, StrictMode, useEffect } from 'react';
import { createRoot } from 'react-dom/client';
import { useCertifier } from './app/use-certifier';

env.wasm.wasmPaths = { wasm: new URL(wasm, import.meta.url).href };

const hook = { states: [], mounts: 0, certifiers: [], unmountDuringLoad: false };
const load = Certifier.load;
Certifier.load = async (source) => {
  let file = source;
  if (hook.unmountDuringLoad) {
    // The file has arrived, so that unmounting no longer ends its download.
    file = new Uint8Array(await source.arrayBuffer());
    hook.unmount();
  }
  const certifier = await load.call(Certifier, file);
  hook.certifiers.push(certifier);
  return certifier;
};

function Probe({ url }) {
  const state = useCertifier(url);
  useEffect(() => { hook.mounts++; }, []);
  useEffect(() => { hook.states.push(state); }, [state]);
  return null;
}

let root;
hook.render = (url) => {
  root ??= createRoot(document.body.appendChild(document.createElement('div')));
  root.render(createElement(StrictMode, null, createElement(Probe, { url })));
};
hook.unmount = () => { root.unmount(); root = undefined; };
/** For each certifier that was loaded, whether it still answers. */
hook.answering = () =>
  Promise.all(
    hook.certifiers.map((certifier) =>
      certifier.predict(new Uint8Array(certifier.imageSize)).then(() => true, (error) => {
        if (/has been disposed of/.test(error.message)) return false;
        throw error;
      }),
    ),
  );
globalThis.hook = hook;
document.title = 'ready';
`;

/** What the page has as `hook`. */
export interface HookPage {
  readonly states: readonly { readonly status: string; readonly error?: Error }[];
  readonly mounts: number;
  readonly certifiers: readonly unknown[];
  unmountDuringLoad: boolean;
  render(url: string): void;
  unmount(): void;
  answering(): Promise<readonly boolean[]>;
}

/** Builds the page as hook.js into the folder. */
export async function buildHook(examples: string, outdir: string): Promise<void> {
  await build({
    stdin: { contents: PAGE, resolveDir: join(examples, 'next') },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    define: { 'process.env.NODE_ENV': '"development"' },
    loader: { '.wasm': 'file' },
    outfile: join(outdir, 'hook.js'),
    logLevel: 'error',
  });
}
