/** How pipeline/field.ts shows what it found: a row for people, a line of JSON for docs/field.json, a summary. */
import { type Examined, type FieldOptions, isBroken } from './examine.ts';

/** Six digits: enough to see a change, few enough not to differ between machines. */
const digits = (value: number) => Number(value.toPrecision(6));

/** L over the largest stretch found: 1 could not be smaller. Null if nothing was measured. */
function ratio(result: Examined): number | null {
  return result.sealed && result.measured > 0 ? Number((result.lipschitz / result.measured).toPrecision(3)) : null;
}

export function row(name: string, result: Examined, seconds: number): string {
  const start = name.padEnd(36);
  const end = `${seconds.toFixed(1)} s`;
  if (!result.sealed) return `${start} refused  ${result.code}: ${result.reason.split('\n')[0]!.slice(0, 150)}  ${end}`;
  const { lipschitz, measured, attacked, flip, broken } = result;
  const found = `L ${digits(lipschitz)}  measured ${digits(measured)}  ratio ${ratio(result) ?? 'none'}`;
  const tried = `points ${attacked}  flip/radius ${flip === null ? 'none' : flip.toFixed(3)}`;
  const what = broken.length === 0 ? 'sealed ' : 'BROKEN ';
  return [`${start} ${what}  ${found}  ${tried}  ${end}`, ...broken.map((each) => `  BROKEN: ${each}`)].join('\n');
}

/** A file's line in docs/field.json. */
export interface FieldLine {
  readonly file: string;
  /** What sealing was told; absent for default options. */
  readonly options?: FieldOptions;
  readonly sealed: boolean;
  readonly lipschitz?: number;
  readonly ratio?: number | null;
  readonly reason?: string;
}

function line(file: string, result: Examined, options: FieldOptions | undefined): FieldLine {
  const start = options === undefined ? { file } : { file, options };
  if (!result.sealed) return { ...start, sealed: false, reason: `${result.code}: ${result.reason}` };
  return { ...start, sealed: true, lipschitz: digits(result.lipschitz), ratio: ratio(result) };
}

/** A JSON array with one element on each line. */
export function asLines(
  results: readonly (readonly [string, Examined])[],
  told: Readonly<Record<string, FieldOptions>>,
): string {
  return `[\n${results.map(([name, result]) => `  ${JSON.stringify(line(name, result, told[name]))}`).join(',\n')}\n]\n`;
}

export function summary(results: readonly Examined[]): string {
  const sealed = results.filter((result) => result.sealed);
  const broken = results.filter(isBroken).length;
  const points = sealed.reduce((sum, { attacked }) => sum + attacked, 0);
  const ratios = results.flatMap((result) => ratio(result) ?? []).sort((a, b) => a - b);
  const middle = ratios[Math.floor(ratios.length / 2)];
  return `${sealed.length} of ${results.length} sealed, ${broken} broken, ${points} points tried inside radii, median L/measured ${middle ?? 'none'}`;
}
