/** `glean verify MODEL`: proves every claim of a sealed model again from its bytes. */
import { declareCommand } from '../terminal/command.ts';
import { flag, type Given, text } from '../terminal/options.ts';

const POSITIONALS = { model: text('sealed ONNX file', { required: true }) };
const OPTIONS = {
  key: text('public key (PEM) that must have signed the file'),
  signature: text('signature file (default: MODEL.sig)', { implies: 'key' }),
  explain: flag('say layer by layer what the bound is made of, and which layers cost most'),
  json: flag('print the answer as JSON'),
};

export type VerifyArguments = Given<typeof POSITIONALS & typeof OPTIONS>;

export const verifyCommand = declareCommand({
  name: 'verify',
  describe: 'prove the Lipschitz bound and every claim of the certificate anew from the bytes',
  positionals: POSITIONALS,
  options: OPTIONS,
});
