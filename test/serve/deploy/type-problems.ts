/** What TypeScript's compiler says of values that must be of a type: of fields that are missing, unknown, or not of their type. */
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import ts from 'typescript';

const OPTIONS: ts.CompilerOptions = {
  strict: true,
  noEmit: true,
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts'],
  module: ts.ModuleKind.NodeNext,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
  types: [],
};

/** The problems of each of these modules, as lines; they import as if they lay in this folder. */
export function problemsOf(modules: readonly string[]): readonly string[] {
  const texts = new Map(modules.map((text, i) => [resolve(import.meta.dirname, `module-${i}.ts`), text]));
  const host = ts.createCompilerHost(OPTIONS);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (file) => texts.has(file) || fileExists.call(host, file);
  host.getSourceFile = (file, version, ...rest) => {
    const text = texts.get(file);
    return text === undefined
      ? getSourceFile.call(host, file, version, ...rest)
      : ts.createSourceFile(file, text, version);
  };
  const program = ts.createProgram([...texts.keys()], OPTIONS, host);
  const found = ts.getPreEmitDiagnostics(program);
  const others = found.filter(({ file }) => !texts.has(file?.fileName ?? ''));
  assert.deepEqual(
    others.map(({ messageText }) => messageText),
    [],
  );
  return [...texts.keys()].map((name) =>
    found
      .filter(({ file }) => file?.fileName === name)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))
      .join('\n'),
  );
}
