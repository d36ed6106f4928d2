/** Assumption A7 in the proof is the one that docs/soundness.md states. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { A7 } from '../../../../src/certify-runtime/trusted/rules/functions/table.ts';

const U = 2 ** -24;

test('every function has the errors of the table', async () => {
  const page = await readFile(new URL('../../../../docs/soundness.md', import.meta.url), 'utf8');
  const table = page.slice(page.indexOf('| f | a | b |')).split('\n\n')[0]!;
  const rows = table
    .split('\n')
    .slice(2)
    .map((line) => line.split('|').map((cell) => cell.trim()));
  /** The leading multiple of u in the cells of the row whose first cell begins with the name. */
  const stated = (name: string): { absolute: number; relative: number } => {
    const row = rows.find(([, functions]) => functions!.split(', ').some((one) => one.startsWith(name)))!;
    const [absolute, relative] = row.slice(2, 4).map((cell) => Number.parseInt(cell, 10) * U);
    return { absolute: absolute!, relative: relative! };
  };
  const spelled = { Silu: 'x·Sigmoid', Gelu: 'x·½' };
  for (const [name, { absolute, relative }] of Object.entries(A7)) {
    assert.deepEqual({ absolute, relative }, stated({ ...spelled }[name as 'Silu'] ?? name), name);
  }
  const [limit] = /for Tanh within (\d+)u\s+and\s+for Erf within (\d+)u/.exec(page)!.slice(1);
  assert.deepEqual([A7.Tanh.limit, A7.Erf.limit], [Number(limit) * U, 16 * U]);
});
