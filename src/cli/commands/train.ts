/** `glean train CONFIG`: trains an encoder and head; `glean train --init FOLDER` writes a configuration. */
import { declareCommand } from '../terminal/command.ts';
import { DATA_OPTIONS } from '../terminal/data-options.ts';
import { flag, type Given, text, wholeNumber } from '../terminal/options.ts';

const POSITIONALS = { config: text('JSON file, see pipeline/configs/; or --init') };
const OPTIONS = {
  init: text('look at this folder of images, DOMAIN/CLASS/file, and write a configuration, with the reasons for it'),
  // The range is that of a configuration's own seed in src/train/config.ts.
  seed: wholeNumber("instead of the configuration's", { least: 0, most: 2 ** 27 - 1 }),
  out: text('folder of the run (default: runs/ID-SEED); with --init, the configuration (default: ID.json)'),
  ...DATA_OPTIONS,
  json: flag('with --init, print the answer as JSON'),
};

export type TrainArguments = Given<typeof POSITIONALS & typeof OPTIONS>;

export const trainCommand = declareCommand({
  name: 'train',
  describe: 'train an encoder and head; goes on where an interrupted run stopped',
  positionals: POSITIONALS,
  options: OPTIONS,
});
