/** The command `glean`: its sub-commands, and how it ends: 0 done, 1 the answer is no, 2 wrong use. */
import { createRequire } from 'node:module';
import yargs from 'yargs';
import { GleanError, InputError } from '../certify-runtime/core/errors.ts';
import { AnswerIsNo } from './answer.ts';
import { attackCommand } from './attack.ts';
import { benchCommand } from './bench.ts';
import { certifyCommand } from './certify.ts';
import { dataCommand } from './data.ts';
import { exportCommand } from './export.ts';
import { keygenCommand } from './keygen.ts';
import { paperCommand } from './paper.ts';
import { predictCommand } from './predict.ts';
import { sealCommand } from './seal.ts';
import { serveCommand } from './serve.ts';
import { signCommand } from './sign.ts';
import { trainCommand } from './train.ts';
import { verifyCommand } from './verify.ts';

const EXIT = { done: 0, no: 1, wrongUse: 2 } as const;

/** The arguments are not of the command's form; the message holds its help. */
class WrongUse extends Error {}

/** Runs `glean` with these arguments; gives the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
  const parser = yargs([...args])
    .scriptName('glean')
    .usage('$0 <command>\n\nCertified prediction that survives a change of domain.')
    .command(trainCommand)
    .command(exportCommand)
    .command(sealCommand)
    .command(verifyCommand)
    .command(certifyCommand)
    .command(predictCommand)
    .command(attackCommand)
    .command(serveCommand)
    .command(dataCommand)
    .command(keygenCommand)
    .command(signCommand)
    .command(paperCommand)
    .command(benchCommand)
    .demandCommand(1, 'Name a command.')
    .strict()
    .version(version)
    .help()
    .wrap(Math.min(120, process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message, error, instance) => {
      if (error instanceof Error && error.name !== 'YError') throw error;
      throw new WrongUse(`${instance.help() as unknown as string}\n\n${message ?? error?.message}`);
    });
  try {
    await parser.parseAsync();
  } catch (error) {
    if (error instanceof AnswerIsNo) return EXIT.no;
    if (error instanceof WrongUse) {
      console.error(error.message);
      return EXIT.wrongUse;
    }
    if (!(error instanceof GleanError)) throw error;
    console.error(`glean: ${error.message}`);
    return error instanceof InputError ? EXIT.wrongUse : EXIT.no;
  }
  return EXIT.done;
}
