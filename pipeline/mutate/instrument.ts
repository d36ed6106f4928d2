/** One program for all mutants: at each point it asks which mutant is switched on. */

import type { Point } from './points.ts';

/** What an instrumented program reads at each point; the worker makes it before any module is loaded. */
export interface Switchboard {
  /** The point that is mutated, and by which of its variants; −1: none. */
  point: number;
  variant: number;
  /** Points that were reached, by number; written by programs made for coverage only. */
  readonly reached: Uint8Array;
}

/** The name of the switchboard in globalThis, and what every bundle starts with. */
export const SWITCHBOARD = '__gleanMutant';
export const PRELUDE = `const __m = globalThis.${SWITCHBOARD};`;

/** A point in place of its expression. Variants hold no points themselves: one mutant at a time. */
function instrumented(number: number, { variants }: Point, original: string, coverage: boolean): string {
  if (coverage) return `(__m.reached[${number}] = 1, (${original}))`;
  const chosen = variants.reduceRight(
    (rest, variant, i) => (rest === '' ? `(${variant})` : `(__m.variant === ${i} ? (${variant}) : ${rest})`),
    '',
  );
  return `(__m.point === ${number} ? ${chosen} : (${original}))`;
}

/** The text of a file with all its points, numbered from `first` on in their order; points are nested or apart. */
export function instrument(text: string, points: readonly Point[], first: number, coverage: boolean): string {
  let next = 0;
  const until = (begin: number, end: number): string => {
    let out = '';
    let at = begin;
    while (next < points.length && points[next]!.start < end) {
      const number = next++;
      const point = points[number]!;
      out += text.slice(at, point.start);
      const inner = until(point.start, point.end);
      out += instrumented(first + number, point, inner, coverage);
      at = point.end;
    }
    return out + text.slice(at, end);
  };
  return until(0, text.length);
}
