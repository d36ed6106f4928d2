/** The README's output and code are what the programs give. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { it } from 'node:test';
import { glean, runProgram } from '../support/command/glean.ts';
import { isShipped } from '../support/command/shipped.ts';

const readme = await readFile('README.md', 'utf8');

it('shows the real answer of glean predict', async () => {
  const [, command, output] = /\$ npx glean (.*)\n([\s\S]*?)```/.exec(readme)!;
  const result = await glean(...command!.split(' '));
  assert.equal(result.code, 0, result.stderr);
  // A model trained anew, put in the place of the shipped one, has radii of its own.
  const comparable = (text: string) => (isShipped(command!.split(' ')[1]!) ? text : text.replace(/\d+\.\d{4}/g, 'R'));
  assert.equal(comparable(result.stdout), comparable(output!));
});

it('has Python that runs', async () => {
  const [, code] = /```python\n([\s\S]*?)```/.exec(readme)!;
  const result = await runProgram('.venv/bin/python', ['-c', `${code}\nprint(label.shape, radius.shape)`]);
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.stdout.trim(), '(1,) (1,)');
});

it('shows what glean paper measured', async () => {
  const report = await readFile('docs/paper/report.md', 'utf8');
  const cells = [...readme.matchAll(/\d\.?\d* ± \d[\d.]*/g)].map(([cell]) => cell);
  assert.ok(cells.length >= 16);
  for (const cell of cells) assert.ok(report.includes(cell), cell);
});

it('names commands that exist', async () => {
  const { stdout } = await glean('--help');
  for (const [, name] of readme.matchAll(/`glean ([a-z]+)/g)) assert.match(stdout, new RegExp(`glean ${name}`));
});

it('states speeds that make bench measured', async () => {
  const { sections } = JSON.parse(await readFile('docs/bench.json', 'utf8')) as {
    sections: Record<string, { value: number; unit: string }[]>;
  };
  const measured = new Set(
    Object.values(sections)
      .flat()
      .filter(({ unit }) => unit === '×')
      .map(({ value }) => `${value.toPrecision(3)}×`),
  );
  const stated = [...readme.matchAll(/\d+\.?\d*×/g)].map(([cell]) => cell);
  assert.ok(stated.length >= 6);
  for (const cell of stated) assert.ok(measured.has(cell), cell);
});
