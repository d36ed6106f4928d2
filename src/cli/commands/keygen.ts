/** `glean keygen`: makes a pair of keys for signing models. */
import { declareCommand } from '../terminal/command.ts';
import { flag, type Given, text } from '../terminal/options.ts';

const OPTIONS = {
  out: text('folder, or NAME of NAME.{private,public}.pem', { default: 'glean' }),
  json: flag('print the answer as JSON'),
};

export type KeygenArguments = Given<typeof OPTIONS>;

export const keygenCommand = declareCommand({
  name: 'keygen',
  describe: 'make a pair of Ed25519 keys to sign models with',
  positionals: {},
  options: OPTIONS,
});
