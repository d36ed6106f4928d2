/** `glean seal MODEL --out FILE`: proves another program's classifier and seals it. */
import { declareCommand } from '../terminal/command.ts';
import { choice, flag, type Given, numbers, realNumber, text } from '../terminal/options.ts';
import { PRECISION } from '../terminal/precision-option.ts';

const POSITIONALS = { model: text('ONNX file of a classifier', { required: true }) };
const OPTIONS = {
  out: text('sealed ONNX file to write', { required: true }),
  classes: text('names of the classes, with commas between them'),
  classesFile: text('file with a class name on each line', { conflicts: 'classes' }),
  layout: choice("order of the network's input", ['NHWC', 'NCHW']),
  shape: numbers('H,W,C of the image, where the network takes vectors or free sizes', { whole: 3 }),
  logits: text('output that holds the logits, where there are several'),
  mean: numbers('the network takes (scale·x − mean)/std: one number, or one a channel with commas between them'),
  std: numbers('see --mean'),
  scale: realNumber('255 for a network that takes pixels on [0, 255]', { above: 0 }),
  sigma: realNumber('σ of the noise on the latent in training, if any', { above: 0 }),
  precision: PRECISION,
  vectors: text('folder of images for the known vectors (default: test patterns)'),
  explain: flag('say layer by layer what the bound is made of, and which layers cost most'),
  json: flag('print the answer as JSON'),
};

export type SealArguments = Given<typeof POSITIONALS & typeof OPTIONS>;

export const sealCommand = declareCommand({
  name: 'seal',
  describe: 'prove and seal any ONNX classifier whose operators have rules and whose last layer is linear',
  positionals: POSITIONALS,
  options: OPTIONS,
});
