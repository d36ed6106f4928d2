/** The work of `glean train`: trains a model, and continues an interrupted run where it stopped. */
import { openData } from '../../evaluate/open-data.ts';
import { configToTrain, train } from '../../train/run.ts';
import type { TrainArguments } from '../commands/train.ts';
import { trainProgress } from '../terminal/progress.ts';

export async function runTrain({ config: path, seed, out, ...place }: TrainArguments): Promise<void> {
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
