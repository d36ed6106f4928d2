/** `glean attack MODEL --data NAME`: tries to break the radius of real images and reports how close it came. */
import { declareCommand } from '../terminal/command.ts';
import { DATA_NAMES, DATA_OPTIONS } from '../terminal/data-options.ts';
import { flag, type Given, text, wholeNumber } from '../terminal/options.ts';

const POSITIONALS = { model: text('sealed ONNX file', { required: true }) };
const OPTIONS = {
  data: text(DATA_NAMES, { required: true }),
  split: text('test, or one domain of validation or train', { default: 'test' }),
  limit: wholeNumber('at most this many images', { least: 1, default: 100 }),
  steps: wholeNumber('gradient steps of each start', { least: 1, default: 40 }),
  restarts: wholeNumber('starts for each image and class', { least: 1, default: 2 }),
  seed: wholeNumber('of starts, probes and roundings', { least: 0, default: 0 }),
  ...DATA_OPTIONS,
  json: flag('print the answer as JSON'),
  svg: text('write the curve certified versus attacked to this SVG file'),
  save: text('write counterexamples to this JSON file'),
};

export type AttackArguments = Given<typeof POSITIONALS & typeof OPTIONS>;

export const attackCommand = declareCommand({
  name: 'attack',
  describe: 'try to break the certified radius on real images; report the smallest flips found',
  positionals: POSITIONALS,
  options: OPTIONS,
});
