/** `glean train CONFIG`. */
import { defineCommand } from '../terminal/command.ts';
import { DATA_OPTIONS } from '../terminal/data-options.ts';
import { text, wholeNumber } from '../terminal/options.ts';

export const trainCommand = defineCommand({
  name: 'train',
  describe: 'train an encoder and head; goes on where an interrupted run stopped',
  positionals: { config: text('JSON file, see pipeline/configs/', { required: true }) },
  options: {
    // As a configuration's own may be, src/train/config.ts.
    seed: wholeNumber("instead of the configuration's", { least: 0, most: 2 ** 27 - 1 }),
    out: text('folder of the run (default: runs/ID-SEED)'),
    ...DATA_OPTIONS,
  },
  // Loads TensorFlow, which takes seconds: only when there is something to train.
  load: async () => {
    const { configToTrain, train } = await import('../../train/run.ts');
    const { openData } = await import('../../evaluate/open-data.ts');
    const { trainProgress } = await import('../terminal/progress.ts');
    return async ({ config: path, seed, out, ...place }) => {
      const { config, directory } = await configToTrain(path, { seed, out });
      const dataset = await openData(config.data, place);
      const progress = trainProgress();
      try {
        await train(config, dataset, directory, progress);
      } finally {
        progress.stop();
      }
      console.log(directory);
    };
  },
});
