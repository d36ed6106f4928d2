/**
 * Builds the page into dist/page: static files for any host and any folder on it, which load nothing from other hosts.
 */
import { fileURLToPath, pathToFileURL } from 'node:url';
import { defineConfig, type UserConfig } from 'vite';
import { VERSION } from '../files/version.ts';
import { buildContent } from './build/content.ts';
import { gleanPlugin } from './build/plugin.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/**
 * The page does not need isolation, as it runs on one thread; the preview sends these headers because it should
 * resemble the stricter kind of host.
 */
const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

export default defineConfig(async ({ isPreview = false }): Promise<UserConfig> => {
  const preview = { host: '127.0.0.1', headers: ISOLATION };
  const build = { outDir: here('../../dist/page'), emptyOutDir: true };
  if (isPreview) return { root: here('.'), build, preview };
  // GLEAN_PAGE_MODELS names a folder with other files under the same names, such as signed or newer ones.
  const models = process.env['GLEAN_PAGE_MODELS'];
  const content = await buildContent(models === undefined ? undefined : pathToFileURL(`${models}/`));
  return {
    root: here('.'),
    base: './',
    publicDir: false,
    define: {
      __GLEAN_CONTENT__: JSON.stringify(content.index),
      __GLEAN_SAMPLES__: JSON.stringify(content.samples),
      __GLEAN_VERSION__: JSON.stringify(VERSION),
    },
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
        input: {
          index: here('index.html'),
          faces: here('faces.html'),
          inspect: here('inspect.html'),
          sw: here('sw.ts'),
        },
        output: { entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js') },
      },
    },
  };
});
