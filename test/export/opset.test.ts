/** The table of what ONNX changed in the operators with rules, against the schemas that onnx itself carries. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';

import { test } from 'node:test';
import { CHANGES, NEWEST_OPSET, OLDEST_OPSET } from '../../src/export/foreign/upgrade/opset.ts';
import { allRules } from '../support/networks/all-rules.ts';

interface Schema {
  readonly op: string;
  readonly since: number;
  readonly form: unknown;
}

test('every operator with a rule is in the table, and no other', () => {
  assert.deepEqual(Object.keys(CHANGES).sort(), [...allRules.keys(), 'Constant', 'Shape'].sort());
});

test('the table has every version of onnx, and calls only those the same that have the same form', async () => {
  const python = spawnSync('.venv/bin/python', ['test/support/networks/onnx_schemas.py'], {
    cwd: new URL('../..', import.meta.url),
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  assert.equal(python.status, 0, python.stderr);
  // The onnx of this project knows sets up to 23; the later ones were written by a younger onnx.
  const later = await readFile(new URL('../fixtures/onnx-schemas-24-26.json', import.meta.url), 'utf8');
  const known = (JSON.parse(python.stdout) as Schema[]).filter(({ since }) => since <= 23);
  const schemas = [...known, ...(JSON.parse(later) as { schemas: Schema[] }).schemas];
  for (const [op, changes] of Object.entries(CHANGES)) {
    const versions = schemas.filter((schema) => schema.op === op).sort((a, b) => a.since - b.since);
    const changed = versions.filter(({ since }) => since > OLDEST_OPSET && since <= NEWEST_OPSET);
    assert.deepEqual(
      Object.keys(changes).map(Number),
      changed.map(({ since }) => since),
      op,
    );
    for (const { since, form } of changed) {
      const before = versions.filter((other) => other.since < since).at(-1)!;
      if (changes[since] === null) assert.deepEqual(form, before.form, `${op} ${since}`);
    }
  }
});
