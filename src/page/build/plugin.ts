/**
 * The vite plugin that adds the page's large files to the build, gives the views what they have in common, and tells the
 * service worker what to keep.
 */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import type { Plugin } from 'vite';
import type { BuiltContent } from './content.ts';
import { withCommonParts } from './views.ts';

const WORKER_FILE = 'sw.js';
const MARK = '__GLEAN_ASSETS__';

/** `./` is the page itself, which a host serves at the folder's address. */
const PAGE = ['./', 'index.html'];

export function gleanPlugin({ files, installed }: BuiltContent): Plugin {
  return {
    name: 'glean',
    buildStart() {
      // The worker's own build does not use this plugin, so the files are emitted only once.
      for (const [fileName, source] of [...files, ...installed]) this.emitFile({ type: 'asset', fileName, source });
    },
    transformIndexHtml: {
      order: 'pre',
      handler: (html, { filename }) => withCommonParts(html, basename(filename)),
    },
    generateBundle: {
      order: 'post',
      handler(_, bundle) {
        const worker = bundle[WORKER_FILE];
        if (worker?.type !== 'chunk') this.error(`the build has no chunk ${WORKER_FILE}`);
        const small = Object.values(bundle).filter(({ fileName }) => fileName !== WORKER_FILE && !files.has(fileName));
        const hash = createHash('sha256');
        for (const output of small.toSorted((a, b) => (a.fileName < b.fileName ? -1 : 1))) {
          hash.update(output.fileName).update(output.type === 'chunk' ? output.code : output.source);
        }
        const names = small
          .map(({ fileName }) => fileName)
          .filter((name) => name !== 'index.html' && !name.endsWith('.map'));
        const assets = { version: hash.digest('hex').slice(0, 20), files: [...PAGE, ...names] };
        if (!worker.code.includes(MARK)) this.error(`${WORKER_FILE} does not read ${MARK}`);
        worker.code = worker.code.replaceAll(MARK, JSON.stringify(assets));
      },
    },
  };
}
