/** `glean paper`: every table and figure of the paper as one report; measures those that have no result yet. */

import { declareCommand } from '../../src/cli/terminal/command.ts';
import { flag, type Given, text, wholeNumber } from '../../src/cli/terminal/options.ts';
import { TASKS } from '../paper/tasks.ts';

const OPTIONS = {
  quick: flag('tiny runs of every kind; the numbers mean nothing'),
  out: text('folder of report and results (default: docs/paper, or out/paper-quick)'),
  only: text(`run only these problems, some of ${TASKS.join(',')}, or these experiments, such as avatars-glean`),
  seeds: wholeNumber('run at most this many seeds of each experiment', { least: 1 }),
  jobs: wholeNumber('runs at the same time', { least: 1, default: 1 }),
  list: flag('print the plan in the order in which it is run, and what of it is done'),
  render: flag('write the report of the results that are there'),
  json: flag('print the answer as JSON'),
};

export type PaperArguments = Given<typeof OPTIONS>;

export const paperCommand = declareCommand({
  name: 'paper',
  describe: "the paper's tables and figures, ours beside its own: runs what has no result yet, writes the report",
  positionals: {},
  options: OPTIONS,
});
