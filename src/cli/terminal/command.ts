/**
 * Makes a command from the declaration of its arguments and options: yargs finds and explains them, and `options.ts`
 * reads them.
 */
import type { Argv, CommandModule, Options as YargsOptions } from 'yargs';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import { type Given, type Option, type Options, read } from './options.ts';

/** A command's name and what it takes. */
export interface Declaration<P extends Options = Options, O extends Options = Options> {
  readonly name: string;
  readonly describe: string;
  /** The arguments by position. Only the last may be a list, or not be required. */
  readonly positionals: P;
  /** The options in camel case; on the command line they are written `--with-hyphens`. */
  readonly options: O;
}

/** Loads the work itself, which is not needed for `--help` and wrong use. */
export type Load<P extends Options, O extends Options> = () => Promise<(given: Given<P & O>) => Promise<void>>;

/** A command in yargs's form, together with its declaration. */
export interface Command extends CommandModule<object, object> {
  readonly declaration: Declaration;
}

/**
 * Makes yargs pass on what was typed; otherwise it adds up, rounds, strips quotes and guesses types. Flags have no
 * `--no-` form, because all of them are off unless given.
 */
const AS_TYPED = {
  'boolean-negation': false,
  'dot-notation': false,
  'parse-numbers': false,
  'parse-positional-numbers': false,
} as const;

/** Turns `keyFile` into `key-file`, as it is typed. */
function hyphenated(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The option as the user types it. */
function typed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${hyphenated(name)}`;
}

function shownDefault(value: unknown): string | undefined {
  return value === undefined || value === false || `${value}` === '' ? undefined : String(value);
}

function forYargs({
  describe,
  kind,
  hint,
  fallback,
  required,
  group,
  implies,
  conflicts,
}: Option<unknown>): YargsOptions {
  const shown = shownDefault(fallback);
  return {
    describe: hint === undefined ? describe : `${describe} (${hint})`,
    // Without a type, a flag that is given twice arrives as two values, and one that is given a value is refused.
    ...(kind === 'flag'
      ? { nargs: 0 }
      : kind === 'list'
        ? { type: 'string', array: true, requiresArg: true }
        : { nargs: 1 }),
    ...(kind === 'one' && hint === undefined ? { type: 'string' } : {}),
    // The default itself is left to `read`, because yargs would not tell it from what was typed.
    ...(shown === undefined ? {} : { defaultDescription: shown }),
    ...(required ? { demandOption: true } : {}),
    ...(group === undefined ? {} : { group }),
    ...(implies === undefined ? {} : { implies: hyphenated(implies) }),
    ...(conflicts === undefined ? {} : { conflicts: hyphenated(conflicts) }),
  };
}

function readAll<O extends Options>(
  options: O,
  argv: Readonly<Record<string, unknown>>,
  named: (name: string) => string,
): Given<O> {
  const entries = Object.entries(options).map(([name, option]) => {
    const value = argv[hyphenated(name)];
    const found = value === undefined ? [] : Array.isArray(value) ? value : [value];
    return [name, read(option, named(name), found)] as const;
  });
  return Object.fromEntries(entries) as Given<O>;
}

/** Returns the declaration unchanged, but with the types of its arguments. */
export function declareCommand<P extends Options, O extends Options>(
  declaration: Declaration<P, O>,
): Declaration<P, O> {
  return declaration;
}

/** Makes the command for yargs. Its handler throws InputError for what `read` refuses, and whatever the work throws. */
export function toCommand<P extends Options, O extends Options>(
  declaration: Declaration<P, O>,
  load: Load<P, O>,
): Command {
  const { name, describe, positionals, options } = declaration;
  const places = Object.entries(positionals).map(([key, { kind, required }]) => {
    const place = `${key}${kind === 'list' ? '..' : ''}`;
    return required ? `<${place}>` : `[${place}]`;
  });
  return {
    declaration,
    command: [name, ...places].join(' '),
    describe,
    builder: (y: Argv): Argv => {
      let parser = y.parserConfiguration(AS_TYPED);
      for (const [key, { describe, required }] of Object.entries(positionals)) {
        parser = parser.positional(key, { type: 'string', demandOption: required, describe });
      }
      for (const [key, option] of Object.entries(options)) parser = parser.option(hyphenated(key), forYargs(option));
      return parser;
    },
    handler: async (argv: object) => {
      const values = argv as Record<string, unknown>;
      const given = {
        ...readAll(positionals, values, (key) => `<${key}>`),
        ...readAll(options, values, typed),
      } as Given<P & O>;
      const work = await load();
      await work(given);
    },
  };
}

/**
 * yargs also accepts `--model` for <model>, and drops one of them if both are given.
 *
 * @throws InputError if an argument of the command is given as an option
 */
export function refuseNamedPlaces({ declaration: { positionals } }: Command, args: readonly string[]): void {
  const end = args.indexOf('--');
  for (const arg of end < 0 ? args : args.slice(0, end)) {
    const name = /^--([^=]+)/.exec(arg)?.[1];
    if (name === undefined || !Object.hasOwn(positionals, name)) continue;
    throw new InputError(`<${name}>: found ${arg}, expected it by its place, without --${name}`, { name, found: arg });
  }
}
