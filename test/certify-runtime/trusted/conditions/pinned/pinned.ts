/** Numbers to the last bit, as they are kept in a file beside the tests. */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

const WRITE = process.env['GLEAN_PIN'] === 'write';

/** FNV-1a of the bits of some numbers. */
export function digest(numbers: readonly number[]): string {
  let hash = 0x811c9dc5;
  for (const byte of new Uint8Array(Float64Array.from(numbers).buffer)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

/** Every number in a value, in the order of its fields. */
export function numbersIn(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array);
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : [];
}

/** A test of a group of numbers that are kept in `file`; with GLEAN_PIN=write they are written down. */
export function pinsIn(file: URL): (group: string, found: () => Readonly<Record<string, string>>) => void {
  const pinned = (): Record<string, unknown> => JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  return (group, found) => {
    test(`${group}: every number of the proof is what it was`, () => {
      const now = found();
      if (WRITE) writeFileSync(file, `${JSON.stringify({ ...pinned(), [group]: now }, null, 2)}\n`);
      assert.deepEqual(now, pinned()[group]);
    });
  };
}
