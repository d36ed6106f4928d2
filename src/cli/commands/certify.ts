/** `glean certify MODEL --data NAME`: reports the certified accuracy of each domain as a table, JSON and a curve. */
import { MAX_DRAWS, SMALLEST_TAIL } from '../../certify-runtime/smoothing/binomial-tail.ts';
import { SMOOTHING_DEFAULTS } from '../../certify-runtime/smoothing/defaults.ts';
import { METHODS } from '../../evaluate/methods.ts';
import { declareCommand } from '../terminal/command.ts';
import { DATA_NAMES, DATA_OPTIONS } from '../terminal/data-options.ts';
import { choice, flag, type Given, realNumber, text, texts, wholeNumber } from '../terminal/options.ts';

const POSITIONALS = { model: text('sealed ONNX file', { required: true }) };
const OPTIONS = {
  data: text(DATA_NAMES, { required: true }),
  split: texts('test, validation, train, or one domain of them (default: validation and test)'),
  method: choice(
    "the margin certificate, CERTIFY with noise on z (the paper's), or with noise on the image (any ONNX classifier)",
    METHODS,
    { default: 'margin' },
  ),
  head: text('smoothing: ONNX file of a head on z, in place of the own'),
  sigma: realNumber("smoothing: scale of the noise (default: the model's)", { above: 0 }),
  n: wholeNumber('smoothing: draws for the bound', { least: 1, most: MAX_DRAWS, default: SMOOTHING_DEFAULTS.n }),
  n0: wholeNumber('smoothing: draws that select the class', {
    least: 1,
    most: MAX_DRAWS,
    default: SMOOTHING_DEFAULTS.n0,
  }),
  alpha: realNumber('smoothing: chance that a certificate is wrong', {
    least: SMALLEST_TAIL,
    below: 1,
    default: SMOOTHING_DEFAULTS.alpha,
  }),
  seed: wholeNumber('smoothing: seed of the draws', { least: 0, default: 0 }),
  limit: wholeNumber('at most this many images of each domain', { least: 1 }),
  ...DATA_OPTIONS,
  json: flag('print the answer as JSON'),
  out: text('write the answer as JSON to this file'),
  svg: text('write the certified-accuracy curve to this SVG file'),
};

export type CertifyArguments = Given<typeof POSITIONALS & typeof OPTIONS>;

export const certifyCommand = declareCommand({
  name: 'certify',
  describe: 'certified accuracy at r = 0, 0.05 … 0.45 and average certified radius, per domain',
  positionals: POSITIONALS,
  options: OPTIONS,
});
