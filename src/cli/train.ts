/** `glean train CONFIG`. */
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import { readConfig } from '../train/config.ts';
import { DATA_OPTIONS, openData } from './open-data.ts';
import { trainProgress } from './progress.ts';

interface TrainArguments {
  config: string;
  seed: number | undefined;
  out: string | undefined;
  dataDir: string | undefined;
  cacheDir: string | undefined;
}

export const trainCommand: CommandModule<object, TrainArguments> = {
  command: 'train <config>',
  describe: 'train an encoder and head; goes on where an interrupted run stopped',
  builder: (y) =>
    y
      .positional('config', { type: 'string', demandOption: true, describe: 'JSON file, see pipeline/configs/' })
      .option('seed', { type: 'number', describe: "instead of the configuration's" })
      .option('out', { type: 'string', describe: 'folder of the run (default: runs/ID-SEED)' })
      .options(DATA_OPTIONS) as never,
  handler: async ({ config: path, seed, out, ...place }) => {
    // Loads TensorFlow: only when it is needed, so that other commands and --help start at once.
    const { train } = await import('../train/run.ts');
    const config = await readConfig(path, seed);
    const dataset = await openData(config.data, place);
    const directory = out ?? join('runs', `${config.id}-${config.seed}`);
    const progress = trainProgress();
    try {
      await train(config, dataset, directory, progress);
    } finally {
      progress.stop();
    }
    console.log(directory);
  },
};
