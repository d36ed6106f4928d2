/** The options a data set may take: how each is checked, and what an opened data set is asked for. */
import * as v from 'valibot';
import { nonNegativeInteger, positiveInteger } from './numbers.ts';
import type { Progress } from './prepared/prepared.ts';

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
/** A share that is neither nothing nor everything. */
const part = v.pipe(v.number(), v.gtValue(0), v.ltValue(1));
const names = v.pipe(v.array(v.string()), v.minLength(1), v.readonly());

export const OPTIONS = {
  /** The seed of the data set alone, not of training. */
  seed: nonNegativeInteger,
  /** At most this many images in each training domain. */
  limit: positiveInteger,
  /** The folder of the originals; a command's --data-dir takes precedence over it. */
  dir: v.string(),
  /** Height and width of the prepared images. */
  side: v.pipe(positiveInteger, v.minValue(8), v.maxValue(512)),
  /** If more than this share of the originals is unusable, opening the data set is an error. */
  maxSkipped: share,
  labelNoise: v.pipe(share, v.maxValue(0.5)),
  heldOut: v.string(),
  classes: names,
  cue: names,
  /** How many faces are drawn. */
  faces: positiveInteger,
  /** The share of each class that is held out for validation. */
  validation: part,
} as const;

export type OptionName = keyof typeof OPTIONS;
export type Options = { readonly [K in OptionName]: v.InferOutput<(typeof OPTIONS)[K]> };

/** What the function that opens a data set is given: its options, and where pictures are drawn and images prepared. */
export interface DatasetRequest extends Partial<Options> {
  readonly name: string;
  readonly cache: string;
  readonly onProgress?: Progress;
}
