/** The command `glean` and its sub-commands. */
import { attackCommand } from './attack.ts';
import { benchCommand } from './bench.ts';
import { certifyCommand } from './certify.ts';
import type { Command } from './command.ts';
import { dataCommand } from './data.ts';
import { exportCommand } from './export.ts';
import { keygenCommand } from './keygen.ts';
import { paperCommand } from './paper.ts';
import { predictCommand } from './predict.ts';
import { run } from './program.ts';
import { sealCommand } from './seal.ts';
import { serveCommand } from './serve.ts';
import { signCommand } from './sign.ts';
import { trainCommand } from './train.ts';
import { verifyCommand } from './verify.ts';

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
