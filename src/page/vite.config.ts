/** Builds the page into dist/page: static files for any host and any folder of it, without a host of anyone else. */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { defineConfig, type UserConfig } from 'vite';
import { buildContent } from './build/content.ts';
import { gleanPlugin } from './build/plugin.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The page does without, on one thread; the stricter kind of host is the one to develop against. */
const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

export default defineConfig(async ({ isPreview = false }): Promise<UserConfig> => {
  const preview = { host: '127.0.0.1', headers: ISOLATION };
  const build = { outDir: here('../../dist/page'), emptyOutDir: true };
  if (isPreview) return { root: here('.'), build, preview };
  // Other files under the same names: signed ones, or newer ones.
  const models = process.env['GLEAN_PAGE_MODELS'];
  const content = await buildContent(models === undefined ? undefined : pathToFileURL(`${models}/`));
  return {
    root: here('.'),
    base: './',
    publicDir: false,
    define: { __GLEAN_CONTENT__: JSON.stringify(content.index), __GLEAN_SAMPLES__: JSON.stringify(content.samples) },
    plugins: [gleanPlugin(content)],
    worker: { format: 'es' },
    resolve: { conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'production'] },
    build: {
      ...build,
      target: 'es2022',
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      chunkSizeWarningLimit: 1000,
      rolldownOptions: {
        input: { index: here('index.html'), sw: here('sw.ts') },
        output: { entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js') },
      },
    },
  };
});
