/** The examples ask for what they use, at the versions that are locked, and docs/bundlers.md names the same versions. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { importsOf } from '../../pipeline/imports.ts';
import { EXAMPLES, exampleNames } from '../support/examples/install.ts';

interface Manifest {
  readonly version: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly version: string; readonly resolved?: string; readonly integrity?: string }>
  >;
}

const read = <T>(...path: readonly string[]): T => JSON.parse(readFileSync(join(...path), 'utf8')) as T;

const names = await exampleNames();
const manifests = new Map(names.map((name) => [name, read<Manifest>(EXAMPLES, name, 'package.json')]));
const asked = ({ dependencies, devDependencies }: Manifest) => ({ ...dependencies, ...devDependencies });
const { packages } = read<Lock>(EXAMPLES, 'package-lock.json');
const page = readFileSync('docs/bundlers.md', 'utf8');

/** Programs whose packages have another name, one for each processor. */
const PROGRAMS: Readonly<Record<string, string>> = {
  bun: '@oven/bun-linux-x64',
  deno: '@deno/linux-x64-glibc',
  node: 'node-22-x64',
};

/** The name of the package that an import is of. */
const packageOf = (specifier: string): string => /^(@[^/]+\/)?[^/]+/.exec(specifier)![0];

describe('versions of the examples', () => {
  it('are exact, the same in every example, and those that are locked', () => {
    const ours = asked(read<Manifest>('package.json'));
    const runtime = read<Manifest>('src/certify-runtime/package.json');
    for (const [example, manifest] of manifests) {
      for (const [name, version] of Object.entries(asked(manifest))) {
        assert.equal(version, packages[`node_modules/${name}`]?.version, `${example}: ${name}`);
        if (name === 'glean-certify') assert.equal(version, runtime.version, example);
        // The types are tested with two versions of TypeScript: the newest, and ours.
        else if (name !== 'typescript') assert.equal(version, ours[name] ?? version, `${example}: ${name}`);
      }
    }
  });

  it('are locked with their digests, and come from the registry', () => {
    for (const [path, { version, resolved, integrity }] of Object.entries(packages)) {
      if (path === '') continue;
      if (path === 'node_modules/glean-certify') {
        assert.deepEqual({ resolved, integrity }, { resolved: 'file:glean-certify.tgz', integrity: undefined });
        continue;
      }
      // npm leaves the address out where it is the registry's.
      assert.equal(resolved, undefined, path);
      assert.match(integrity ?? '', /^sha512-/, path);
      assert.match(version, /^\d/, path);
    }
  });

  it('are stated in docs/bundlers.md, for every example', () => {
    const rows = new Map(
      [...page.matchAll(/^\| \[([\w-]+)\]\(\.\.\/examples\/\1\) \| (.*?) \| (.*?) \|/gm)].map(
        ([, name, versions, commands]) => [name!, { versions: versions!, commands: commands! }],
      ),
    );
    assert.deepEqual([...rows.keys()].sort(), [...names].sort());
    for (const [name, { versions, commands }] of rows) {
      const { scripts = {} } = manifests.get(name)!;
      const stated = [...versions.matchAll(/[a-z-]+(?= \d)/g)].map(([tool]) => tool);
      assert.ok(stated.length > 0 || name === 'import-map', name);
      for (const [, script] of commands.matchAll(/(?:run|task|npm) (?!run)(\w+)/g)) {
        assert.ok(scripts[script!] !== undefined, `${name}: no script ${script}`);
      }
    }
    const found = [...page.matchAll(/([a-z-]+) (\d+\.\d+\.\d+)/g)];
    assert.ok(found.length > 12);
    for (const [, tool, version] of found) {
      assert.equal(version, packages[`node_modules/${PROGRAMS[tool!] ?? tool}`]?.version, tool);
    }
  });
});

describe('imports of the examples', () => {
  for (const [name, manifest] of manifests) {
    it(`${name}: are of packages that it asks for`, () => {
      const files = readdirSync(join(EXAMPLES, name), { recursive: true, encoding: 'utf8' });
      const sources = files.filter(
        (file) => /\.[cm]?[jt]sx?$/.test(file) && !/(^|\/)(node_modules|dist|\.next)\//.test(file),
      );
      assert.ok(sources.length > 0);
      for (const file of sources) {
        const path = join(EXAMPLES, name, file);
        for (const { to } of importsOf(path, readFileSync(path, 'utf8'))) {
          if (to.startsWith(EXAMPLES) || to.startsWith('node:')) continue;
          assert.ok(asked(manifest)[packageOf(to)] !== undefined, `${path} imports ${to}`);
        }
      }
    });
  }
});
