/** `glean bench`: every speed figure the README states, as ratios measured in one run. */
import { declareCommand } from '../../src/cli/terminal/command.ts';
import { choices, flag, type Given, text } from '../../src/cli/terminal/options.ts';

export const SECTIONS = ['overhead', 'head', 'convolution', 'wasm', 'throughput', 'overload'] as const;

const OPTIONS = {
  section: choices('some of all sections', SECTIONS),
  quick: flag('few rounds: to see that it works, not to report'),
  json: flag('print the answer as JSON'),
  out: text('write the answer as JSON to this file'),
};

export type BenchArguments = Given<typeof OPTIONS>;

export const benchCommand = declareCommand({
  name: 'bench',
  describe: 'measure speed: ratios of things run in turn, with their spread',
  positionals: {},
  options: OPTIONS,
});
