/**
 * Who may import whom. `make check` runs this, and ARCHITECTURE.md explains it.
 *
 * The rooms are listed in order: a file may import from its own room and from those before it in the list, types
 * included. The radius rests on `trusted/`, the first one: it imports nothing else, not even a package. Imports must
 * not form a circle.
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
  const lines = files.map((file) => readFileSync(file, 'utf8').split('\n').length - 1);
  return { files: files.length, lines: lines.reduce((sum, count) => sum + count, 0) };
}

if (process.argv[1] === import.meta.filename) {
  const files = ['src', 'pipeline'].flatMap(sourcesOf);
  const problems = problemsOf(files.flatMap((file) => importsOf(file, readFileSync(file, 'utf8'))));
  for (const problem of problems) console.error(problem);
  const { files: trusted, lines } = trustedSize();
  console.log(`imports: ${files.length} files; to be trusted for the radius: ${trusted} files, ${lines} lines`);
  if (problems.length > 0) process.exitCode = 1;
}
