/** The command `glean` of the package, with everything that needs neither TensorFlow nor Python. */
import { attackCommand } from './commands/attack.ts';
import { batchCommand } from './commands/batch.ts';
import { certifyCommand } from './commands/certify.ts';
import { dataCommand } from './commands/data.ts';
import { keygenCommand } from './commands/keygen.ts';
import { predictCommand } from './commands/predict.ts';
import { sealCommand } from './commands/seal.ts';
import { serveCommand } from './commands/serve.ts';
import { signCommand } from './commands/sign.ts';
import { verifyCommand } from './commands/verify.ts';
import { type Command, toCommand } from './terminal/command.ts';
import { run } from './terminal/program.ts';

export const ABOUT = 'Certified prediction that survives a change of domain.';

/** The commands, in the order in which the help lists them. */
export const COMMANDS: readonly Command[] = [
  toCommand(sealCommand, async () => (await import('./actions/seal.ts')).runSeal),
  toCommand(verifyCommand, async () => (await import('./actions/verify.ts')).runVerify),
  toCommand(certifyCommand, async () => (await import('./actions/certify.ts')).runCertify),
  toCommand(predictCommand, async () => (await import('./actions/predict.ts')).runPredict),
  toCommand(batchCommand, async () => (await import('./actions/batch/batch.ts')).runBatch),
  toCommand(attackCommand, async () => (await import('./actions/attack.ts')).runAttack),
  toCommand(serveCommand, async () => (await import('./actions/serve.ts')).runServe),
  toCommand(dataCommand, async () => (await import('./actions/data.ts')).runData),
  toCommand(keygenCommand, async () => (await import('./actions/keygen.ts')).runKeygen),
  toCommand(signCommand, async () => (await import('./actions/sign.ts')).runSign),
];

/**
 * Runs `glean` with these arguments and returns the exit code: 0 if it is done, 1 if the answer is no, 2 if it was used
 * wrongly.
 */
export function main(args: readonly string[]): Promise<number> {
  return run({ name: 'glean', about: ABOUT, commands: COMMANDS }, args);
}
