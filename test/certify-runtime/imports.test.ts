/** Imports run one way: the certifier's core imports nothing but itself, the runtime nothing of the toolchain. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, it } from 'node:test';

const IMPORT = /\b(?:import|export)\b[^'";]*?\bfrom\s*'([^']+)'|\bimport\s*\(?\s*'([^']+)'/g;

async function sources(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return (
    entries
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => join(entry.parentPath, entry.name))
      // Example code in comments imports what its reader has installed.
      .filter((file) => !file.includes('node_modules') && !file.includes('/dist/'))
  );
}

async function importsOf(file: string): Promise<string[]> {
  const text = (await readFile(file, 'utf8')).replaceAll(/^\s*\*.*$/gm, '');
  return [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2]!);
}

describe('import order', () => {
  it('keeps the core free of everything but itself', async () => {
    const core = resolve('src/certify-runtime/core');
    const files = await sources(core);
    assert.ok(files.length > 10);
    for (const file of files) {
      for (const specifier of await importsOf(file)) {
        assert.ok(specifier.startsWith('.'), `${relative('.', file)} imports ${specifier}`);
        const target = resolve(dirname(file), specifier);
        assert.ok(target.startsWith(`${core}/`), `${relative('.', file)} imports ${specifier}, outside the core`);
      }
    }
  });

  it('keeps the runtime free of the toolchain', async () => {
    const runtime = resolve('src/certify-runtime');
    const allowed = new Set([
      'node:fs/promises',
      'node:url',
      'node:worker_threads',
      'onnxruntime-node',
      'onnxruntime-web/wasm',
      'sharp',
    ]);
    for (const file of await sources(runtime)) {
      for (const specifier of await importsOf(file)) {
        if (!specifier.startsWith('.'))
          assert.ok(allowed.has(specifier), `${relative('.', file)} imports ${specifier}`);
        else
          assert.ok(
            resolve(dirname(file), specifier).startsWith(`${runtime}/`),
            `${relative('.', file)} imports ${specifier}`,
          );
      }
    }
  });

  it('lets only src/train import tfjs', async () => {
    const files = [...(await sources('src')), ...(await sources('pipeline'))];
    const importers: string[] = [];
    for (const file of files) {
      if ((await importsOf(file)).some((specifier) => specifier.startsWith('@tensorflow/'))) importers.push(file);
    }
    assert.ok(importers.length > 0);
    for (const file of importers) assert.ok(file.startsWith('src/train/'), file);
  });
});
