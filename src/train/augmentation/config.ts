/** How training images are changed, in a configuration: the schema of `augmentation`. */
import * as v from 'valibot';
import { nonNegativeInteger } from '../data/numbers.ts';

export const RIMS = ['edge', 'black'] as const;

/** What fills the space that a moved image leaves. */
export type Rim = (typeof RIMS)[number];

const upTo = (most: number) => v.pipe(v.number(), v.minValue(0), v.maxValue(most));
const probability = v.pipe(v.number(), v.gtValue(0), v.maxValue(1));

const MOST_SIZE = 15;

/** Xu et al. 2021 (random-convolution.ts). */
const convolutionSchema = v.strictObject({
  /** How likely an image is to be changed. */
  probability: v.optional(probability, 0.5),
  /** The sizes k that a k×k kernel may have, each as likely. */
  sizes: v.optional(
    v.pipe(
      v.array(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MOST_SIZE))),
      v.nonEmpty('at least one size is needed'),
      v.everyItem((size) => size % 2 === 1, 'sizes are odd, so that a kernel has a middle'),
    ),
    [1, 3, 5, 7],
  ),
  /** Whether a changed image is a random mixture of itself and what the convolution gives. */
  mixing: v.optional(v.boolean(), true),
});

/** How far colours change at most (colours.ts). */
const colourSchema = v.pipe(
  v.strictObject({
    /** Each channel is multiplied by 1 ± up to this. */
    gain: v.optional(upTo(1), 0),
    /** To each channel up to ± this is added. */
    offset: v.optional(upTo(1), 0),
    /** Differences from middle grey are multiplied by 1 ± up to this. */
    contrast: v.optional(upTo(1), 0),
    /** Red, green and blue are turned about grey by ± up to this part of a full turn. */
    hue: v.optional(upTo(0.5), 0),
  }),
  v.check((most) => Object.values(most).some((value) => value > 0), 'all are 0: nothing would change; leave it out'),
);

export const augmentationSchema = v.strictObject({
  /** Images are moved by up to this many pixels each way. */
  shift: nonNegativeInteger,
  /** What fills the space a moved image leaves: its nearest pixel (the default), or black. */
  rim: v.picklist(RIMS),
  /** Whether each image is mirrored, left to right, with probability ½. */
  flip: v.optional(v.boolean(), false),
  convolution: v.exactOptional(convolutionSchema),
  colour: v.exactOptional(colourSchema),
  /** How likely an image is to lose its colours. */
  grey: v.exactOptional(probability),
});
