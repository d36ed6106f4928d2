/**
 * Who may import whom. `make check` runs this, and ARCHITECTURE.md explains it.
 *
 * The rooms are listed in order: a file may import from its own room and from those before it in the list, types
 * included. The radius rests on `trusted/`, the first one: it imports nothing else, not even a package. Imports must
 * not form a circle, and no folder or file may grow too large to find one's way in.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import process from 'node:process';
import ts from 'typescript';

export const TRUSTED = 'src/certify-runtime/trusted';

/** The rooms from bottom to top. */
export const ROOMS = [
  TRUSTED,
  'src/certify-runtime/smoothing',
  'src/certify-runtime/signature',
  'src/certify-runtime/gradient',
  'src/certify-runtime/run',
  'src/certify-runtime/second-opinion',
  'src/certify-runtime',
  'src/files',
  'src/network',
  'src/train/data',
  'src/train',
  'src/export',
  'src/evaluate',
  'src/export/run',
  'src/serve',
  'src/page',
  'src/cli',
  'pipeline',
] as const;

export interface Import {
  readonly from: string;
  /** A file of the project, or the name of a package. */
  readonly to: string;
}

/** Every import of a file, including dynamic ones and those of types. */
export function importsOf(file: string, text: string): Import[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => ({
    from: file,
    to: fileName.startsWith('.') ? relative('.', resolve(dirname(file), fileName)) : fileName,
  }));
}

const isUnder = (path: string, folder: string) => path.startsWith(`${folder}/`);

/** The position of a file's room in the list, decided by the longest matching folder; −1 for a package. */
function rank(file: string): number {
  let best = -1;
  for (const [i, room] of ROOMS.entries()) {
    if (isUnder(file, room) && (best < 0 || room.length > ROOMS[best]!.length)) best = i;
  }
  return best;
}

/** What is wrong with these imports, one line each. */
export function problemsOf(imports: readonly Import[]): string[] {
  const problems: string[] = [];
  for (const { from, to } of imports) {
    if (isUnder(from, TRUSTED) && !isUnder(to, TRUSTED))
      problems.push(`${from} imports ${to}, which is not in ${TRUSTED}`);
    const [own, other] = [rank(from), rank(to)];
    if (other > own) problems.push(`${from} imports upwards: ${to} is of ${ROOMS[other]}, above ${ROOMS[own]}`);
  }
  return [...problems, ...circles(imports)];
}

/** Each circle once, as the path around it. */
function circles(imports: readonly Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to]);
  const found: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const begin = path.indexOf(file);
    if (begin >= 0) found.push(`a circle: ${[...path.slice(begin), file].join(' → ')}`);
    if (begin >= 0 || done.has(file)) return;
    path.push(file);
    for (const to of next.get(file) ?? []) visit(to);
    path.pop();
    done.add(file);
  };
  for (const file of next.keys()) visit(file);
  return found;
}

/** How many files may lie side by side, and how many lines a file may have, for a reader to find their way. */
const MOST_FILES = 14;
const MOST_LINES = 300;

/** Returns a line for each folder and each file that is too large. */
export function crowds(files: readonly { readonly path: string; readonly lines: number }[]): string[] {
  const folders = new Map<string, number>();
  for (const { path } of files) folders.set(dirname(path), (folders.get(dirname(path)) ?? 0) + 1);
  return [
    ...[...folders]
      .filter(([, count]) => count > MOST_FILES)
      .map(([folder, count]) => `${folder} has ${count} files side by side, at most ${MOST_FILES} are allowed`),
    ...files
      .filter(({ lines }) => lines > MOST_LINES)
      .map(({ path, lines }) => `${path} has ${lines} lines, at most ${MOST_LINES} are allowed`),
  ];
}

/** Every TypeScript file of a folder except build outputs. */
export function sourcesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !/(^|\/)(dist|node_modules)/.test(name))
    .map((name) => join(folder, name))
    .sort();
}

/** The number of files and of lines in trusted/. */
export function trustedSize(): { readonly files: number; readonly lines: number } {
  const files = sourcesOf(TRUSTED);
  return { files: files.length, lines: files.reduce((sum, file) => sum + linesOf(file), 0) };
}

function linesOf(file: string): number {
  return readFileSync(file, 'utf8').split('\n').length - 1;
}

if (process.argv[1] === import.meta.filename) {
  const files = ['src', 'pipeline'].flatMap(sourcesOf);
  const problems = [
    ...problemsOf(files.flatMap((file) => importsOf(file, readFileSync(file, 'utf8')))),
    ...crowds([...files, ...sourcesOf('test')].map((path) => ({ path, lines: linesOf(path) }))),
  ];
  for (const problem of problems) console.error(problem);
  const { files: trusted, lines } = trustedSize();
  console.log(`imports: ${files.length} files; to be trusted for the radius: ${trusted} files, ${lines} lines`);
  if (problems.length > 0) process.exitCode = 1;
}
