/** The work of `glean train`: trains a model, and continues an interrupted run where it stopped. */
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import { openData } from '../../evaluate/open-data.ts';
import type { TrainArguments } from '../commands/train.ts';
import { trainProgress } from '../terminal/progress.ts';
import { runInit } from './init.ts';

export async function runTrain({ config: path, init, seed, out, json, ...place }: TrainArguments): Promise<void> {
  if (init !== undefined) {
    const other = path ?? place.dataDir ?? place.cacheDir;
    if (other !== undefined)
      throw new InputError(`--init: found ${other} beside it, expected only --out, --seed and --json`);
    return runInit({ folder: init, out, seed, json });
  }
  if (json) throw new InputError('--json: found without --init, expected with it');
  if (path === undefined) {
    throw new InputError('<config>: found nothing, expected a configuration, or --init FOLDER, which writes one');
  }
  // This loads TensorFlow, which --init does without.
  const { configToTrain, train } = await import('../../train/run.ts');
  const { config, directory } = await configToTrain(path, { seed, out });
  const dataset = await openData(config.data, place);
  const progress = trainProgress();
  try {
    await train(config, dataset, directory, progress);
  } finally {
    progress.stop();
  }
  console.log(directory);
}
