/**
 * Seals every ONNX file of a folder and tries to break each one that seals:
 *
 *     node --import tsx pipeline/field.ts FOLDER [--options FILE] [--points 200] [--only TEXT] [--json FILE] [--out DIR]
 *
 * FILE, by default FOLDER/options.json, may hold what `glean seal` must be told about some of them, by file name
 * ({"a.onnx": {"shape": [28, 28, 1]}}); pipeline/field/options.json is that of docs/field.json. `--json` writes one line for each file, as docs/field.json has them, and `--out` the sealed files.
 * Exit 0: nothing is broken; 1: something is; 2: wrong use.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createReporter } from '../src/evaluate/reporter.ts';
import { readFromFolder } from '../src/export/foreign/onnx/external-file.ts';
import { type Examined, examine, type FieldOptions, isBroken } from './field/examine.ts';
import { asLines, row, summary } from './field/table.ts';

const USE = 'use: field.ts FOLDER [--options FILE] [--points 200] [--only TEXT] [--json FILE] [--out DIR]';

function wrongUse(problem: string): never {
  console.error(`${problem}\n${USE}`);
  process.exit(2);
}

function commandLine() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        options: { type: 'string' },
        points: { type: 'string', default: '200' },
        only: { type: 'string', default: '' },
        json: { type: 'string' },
        out: { type: 'string' },
      },
    });
    const points = Number(values.points);
    if (!(Number.isInteger(points) && points > 0)) wrongUse(`--points must be a whole number, not ${values.points}`);
    if (positionals.length !== 1) wrongUse(`${positionals.length} folders are named, expected one`);
    return { ...values, points, folder: positionals[0]! };
  } catch (error) {
    return wrongUse((error as Error).message);
  }
}

const { folder, options, points, only, json, out } = commandLine();
const names = await readdir(folder).catch((error) => wrongUse(`${folder}: ${error.code}`));
const files = names.filter((name) => name.endsWith('.onnx') && name.includes(only)).sort();
const optionsFile = options ?? join(folder, 'options.json');
if (options !== undefined && !existsSync(options)) wrongUse(`${options}: no such file`);
const told: Readonly<Record<string, FieldOptions>> = existsSync(optionsFile)
  ? JSON.parse(await readFile(optionsFile, 'utf8'))
  : {};
const readExternal = readFromFolder(folder);
if (out !== undefined) await mkdir(out, { recursive: true });

const { progress, stop } = createReporter();
const results: (readonly [string, Examined])[] = [];
for (const name of files) {
  const begin = performance.now();
  const result = await examine(await readFile(join(folder, name)), name, { ...told[name], points, readExternal });
  results.push([name, result]);
  if (out !== undefined && result.sealed) await writeFile(join(out, name), result.bytes);
  console.log(row(name, result, (performance.now() - begin) / 1000));
  progress('examined files', results.length, files.length);
}
stop();
console.log(summary(results.map(([, result]) => result)));
if (json !== undefined) await writeFile(json, asLines(results, told));
process.exitCode = results.some(([, result]) => isBroken(result)) ? 1 : 0;
