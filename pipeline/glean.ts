/** The command `glean` as a clone has it: the package's commands, and those that train, export and reproduce. */
import { exportCommand } from '../src/cli/commands/export.ts';
import { trainCommand } from '../src/cli/commands/train.ts';
import { ABOUT, COMMANDS as PACKAGED } from '../src/cli/main.ts';
import { type Command, toCommand } from '../src/cli/terminal/command.ts';
import { run } from '../src/cli/terminal/program.ts';
import { benchCommand } from './commands/bench.ts';
import { paperCommand } from './commands/paper.ts';

/** The commands in the order of the help. */
export const COMMANDS: readonly Command[] = [
  toCommand(trainCommand, async () => (await import('../src/cli/actions/train.ts')).runTrain),
  toCommand(exportCommand, async () => (await import('../src/cli/actions/export.ts')).runExport),
  ...PACKAGED,
  toCommand(paperCommand, async () => (await import('./commands/paper-run.ts')).runPaperCommand),
  toCommand(benchCommand, async () => (await import('./commands/bench-run.ts')).runBench),
];

/** Runs `glean` with these arguments; gives the exit code: 0 done, 1 the answer is no, 2 wrong use. */
export function main(args: readonly string[]): Promise<number> {
  return run({ name: 'glean', about: ABOUT, commands: COMMANDS }, args);
}
