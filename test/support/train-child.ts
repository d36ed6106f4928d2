/**
 * Trains in a process of its own, so that a test can kill it: `train-child.ts FIXTURE DIRECTORY [DIE-AT-RENAME-OF]`.
 *
 * FIXTURE is a v8-serialized { config, dataset }. Each step is a line on stdout and takes at least 10 ms, so that the
 * parent can hit it. With the third argument it kills itself when the file of that name has been written beside and is
 * about to be renamed.
 */
import fs from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import { deserialize } from 'node:v8';
import type { TrainConfig } from '../../src/train/config.ts';
import type { DomainDataset } from '../../src/train/data/dataset.ts';

const [fixture, directory, victim] = process.argv.slice(2) as [string, string, string | undefined];

const { rename } = promises;
promises.rename = async (from, to) => {
  if (basename(String(to)) === victim) process.kill(process.pid, 'SIGKILL');
  await rename(from, to);
};
syncBuiltinESMExports();

const { config, dataset } = deserialize(fs.readFileSync(fixture)) as { config: TrainConfig; dataset: DomainDataset };
const { train } = await import('../../src/train/run.ts');
const clock = new Int32Array(new SharedArrayBuffer(4));
const say = (line: string) => fs.writeSync(1, `${line}\n`);
await train(config, dataset, directory, {
  onStart: (step) => say(`start ${step}`),
  onStep: ({ phase, step }) => {
    say(`${phase} ${step}`);
    Atomics.wait(clock, 0, 0, 10);
  },
  onRefused: (error) => say(`refused ${error.message}`),
});
say('end');
