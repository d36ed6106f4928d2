/** What models say about pictures, as the workers tell it. */
import type { Prediction } from '../../certify-runtime/web.ts';

/** One model's answer for one picture. */
export interface Answer {
  readonly label: number;
  readonly className: string;
  /** The margin certificate's radius, in ℓ2 of pixels on [0, 1]. */
  readonly radius: number;
  readonly logits: Float32Array;
}

/** Copies the logits, because those of a batch are views of one buffer that a message would carry as a whole. */
export function answerOf({ label, className, radius, logits }: Prediction): Answer {
  return { label, className, radius, logits: logits.slice() };
}

/** A straight way from the picture through the nearest flip that was found, and what the model says along it. */
export interface Track {
  /** [H, W, C] of the picture. */
  readonly shape: readonly number[];
  /** The distance of the nearest flip that was found; undefined if none was. */
  readonly flipDistance: number | undefined;
  /** The radius of the picture itself. */
  readonly radius: number;
  /** Steps · H·W·C pixels on [0, 1]; step 0 is the picture. */
  readonly pixels: Float32Array;
  /** The certifier's answer at each step; the distance is measured between the pixels and rounded up. */
  readonly steps: readonly (Answer & { readonly distance: number })[];
  /** The number of points on which the search ran the model. */
  readonly evaluations: number;
}
