/**
 * What an option or an argument of a command may be: how help and errors describe it, and how its text is read. Nothing
 * is guessed: any text that is not exactly one value of the kind is an error that names the option.
 */
import { InputError } from '../../certify-runtime/trusted/errors.ts';

/** One option, or one argument by position. */
export interface Option<T> {
  readonly describe: string;
  /** How many values it takes: none (a flag), one, or any number. */
  readonly kind: 'flag' | 'one' | 'list';
  /** Completes the phrase "expected …" in errors. */
  readonly expects: string;
  /** The same for the help; undefined if the description already says it. */
  readonly hint: string | undefined;
  /** The value of an option that is not given; undefined if there is none. */
  readonly fallback: T | undefined;
  readonly required: boolean;
  /** A heading in the help, including its colon. */
  readonly group: string | undefined;
  /** The name of an option that must be given with this one, and of one that must not. */
  readonly implies: string | undefined;
  readonly conflicts: string | undefined;
  /** @throws InputError if `text` is not a valid value; `name` is the option's name as the user knows it */
  readonly parse: (text: string, name: string) => unknown;
}

export type Options = Readonly<Record<string, Option<unknown>>>;

/** The values of these options, by name. */
export type Given<O> = { readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never };

interface Settings<T> {
  readonly default?: T;
  readonly required?: true;
  readonly group?: string;
  readonly implies?: string;
  readonly conflicts?: string;
}

/** T if the option has a default or is required, otherwise T or undefined. */
type Value<S, T> = S extends { readonly default: unknown } | { readonly required: true } ? T : T | undefined;

interface Kind {
  readonly describe: string;
  readonly kind?: Option<unknown>['kind'];
  readonly expects: string;
  readonly hint?: string;
  readonly parse: Option<unknown>['parse'];
}

function option<T>({ kind = 'one', hint, ...rest }: Kind, settings: Settings<unknown> = {}): Option<T> {
  const { required = false, group, implies, conflicts } = settings;
  const fallback = (settings.default ?? (kind === 'flag' ? false : undefined)) as T | undefined;
  return { ...rest, kind, hint, fallback, required, group, implies, conflicts };
}

function refused(name: string, found: string, expects: string): InputError {
  return new InputError(`${name}: found ${found}, expected ${expects}`, { name, found, expects });
}

/** Makes a parser from `value`, which returns undefined for a text that it does not accept. */
function parser(expects: string, value: (text: string) => unknown): Option<unknown>['parse'] {
  return (text, name) => {
    const parsed = value(text);
    if (parsed === undefined) throw refused(name, `'${text}'`, expects);
    return parsed;
  };
}

const TEXT = 'a value that is not empty';
const parseText = parser(TEXT, (text) => (text === '' ? undefined : text));

/** A flag, which is off unless it is given. */
export function flag(describe: string, settings?: Pick<Settings<boolean>, 'group'>): Option<boolean> {
  const kind = { kind: 'flag', expects: 'no value', parse: parser('no value', () => undefined) } as const;
  return option({ describe, ...kind }, settings);
}

/** Any text that is not empty. */
export function text<const S extends Settings<string>>(describe: string, settings?: S): Option<Value<S, string>> {
  return option({ describe, expects: TEXT, parse: parseText }, settings);
}

/** One or more texts, none of them empty; such an option may be given several times. */
export function texts<const S extends Settings<readonly string[]>>(
  describe: string,
  settings?: S,
): Option<Value<S, readonly string[]>> {
  return option({ describe, kind: 'list', expects: TEXT, parse: parseText }, settings);
}

function listed(values: readonly string[]): string {
  return values.length < 2 ? `${values}` : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;
}

/** One of `values`. */
export function choice<const T extends string, const S extends Settings<NoInfer<T>>>(
  describe: string,
  values: readonly T[],
  settings?: S,
): Option<Value<S, T>> {
  const expects = listed(values);
  const parse = parser(expects, (found) => values.find((value) => value === found));
  return option({ describe, expects, hint: expects, parse }, settings);
}

/** One or more of `values`. */
export function choices<const T extends string>(
  describe: string,
  values: readonly T[],
): Option<readonly T[] | undefined> {
  const expects = listed(values);
  const parse = parser(expects, (found) => values.find((value) => value === found));
  return option({ describe, kind: 'list', expects, hint: expects, parse });
}

/** Digits alone or with a power of ten, so that it is always clear which number is meant. */
const WHOLE = /^\d+(e\+?\d+)?$/i;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Reads a decimal number; returns undefined for any other text, or if the number is too large for a double. */
function decimal(found: string): number | undefined {
  const value = DECIMAL.test(found) ? Number(found) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}

interface Range {
  readonly least: number;
  readonly most?: number;
}

/** A whole number from `least` to `most` (2⁵³ − 1 by default), in decimal digits (`1e5` is 100000). */
export function wholeNumber<const S extends Settings<number> & Range>(
  describe: string,
  settings: S,
): Option<Value<S, number>> {
  const { least, most = Number.MAX_SAFE_INTEGER } = settings;
  const expects = `a whole number from ${least} to ${most}`;
  const parse = parser(expects, (found) => {
    const value = WHOLE.test(found) ? Number(found) : Number.NaN;
    return value >= least && value <= most ? value : undefined;
  });
  const hint = settings.most === undefined ? `a whole number from ${least}` : expects;
  return option({ describe, expects, hint, parse }, settings);
}

interface Interval {
  readonly least?: number;
  readonly most?: number;
  /** Like `least` and `most`, but excluding the bound itself. */
  readonly above?: number;
  readonly below?: number;
}

function within({ least, most, above, below }: Interval): string {
  const bounds = [
    ...(least === undefined ? [] : [`from ${least}`]),
    ...(above === undefined ? [] : [`above ${above}`]),
    ...(most === undefined ? [] : [`to ${most}`]),
    ...(below === undefined ? [] : [`below ${below}`]),
  ];
  return bounds.join(' ');
}

/** A finite number in an interval, written as a decimal. */
export function realNumber<const S extends Settings<number> & Interval>(
  describe: string,
  settings: S,
): Option<Value<S, number>> {
  const { least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY } = settings;
  const { above = Number.NEGATIVE_INFINITY, below = Number.POSITIVE_INFINITY } = settings;
  const expects = `a number ${within(settings)}`;
  const parse = parser(expects, (found) => {
    const value = decimal(found);
    return value !== undefined && value >= least && value <= most && value > above && value < below ? value : undefined;
  });
  return option({ describe, expects, hint: expects, parse }, settings);
}

/** Numbers separated by commas in one value. If `whole` is given, there must be that many, all whole and at least 1. */
export function numbers(
  describe: string,
  { whole }: { readonly whole?: number } = {},
): Option<readonly number[] | undefined> {
  const expects =
    whole === undefined ? 'numbers with commas between them' : `${whole} whole numbers from 1 with commas between them`;
  const parse = parser(expects, (found) => {
    const parts = found.split(',').map((part) => part.trim());
    if (whole !== undefined && (parts.length !== whole || !parts.every((part) => WHOLE.test(part)))) return undefined;
    const values = parts.map(decimal);
    const valid = values.every((value) => value !== undefined && (whole === undefined || value >= 1));
    return valid ? values : undefined;
  });
  return option({ describe, expects, parse });
}

/**
 * Reads the value of an option. `found` is everything that was given for it: texts, or `true` for a flag.
 *
 * @throws InputError if an option that is not a list is given more than once, or if a value is not valid
 */
export function read<T>({ kind, expects, parse, fallback }: Option<T>, name: string, found: readonly unknown[]): T {
  if (found.length === 0) return fallback as T;
  if (kind === 'list') return found.map((value) => parse(String(value), name)) as T;
  if (found.length > 1) {
    const values = kind === 'flag' ? '' : ` (${found.join(', ')})`;
    throw new InputError(`${name} was given ${found.length} times${values}, expected once`, { name, found });
  }
  const [value] = found;
  if (kind === 'flag') {
    if (value !== true) throw refused(name, `'${value}'`, expects);
    return true as T;
  }
  return parse(String(value), name) as T;
}
