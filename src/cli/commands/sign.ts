/** `glean sign MODEL --key PRIVATE`: makes a detached Ed25519 signature of a sealed model's bytes. */
import { declareCommand } from '../terminal/command.ts';
import { flag, type Given, text } from '../terminal/options.ts';

const POSITIONALS = { model: text('sealed ONNX file', { required: true }) };
const OPTIONS = {
  key: text("private key, as 'glean keygen' writes it", { required: true }),
  out: text('signature file (default: MODEL.sig)'),
  json: flag('print the answer as JSON'),
};

export type SignArguments = Given<typeof POSITIONALS & typeof OPTIONS>;

export const signCommand = declareCommand({
  name: 'sign',
  describe: 'vouch for a sealed model: an Ed25519 signature of its bytes, in a file beside it',
  positionals: POSITIONALS,
  options: OPTIONS,
});
