/** `glean export RUN`: writes a sealed model or, with --plain, an ONNX file without a certificate. */
import { declareCommand } from '../terminal/command.ts';
import { DATA_OPTIONS } from '../terminal/data-options.ts';
import { flag, type Given, text } from '../terminal/options.ts';
import { PRECISION } from '../terminal/precision-option.ts';

const POSITIONALS = { run: text('folder of a finished run', { required: true }) };
const OPTIONS = {
  out: text('folder to write to (default: models/ID-SEED)'),
  precision: PRECISION,
  plain: flag('image ↦ logits without a certificate, plain.onnx: for baselines'),
  ...DATA_OPTIONS,
};

export type ExportArguments = Given<typeof POSITIONALS & typeof OPTIONS>;

export const exportCommand = declareCommand({
  name: 'export',
  describe: 'turn a finished run into a sealed ONNX model with its model card',
  positionals: POSITIONALS,
  options: OPTIONS,
});
