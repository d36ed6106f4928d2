/**
 * `glean data NAME`: shows what a data set holds and a picture of it; draws or prepares the data set first if needed.
 */
import { declareCommand } from '../terminal/command.ts';
import { DATA_NAMES, DATA_OPTIONS } from '../terminal/data-options.ts';
import { flag, type Given, text } from '../terminal/options.ts';

const POSITIONALS = { name: text(DATA_NAMES, { required: true }) };
const OPTIONS = {
  preview: text('write a contact sheet of each domain to this PNG file'),
  ...DATA_OPTIONS,
  json: flag('print the answer as JSON'),
};

export type DataCommandArguments = Given<typeof POSITIONALS & typeof OPTIONS>;

export const dataCommand = declareCommand({
  name: 'data',
  describe: 'show what a data set holds; draws avatars and emoji, prepares images of files',
  positionals: POSITIONALS,
  options: OPTIONS,
});
