/** Imports run one way: what `make check` holds, and that it can fail. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { crowds, importsOf, problemsOf, sourcesOf, TRUSTED } from '../../pipeline/imports.ts';

/** Imports of every file, as they are but for these lines at the end of one. */
function project(changed = '', line = ''): ReturnType<typeof importsOf> {
  return ['src', 'pipeline']
    .flatMap(sourcesOf)
    .flatMap((file) => importsOf(file, readFileSync(file, 'utf8') + (file === changed ? `\n${line}\n` : '')));
}

describe('import order', () => {
  it('holds', () => {
    const imports = project();
    assert.ok(imports.length > 1000);
    assert.deepEqual(problemsOf(imports), []);
  });

  const margin = `${TRUSTED}/margin.ts`;
  for (const [what, file, line, problem] of [
    ['a trusted file that imports the runtime', margin, "import '../run/load.ts';", /margin\.ts imports .*run\/load/],
    ['its types alone', margin, "import type { LoadedModel } from '../run/loaded-model.ts';", /loaded-model/],
    ['on demand', margin, "const later = () => import('../run/load.ts');", /margin\.ts imports .*run\/load/],
    ['a trusted file that imports a package', margin, "import 'node:fs';", /margin\.ts imports node:fs/],
    ['training that imports a command', 'src/train/run.ts', "import '../cli/main.ts';", /run\.ts imports upwards/],
    ['the service that imports a bench', 'src/serve/settings.ts', "import '../../pipeline/bench/bench.ts';", /upwards/],
    [
      'a circle of types',
      `${TRUSTED}/walk/view.ts`,
      "import type { State } from './state.ts';",
      /circle: .*view\.ts.*state\.ts|circle: .*state\.ts.*view\.ts/,
    ],
  ] as const) {
    it(`refuses ${what}`, () => {
      const problems = problemsOf(project(file, line));
      assert.ok(
        problems.some((text) => problem.test(text)),
        problems.join('\n'),
      );
    });
  }

  it('refuses a crowded folder and a long file', () => {
    const many = Array.from({ length: 15 }, (_, i) => ({ path: `src/room/${i}.ts`, lines: 1 }));
    assert.match(crowds(many).join(), /^src\/room has 15 files side by side/);
    assert.deepEqual(crowds(many.slice(1)), []);
    assert.match(crowds([{ path: 'src/long.ts', lines: 301 }]).join(), /^src\/long\.ts has 301 lines/);
  });

  it('keeps the runtime free of every package but ONNX Runtime and sharp', () => {
    const packages = sourcesOf('src/certify-runtime')
      .flatMap((file) => importsOf(file, readFileSync(file, 'utf8')))
      .filter(({ to }) => !to.endsWith('.ts'));
    const allowed = ['node:fs/promises', 'node:url', 'node:worker_threads', 'onnxruntime-node', 'sharp'];
    assert.deepEqual([...new Set(packages.map(({ to }) => to))].sort(), [...allowed, 'onnxruntime-web/wasm'].sort());
  });

  it('lets only src/train import tfjs', () => {
    const importers = project().filter(({ to }) => to.startsWith('@tensorflow/'));
    assert.ok(importers.length > 0);
    for (const { from } of importers) assert.ok(from.startsWith('src/train/'), from);
  });
});
