/** Runs a program of commands and gives its exit code: 0 done, 1 the answer is no, 2 wrong use, 74 no space. */
import process from 'node:process';
import yargs from 'yargs';
import { GleanError, InputError } from '../../certify-runtime/trusted/errors.ts';
import { VERSION } from '../../files/version.ts';
import { AnswerIsNo } from './answer.ts';
import { type Command, refuseNamedPlaces } from './command.ts';
import { NOT_WRITTEN } from './output.ts';

const EXIT = { done: 0, no: 1, wrongUse: 2 } as const;

/** Thrown if the arguments do not have the command's form; the message contains its help. */
class WrongUse extends Error {}

export interface Program {
  readonly name: string;
  /** The text above the commands in the help. If it is missing, the program consists of its one command. */
  readonly about?: string;
  readonly commands: readonly Command[];
}

const FULL = 'no space is left';

/** What the file system refuses, in words. Anything else that it says may be our own mistake. */
const REFUSED: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a file is where a folder should be',
  EEXIST: 'a file is where a folder should be',
  EISDIR: 'a folder is where a file should be',
  ENOSPC: FULL,
  EDQUOT: FULL,
  ENAMETOOLONG: 'the name is too long',
};

/** What to say, in place of a stack, and to end with where the file system refuses; undefined for every other error. */
function refusal(error: unknown): { readonly line: string; readonly exit: number } | undefined {
  const { code = '', path, syscall } = error as NodeJS.ErrnoException;
  const reason = REFUSED[code];
  // A write into an open file does not know its path.
  if (reason === undefined || (path === undefined && reason !== FULL)) return undefined;
  const line = `${path === undefined ? '' : `${path}: `}${reason} (${syscall}: ${code})`;
  return { line, exit: reason === FULL ? NOT_WRITTEN : EXIT.wrongUse };
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
      // In fail(), help() gives the text, which its type does not say.
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
    const refused = refusal(error);
    if (refused !== undefined) {
      console.error(`glean: ${refused.line}`);
      return refused.exit;
    }
    if (!(error instanceof GleanError)) throw error;
    console.error(`glean: ${error.message}`);
    return error instanceof InputError ? EXIT.wrongUse : EXIT.no;
  }
  return EXIT.done;
}
