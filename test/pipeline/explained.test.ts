/** The explanation in docs/bring-your-own.md is what the command prints (GLEAN_PIN=write writes it anew). */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { explain } from '../../src/evaluate/explain/explain.ts';
import { explanationLines } from '../../src/evaluate/explain/lines.ts';
import { sealBytes } from '../support/networks/brought.ts';

const ROOT = new URL('../..', import.meta.url);
const PAGE = new URL('docs/bring-your-own.md', ROOT);

test('docs/bring-your-own.md shows what --explain prints', async () => {
  const page = await readFile(PAGE, 'utf8');
  const command = /^ {4}glean seal (\S+) --out \S+ --explain$/m.exec(page);
  assert(command !== null, 'the command is missing');
  const place = /(<!-- explained: .* -->\n\n)((?: {4}.*\n)*)/.exec(page);
  assert(place !== null, 'the place of the output is missing');
  const [, mark, shown] = place;
  const start = place.index + mark!.length;
  const { bytes, verified } = await sealBytes(await readFile(new URL(command[1]!, ROOT)));
  const lines = explanationLines(await explain(bytes, verified));
  const expected = lines.map((line) => `    ${line.slice(2)}\n`).join('');
  if (process.env['GLEAN_PIN'] === 'write') {
    await writeFile(PAGE, page.slice(0, start) + expected + page.slice(start + shown!.length));
  } else assert.equal(shown, expected);
});
