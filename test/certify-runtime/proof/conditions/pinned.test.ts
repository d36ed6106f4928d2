/**
 * The numbers of the proof, to the last bit, for some hundred small graphs: a second pair of eyes. Whoever changes one of them
 * has changed the proof, and says why in the commit; `GLEAN_PIN=write node --import tsx --test …/pinned.test.ts` writes them
 * anew. That they are bounds is shown elsewhere: here it is only seen that no rounding, no term and no check is lost unnoticed.
 */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Graph } from '../../../../src/certify-runtime/core/onnx/model.ts';
import type { EncoderBound } from '../../../../src/certify-runtime/core/proof/bound.ts';
import { boundEncoder } from '../../../../src/certify-runtime/core/proof/encoder.ts';
import { allRules } from '../../../../src/certify-runtime/core/proof/rules.ts';
import { smallGraphs } from './graphs.ts';

const FILE = new URL('pinned.json', import.meta.url);

/** FNV-1a of the bits of some numbers. */
function digest(numbers: readonly number[]): string {
  let hash = 0x811c9dc5;
  for (const byte of new Uint8Array(Float64Array.from(numbers).buffer)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}

/** Every number in a value, in the order of its fields. */
function numbersIn(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : [];
}

/** L, ‖ẑ‖ and the float32 error for the reader; every number of the proof is in the digest. */
function line(bound: EncoderBound): string {
  const { lipschitz, latentError, latentNorm } = bound;
  const [error] = latentError;
  const shown = [lipschitz, latentNorm.constant, latentNorm.l2, error!.constant, error!.l2, error!.l1];
  return `${shown.map((value) => value.toPrecision(4)).join(' ')} #${digest(numbersIn(bound))}`;
}

function prove(graph: Graph, latent: string): EncoderBound {
  return boundEncoder(graph, { input: 'image', latent, rules: allRules });
}

const WRITE = process.env['GLEAN_PIN'] === 'write';
const pinned = WRITE ? {} : (JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, unknown>);

for (const [beginning, graphs] of smallGraphs((graph, latent) => prove(graph, latent).latentSize)) {
  test(`after ${beginning}, every number of the proof is what it was`, () => {
    const found = Object.fromEntries(graphs.map(({ name, graph, latent }) => [name, line(prove(graph, latent))]));
    if (WRITE) {
      pinned[beginning] = found;
      writeFileSync(FILE, `${JSON.stringify(pinned, null, 1)}\n`);
    }
    assert.deepEqual(found, pinned[beginning]);
  });
}
