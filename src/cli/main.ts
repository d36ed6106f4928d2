/** The command `glean` and its sub-commands. */
import { attackCommand } from './commands/attack.ts';
import { benchCommand } from '../../pipeline/commands/bench.ts';
import { certifyCommand } from './commands/certify.ts';
import type { Command } from './terminal/command.ts';
import { dataCommand } from './commands/data.ts';
import { exportCommand } from './commands/export.ts';
import { keygenCommand } from './commands/keygen.ts';
import { paperCommand } from '../../pipeline/commands/paper.ts';
import { predictCommand } from './commands/predict.ts';
import { run } from './terminal/program.ts';
import { sealCommand } from './commands/seal.ts';
import { serveCommand } from './commands/serve.ts';
import { signCommand } from './commands/sign.ts';
import { trainCommand } from './commands/train.ts';
import { verifyCommand } from './commands/verify.ts';

/** In the order of the help. */
export const COMMANDS: readonly Command[] = [
  trainCommand,
  exportCommand,
  sealCommand,
  verifyCommand,
  certifyCommand,
  predictCommand,
  attackCommand,
  serveCommand,
  dataCommand,
  keygenCommand,
  signCommand,
  paperCommand,
  benchCommand,
];

/** Runs `glean` with these arguments; gives the exit code: 0 done, 1 the answer is no, 2 wrong use. */
export function main(args: readonly string[]): Promise<number> {
  const about = 'Certified prediction that survives a change of domain.';
  return run({ name: 'glean', about, commands: COMMANDS }, args);
}
