/** What the pages point at exists: files of the tree, targets of links, headings. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';

const PAGES = [
  'README.md',
  'SECURITY.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'src/certify-runtime/README.md',
  'src/cli/README.md',
  'python/README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** What is installed or made on this machine, and no part of the tree. */
const MADE = /(^|\/)(node_modules|dist|runs|out|__pycache__|\.venv)$|^(\.git|\.setup|data)$/;

/** Every file and folder of the tree, as a path from its top. */
function treeUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = normalize(join(folder, entry.name));
    if (MADE.test(path)) return [];
    return entry.isDirectory() ? [path, ...treeUnder(path)] : [path];
  });
}

const TREE = treeUnder('.');
const EXISTS = new Set(TREE);
const TOPS = ['src', 'pipeline', 'test', 'docs', 'models', 'deploy', 'python', 'examples', 'bin', '\\.ci'];

/** A path from the top of the tree, in whatever text it stands; patterns such as `{a,b}` and `*` included. */
const PATH = new RegExp(`(?<![\\w/.<>*…-])(?:${TOPS.join('|')})/[\\w./{},*<>…-]*`, 'g');
/** What a command makes from a run (`models/cmnist-0`), what a build makes, and placeholders (`models/ID`, `models/<id>`). */
const NOT_KEPT = /^models\/[a-z-]+-\d+(\/|$)|\/(dist|\.venv)(\/|$)|[<>…]|\/[A-Z]{2,}(?=\/|-|$)/;
/** A code span that is the name of a source file, with some of its folders or none. */
const SOURCE_NAME = /`([\w./-]+\.(?:ts|wat|mjs|sh))`/g;

/** `a/{b,c}` as `a/b` and `a/c`. */
function alternatives(path: string): string[] {
  const [whole, list] = /\{([^}]*)\}/.exec(path) ?? [];
  return whole === undefined ? [path] : list!.split(',').flatMap((name) => alternatives(path.replace(whole, name)));
}

function isInTree(path: string): boolean {
  if (!path.includes('*')) return EXISTS.has(path);
  const pattern = new RegExp(`^${path.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`);
  return TREE.some((file) => pattern.test(file));
}

/** The paths that a text names and the tree does not have. */
function missingPaths(text: string): string[] {
  const paths = [...text.matchAll(PATH)]
    .map(([path]) => path.replace(/[.,/]+$/, ''))
    .filter((path) => !NOT_KEPT.test(path))
    .flatMap(alternatives);
  const names = [...text.matchAll(SOURCE_NAME)].map(([, name]) => name!).filter((name) => !NOT_KEPT.test(name));
  const missing = [
    ...paths.filter((path) => !isInTree(path)),
    ...names.filter((name) => !TREE.some((file) => file === name || file.endsWith(`/${name}`))),
  ];
  return [...new Set(missing)];
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** The links of a page that lead to no file, or to no heading. */
function brokenLinks(page: string, text: string): string[] {
  return [...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)]
    .map(([, target]) => target!)
    .filter((target) => {
      const [file, anchor] = target.split('#') as [string, string?];
      const path = file === '' ? page : normalize(join(dirname(page), file));
      if (!EXISTS.has(path)) return true;
      return anchor !== undefined && !anchorsOf(readFileSync(path, 'utf8')).includes(anchor);
    });
}

/** The names of the fields of a JSON value, at any depth. */
function fieldsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.values(value).flatMap(fieldsOf);
  return Array.isArray(value) ? inner : [...Object.keys(value), ...inner];
}

describe('pages', () => {
  for (const page of PAGES) {
    it(`${page}: every path that it names is in the tree, every link leads somewhere`, () => {
      const text = readFileSync(page, 'utf8');
      assert.deepEqual({ paths: missingPaths(text), links: brokenLinks(page, text) }, { paths: [], links: [] });
    });
  }

  it('docs/training.md: names every field of every configuration', () => {
    const page = readFileSync('docs/training.md', 'utf8');
    const configs = TREE.filter((path) => /^pipeline\/configs\/.*\.json$/.test(path));
    const fields = new Set(configs.flatMap((path) => fieldsOf(JSON.parse(readFileSync(path, 'utf8')))));
    assert.ok(fields.size > 40);
    const named = (field: string) => new RegExp(`\`([a-zA-Z]+\\.)*${field}\``).test(page);
    assert.deepEqual(
      [...fields].filter((field) => !named(field)),
      [],
    );
  });

  it('are found wanting where they name what is not there', () => {
    const text = 'See `src/nowhere.ts`, `walk/gone.ts`, docs/{soundness,gone}.md and pipeline/configs/none-*.json.';
    assert.deepEqual(missingPaths(text), [
      'src/nowhere.ts',
      'docs/gone.md',
      'pipeline/configs/none-*.json',
      'walk/gone.ts',
    ]);
    assert.deepEqual(missingPaths('`models/ID/model.onnx`, `models/cmnist-0/model.onnx`, pipeline/*.ts'), []);
    const links = '[a](gone.md) [b](soundness.md#nothing) [c](soundness.md#8-what-was-broken) [d](https://example.org)';
    assert.deepEqual(brokenLinks('docs/data.md', links), ['gone.md', 'soundness.md#nothing']);
  });
});
