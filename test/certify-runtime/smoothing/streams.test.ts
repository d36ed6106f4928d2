/** The registry of random streams: no two names of a group share numbers, and no number has changed. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  DATA_STREAMS,
  layerStream,
  PHASES,
  SAMPLING_STREAMS,
  SEEDS,
  STEP_STREAMS,
  STREAMS_PER_DATASET,
  STREAMS_PER_STEP,
  stepStream,
} from '../../../src/certify-runtime/smoothing/streams.ts';

const unique = (numbers: readonly number[]) => new Set(numbers).size === numbers.length;

describe('random streams', () => {
  it('of data sets are ranges apart from each other', () => {
    const firsts = Object.values(DATA_STREAMS).toSorted((a, b) => a - b);
    for (const [i, first] of firsts.entries()) {
      assert.ok(first + STREAMS_PER_DATASET <= (firsts[i + 1] ?? 2 ** 32), `0x${first.toString(16)}`);
    }
  });

  it('of training are one for each step, phase and name, and none of them a layer’s', () => {
    const numbers: number[] = [];
    for (let step = 0; step < 3; step++) {
      for (let phase = 0; phase < PHASES; phase++) {
        for (const stream of Object.values(STEP_STREAMS)) numbers.push(stepStream(step, phase, stream));
      }
    }
    for (let layer = 0; layer < 20; layer++) numbers.push(layerStream(layer));
    assert.ok(unique(numbers));
    assert.ok(Object.values(STEP_STREAMS).every((stream) => stream >= 0 && stream < STREAMS_PER_STEP));
  });

  it('of sampling and fixed seeds differ within their group', () => {
    assert.ok(unique(Object.values(SAMPLING_STREAMS)));
    assert.ok(SAMPLING_STREAMS.count > SAMPLING_STREAMS.selection, 'the blocks go on from the first');
    for (const group of Object.values(SEEDS)) assert.ok(unique(Object.values(group)));
  });

  it('have the numbers that published results were drawn with', () => {
    assert.deepEqual(
      Object.values(DATA_STREAMS).map((first) => Buffer.from(first.toString(16), 'hex').toString().slice(0, 2)),
      ['AV', 'CA', 'CM', 'DI', 'DN', 'FO', 'GL', 'SC'],
    );
    assert.equal(stepStream(5, 3, STEP_STREAMS.batch), (5 * 16 + 3) * 64 + 32);
    assert.equal(stepStream(0, 0, STEP_STREAMS.noise), 0);
    assert.equal(layerStream(0), -1);
    assert.deepEqual(SAMPLING_STREAMS, { selection: 0, count: 1 });
    assert.deepEqual(SEEDS.secondOpinion, { images: 11, power: 12, subspaces: 13, columns: 14 });
  });

  it('are numbered nowhere else in src', () => {
    const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.endsWith('.ts') && !/(^|\/)(dist|node_modules)\//.test(name),
    );
    const numbered = files.filter((name) =>
      /createRandom\(\s*\d|createRandom\([^()]*,\s*\d/.test(readFileSync(join('src', name), 'utf8')),
    );
    assert.deepEqual(numbered, []);
  });
});
