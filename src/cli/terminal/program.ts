/** Runs a program of commands and gives its exit code: 0 done, 1 the answer is no, 2 wrong use. */
import process from 'node:process';
import yargs from 'yargs';
import { GleanError, InputError } from '../../certify-runtime/trusted/errors.ts';
import { VERSION } from '../../files/version.ts';
import { AnswerIsNo } from './answer.ts';
import { type Command, refuseNamedPlaces } from './command.ts';

const EXIT = { done: 0, no: 1, wrongUse: 2 } as const;

/** Thrown if the arguments do not have the command's form; the message contains its help. */
class WrongUse extends Error {}

export interface Program {
  readonly name: string;
  /** The text above the commands in the help. If it is missing, the program consists of its one command. */
  readonly about?: string;
  readonly commands: readonly Command[];
}

/** Runs the program with these arguments and returns the exit code. */
export async function run({ name, about, commands }: Program, args: readonly string[]): Promise<number> {
  let parser = yargs([...args]).scriptName(name);
  if (about === undefined) parser = parser.command({ ...commands[0]!, command: '$0' });
  else
    parser = parser
      .usage(`$0 <command>\n\n${about}`)
      .command([...commands])
      .demandCommand(1, 'Name a command.');
  parser = parser
    .strict()
    // Our own texts are English, so yargs's texts must not be in another language.
    .locale('en')
    .version(VERSION)
    .help()
    .wrap(Math.min(120, process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message, error, instance) => {
      if (error instanceof Error && error.name !== 'YError') throw error;
      throw new WrongUse(`${instance.help() as unknown as string}\n\n${message ?? error?.message}`);
    });
  const named = args.find((arg) => !arg.startsWith('-'));
  const command = about === undefined ? commands[0] : commands.find(({ declaration }) => declaration.name === named);
  try {
    if (command !== undefined) refuseNamedPlaces(command, args);
    await parser.parseAsync();
  } catch (error) {
    if (error instanceof AnswerIsNo) return error.exit;
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
