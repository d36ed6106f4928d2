/** The families of combinations; a graph is given by its family and a seed. */

import { Chance } from '../reference/chance.ts';
import { growForbidden } from './forbidden.ts';
import { type Combination, type Grown, Growth } from './growth.ts';
import { growIntegers } from './integers/integers.ts';
import { growMixes } from './mixes.ts';
import { growNorms } from './norms.ts';
import { growProducts } from './products.ts';
import { growScales } from './scales.ts';
import { growSegments } from './segments.ts';
import { growSorts } from './sorts.ts';

const GROW = {
  products: growProducts,
  integers: growIntegers,
  scales: growScales,
  sorts: growSorts,
  mixes: growMixes,
  forbidden: growForbidden,
  segments: growSegments,
  norms: growNorms,
} as const satisfies Readonly<Record<string, (g: Growth) => readonly Grown[]>>;

export type Family = keyof typeof GROW;
export const FAMILIES = Object.keys(GROW) as readonly Family[];

const IMAGES: readonly (readonly number[])[] = [
  ...[[4], [6], [8], [12], [16], [2, 2], [2, 3], [3, 4], [4, 4], [2, 6]],
  ...[
    [1, 2, 2],
    [2, 2, 2],
    [1, 3, 3],
    [2, 2, 3],
    [1, 4, 4],
    [3, 2, 2],
    [4, 2, 2],
  ],
];

export function combination(family: Family, seed: number): Combination {
  const chance = new Chance(seed, FAMILIES.indexOf(family));
  const g = new Growth(chance, chance.pick(IMAGES));
  return g.finish(GROW[family](g));
}
