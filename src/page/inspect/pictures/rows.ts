/** Pictures with what the models say of them: their order, and the share that is right and certified. */
import type { Answer } from '../../worker/answers.ts';
import type { Picture } from './collect.ts';

export interface Result {
  readonly answer?: Answer;
  readonly problem?: string;
  /** The index of the right class, if the picture's folder names one. */
  readonly truth?: number | undefined;
}

export interface Row {
  readonly picture: Picture;
  /** By model; null where no model is open, or it has not answered yet. */
  readonly results: readonly (Result | null)[];
}

export const ORDERS = [
  ['least', 'least certain first'],
  ['most', 'most certain first'],
  ['wrong', 'wrong labels first'],
  ['differ', 'different labels first'],
  ['name', 'by name'],
] as const;

export type Order = (typeof ORDERS)[number][0];

export const isWrong = ({ answer, truth }: Result): boolean =>
  answer !== undefined && truth !== undefined && answer.label !== truth;

/** What a model is sure of; pictures that cannot be read come last in any order. */
const radius = (result: Result | null | undefined, otherwise: number): number => result?.answer?.radius ?? otherwise;

/** @param by the model whose radii decide */
export function sorted(rows: readonly Row[], order: Order, by: number): readonly Row[] {
  const least = (a: Row, b: Row): number => radius(a.results[by], Infinity) - radius(b.results[by], Infinity);
  const rank = (row: Row): number => {
    if (order === 'wrong') return row.results.some((result) => result !== null && isWrong(result)) ? 0 : 1;
    const [a, b] = row.results;
    return a?.answer !== undefined && b?.answer !== undefined && a.answer.className !== b.answer.className ? 0 : 1;
  };
  const list = [...rows];
  if (order === 'name') return list.sort((a, b) => (a.picture.path < b.picture.path ? -1 : 1));
  if (order === 'least') return list.sort(least);
  if (order === 'most') return list.sort((a, b) => radius(b.results[by], -1) - radius(a.results[by], -1));
  return list.sort((a, b) => rank(a) - rank(b) || least(a, b));
}
