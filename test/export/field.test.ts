/**
 * A sample of the ONNX files that people have (test/fixtures/field): each seals and cannot be broken, or is refused for
 * the reason that expected.json has. docs/field.json has the same of all of them, written by pipeline/field.ts.
 */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Examined, examine, type FieldOptions } from '../../pipeline/field/examine.ts';
import type { FieldLine } from '../../pipeline/field/table.ts';
import { readFromFolder } from '../../src/export/foreign/onnx/external-file.ts';

const FOLDER = new URL('../fixtures/field/', import.meta.url);
const DOCS = new URL('../../docs/', import.meta.url);
const readExternal = readFromFolder(fileURLToPath(FOLDER));
const POINTS = 200;
const WORK = 2e7;

async function json<T>(url: URL): Promise<T> {
  return JSON.parse(await readFile(url, 'utf8'));
}

/** "seal", or a part of the message that refuses the file. */
const expected = await json<Readonly<Record<string, string>>>(new URL('expected.json', FOLDER));
const told = await json<Readonly<Record<string, FieldOptions>>>(new URL('options.json', FOLDER));
const field = await json<readonly FieldLine[]>(new URL('field.json', DOCS));
const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.onnx')).sort();

const results = new Map<string, Examined>();

test('every file of the sample has an expectation', () => {
  assert.deepEqual(Object.keys(expected).sort(), files);
  for (const name of Object.keys(told)) assert(files.includes(name), name);
});

for (const name of files) {
  const wanted = expected[name] ?? 'seal';
  test(`${name}: ${wanted}`, async (t) => {
    const original = await readFile(new URL(name, FOLDER));
    const result = await examine(original, name, { ...told[name], points: POINTS, work: WORK, readExternal });
    results.set(name, result);
    if (!result.sealed) {
      assert.notEqual(result.code, 'CRASH', result.reason);
      assert(wanted !== 'seal' && result.reason.includes(wanted), `${result.code}: ${result.reason}`);
      return;
    }
    assert.equal(wanted, 'seal');
    assert.deepEqual(result.broken, []);
    assert(result.attacked >= POINTS || result.attacked === 0, `${result.attacked} points inside radii`);
    t.diagnostic(`L = ${result.lipschitz}, measured ${result.measured}, ${result.attacked} points inside radii`);
  });
}

test('where a radius is claimed, it is attacked: most files of the sample have one', () => {
  const sealed = [...results.values()].filter((result) => result.sealed);
  const attacked = sealed.filter((result) => result.attacked >= POINTS);
  assert(attacked.length >= 0.8 * sealed.length, `${attacked.length} of ${sealed.length}`);
});

test('docs/field.json says the same of the sample', () => {
  for (const [name, result] of results) {
    const line = field.find(({ file }) => file === name);
    assert(line !== undefined, `${name} is missing`);
    // The sample also shows what is asked for where docs/field.json tells it.
    if (line.options !== undefined && !Object.hasOwn(told, name)) continue;
    assert.deepEqual(line.options, told[name], name);
    assert.equal(line.sealed, result.sealed, name);
    if (!result.sealed) continue;
    const { lipschitz } = line as Required<FieldLine>;
    assert(Math.abs(lipschitz - result.lipschitz) <= 1e-5 * result.lipschitz, `${name}: ${lipschitz}`);
  }
});

test('docs/bring-your-own.md counts what docs/field.json has (GLEAN_PIN=write writes it anew)', async () => {
  const page = new URL('bring-your-own.md', DOCS);
  const text = await readFile(page, 'utf8');
  const sealed = field.filter((line) => line.sealed && line.options === undefined);
  const ratios = sealed.flatMap(({ ratio }) => ratio ?? []).sort((a, b) => a - b);
  const numbers = [sealed.length, field.length, ratios[Math.floor(ratios.length / 2)]];
  const place = /\S+( of the )\S+( files seal with default\s+options, [^.]*measured\s+is )\S+(?=\. )/;
  const [found, of, between] = place.exec(text) ?? [];
  assert(found !== undefined, 'the sentence is missing');
  const expected = `${numbers[0]}${of}${numbers[1]}${between}${numbers[2]}`;
  if (process.env['GLEAN_PIN'] === 'write') await writeFile(page, text.replace(place, expected));
  else assert.equal(found, expected);
});
