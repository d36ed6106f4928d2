/** What the certificate head costs whoever runs the file: sealed files in Python's ONNX Runtime against their networks alone. */

import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { networkBytes } from '../../src/certify-runtime/run/network-bytes.ts';
import { withTemporaryFolder } from '../../src/files/temporary.ts';
import { type BenchSection, type Figure, quartiles } from './bench.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const MODELS = ['cmnist', 'avatars'] as const;
const BATCHES = [
  { batch: 1, limit: 1.12, runs: 300 },
  { batch: 64, limit: 1.05, runs: 20 },
] as const;

export const head: BenchSection = {
  name: 'head',
  title: "A sealed file in Python's ONNX Runtime, one thread, against its network alone",
  async run({ quick, say }) {
    const figures: Figure[] = [];
    for (const model of MODELS) {
      const sealed = join(PROJECT, 'models', model, 'model.onnx');
      await withTemporaryFolder('glean-head-', async (folder) => {
        const network = join(folder, 'network.onnx');
        await writeFile(network, networkBytes(await readFile(sealed)));
        for (const { batch, limit, runs } of BATCHES) {
          const given = [network, sealed, batch, runs, quick ? 3 : 40].map(String);
          const { stdout } = await promisify(execFile)(join(PROJECT, '.venv/bin/python'), [
            join(PROJECT, 'pipeline/python/bench/head.py'),
            ...given,
          ]);
          const [low, value, high] = quartiles(JSON.parse(stdout) as number[]);
          const name = `models/${model} with its own head, batch ${batch}`;
          figures.push({ name, value, unit: '×', spread: [low, high], limit: { at: 'most', value: limit } });
        }
      });
      say(`${model} done`);
    }
    return figures;
  },
};
