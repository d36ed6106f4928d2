/** `glean predict MODEL IMAGE…`: prints the label and certified radius of image files. */
import { declareCommand } from '../terminal/command.ts';
import { flag, type Given, realNumber, text, texts } from '../terminal/options.ts';

const POSITIONALS = {
  model: text('sealed ONNX file', { required: true }),
  images: texts('image files', { required: true }),
};
const OPTIONS = {
  resize: flag('fit images of another size, on black'),
  minRadius: realNumber('least radius to call an image certified; exit 1 if one is not', { above: 0 }),
  json: flag('one JSON object a line'),
};

export type PredictArguments = Given<typeof POSITIONALS & typeof OPTIONS>;

export const predictCommand = declareCommand({
  name: 'predict',
  describe: 'label and certified radius of PNG, JPEG or WebP files',
  positionals: POSITIONALS,
  options: OPTIONS,
});
