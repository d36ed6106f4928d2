/**
 * Trains in a process of its own, so that a test can kill it: `train-child.ts FIXTURE DIRECTORY [renaming NAME | hold LINE]`.
 *
 * FIXTURE is a v8-serialized { config, dataset }. Each step is a line on stdout and takes at least 10 ms, so that the
 * parent can hit it. `renaming`: it kills itself when the file of that name has been written beside and is about to be
 * renamed. `hold`: after that line it waits to be killed, so that it is never too late for that.
 */
import fs from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import { deserialize } from 'node:v8';
import type { TrainConfig } from '../../../src/train/config.ts';
import { unpackDataset } from './train-fixture.ts';

const [fixture, directory, kind, value] = process.argv.slice(2) as [string, string, string?, string?];

const { rename } = promises;
promises.rename = async (from, to) => {
  if (kind === 'renaming' && basename(String(to)) === value) process.kill(process.pid, 'SIGKILL');
  await rename(from, to);
};
syncBuiltinESMExports();

const { config, dataset: packed } = deserialize(fs.readFileSync(fixture)) as { config: TrainConfig; dataset: object };
const dataset = unpackDataset(packed);
const { train } = await import('../../../src/train/run.ts');
const clock = new Int32Array(new SharedArrayBuffer(4));
const say = (line: string) => fs.writeSync(1, `${line}\n`);
await train(config, dataset, directory, {
  onStart: (step) => say(`start ${step}`),
  onStep: ({ phase, step }) => {
    say(`${phase} ${step}`);
    Atomics.wait(clock, 0, 0, kind === 'hold' && value === `${phase} ${step}` ? Number.POSITIVE_INFINITY : 10);
  },
  onRefused: (error) => say(`refused ${error.message}`),
});
say('end');
