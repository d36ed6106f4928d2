/**
 * Builds the package `glean` into dist/package: the compiled modules of `src/cli/tsconfig.package.json`, their types and their
 * sources, with a package.json that names only what they import. `make package` packs it.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { importsOf } from './imports.ts';

const TSCONFIG = 'src/cli/tsconfig.package.json';
const FOLDER = 'dist/package';

/** What stays in a clone, see src/train/data/clone-only.ts; what only these import stays with them. */
const CLONE_ONLY: readonly string[] = [
  'src/train/data/pictures/avatars-set.ts',
  'src/train/data/pictures/emoji-set.ts',
  'src/train/data/readers/mnist-package.ts',
];

/** The user chooses its version, and with it what it runs on. */
const PEERS: readonly string[] = ['onnxruntime-node'];

interface Contents {
  /** Paths in the project, without the extension `.ts`. */
  readonly modules: readonly string[];
  readonly packages: readonly string[];
}

/** Everything that the entries import, but for what stays in a clone. */
async function contentsFrom(entries: readonly string[]): Promise<Contents> {
  const modules = new Set<string>();
  const packages = new Set<string>();
  const waiting = [...entries];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (modules.has(file)) continue;
    modules.add(file);
    for (const { to } of importsOf(file, await readFile(file, 'utf8'))) {
      if (CLONE_ONLY.includes(to) || to.startsWith('node:')) continue;
      if (to.endsWith('.ts')) waiting.push(to);
      else packages.add(to.split('/', to.startsWith('@') ? 2 : 1).join('/'));
    }
  }
  return { modules: [...modules].map((file) => file.replace(/\.ts$/, '')).sort(), packages: [...packages].sort() };
}

/** The manifest, with the project's own versions of the packages. */
async function manifest(packages: readonly string[]): Promise<object> {
  const project = JSON.parse(await readFile('package.json', 'utf8')) as Record<string, unknown>;
  const runtime = JSON.parse(await readFile('src/certify-runtime/package.json', 'utf8')) as typeof project;
  const versions = (names: readonly string[], from: unknown) =>
    Object.fromEntries(
      names.map((name) => {
        const version = (from as Record<string, string>)[name];
        if (version === undefined) throw new Error(`${name} is imported by the package, but is no dependency`);
        return [name, version];
      }),
    );
  const { version, license, engines } = project;
  return {
    name: 'glean',
    version,
    description: 'Seal an ONNX classifier with a proven Lipschitz bound, verify, certify, attack and serve it.',
    keywords: runtime['keywords'],
    license,
    type: 'module',
    sideEffects: false,
    files: ['lib', 'src'],
    bin: { glean: 'lib/cli/glean.js' },
    exports: {
      '.': { types: './lib/cli/index.d.ts', default: './lib/cli/index.js' },
      './package.json': './package.json',
    },
    engines,
    dependencies: versions(
      packages.filter((name) => !PEERS.includes(name)),
      project['dependencies'],
    ),
    peerDependencies: versions(PEERS, runtime['peerDependencies']),
  };
}

/** Builds the package into `folder`, anew. */
export async function buildPackage(folder: string = FOLDER): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const draft = await mkdtemp(`${folder}-`);
  try {
    const { files } = JSON.parse(await readFile(TSCONFIG, 'utf8')) as { readonly files: readonly string[] };
    const { modules, packages } = await contentsFrom(files.map((file) => join(dirname(TSCONFIG), file)));
    const compiled = join(draft, 'compiled');
    const compiler = ['node_modules/typescript/bin/tsc', '-p', TSCONFIG, '--outDir', compiled];
    await promisify(execFile)(process.execPath, compiler).catch(({ stdout }: { readonly stdout: string }) => {
      throw new Error(`${TSCONFIG} does not compile:\n${stdout}`);
    });
    const whole = join(draft, 'package');
    for (const source of modules) {
      const name = relative('src', source);
      await mkdir(join(whole, 'lib', dirname(name)), { recursive: true });
      for (const extension of ['js', 'd.ts']) {
        await cp(join(compiled, `${name}.${extension}`), join(whole, 'lib', `${name}.${extension}`));
      }
      const map = JSON.parse(await readFile(join(compiled, `${name}.d.ts.map`), 'utf8')) as object;
      // The sources lie beside lib/, not where they were compiled.
      const sources = [relative(join('lib', dirname(name)), join('src', `${name}.ts`))];
      await writeFile(join(whole, 'lib', `${name}.d.ts.map`), JSON.stringify({ ...map, sources }));
      await cp(`${source}.ts`, join(whole, 'src', `${name}.ts`));
    }
    await writeFile(join(whole, 'package.json'), `${JSON.stringify(await manifest(packages), null, 2)}\n`);
    await cp('LICENSE', join(whole, 'LICENSE'));
    await cp('src/cli/README.md', join(whole, 'README.md'));
    await rm(folder, { recursive: true, force: true });
    await rename(whole, folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

if (process.argv[1] === import.meta.filename) await buildPackage(process.argv[2] && resolve(process.argv[2]));
