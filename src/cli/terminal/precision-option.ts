/** The option of the commands that make a sealed file. */
import { choice } from './options.ts';

export const PRECISION = choice(
  'what the sealed network computes in: float64 leaves almost nothing for rounding to take from a radius, and is slower',
  ['float32', 'float64'],
);
