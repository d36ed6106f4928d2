/** From an opened picture to the bytes that a model sees: one way for prediction and for training, so that both see the same. */
import type { Metadata, Sharp } from 'sharp';

/**
 * Samples of 8 bits, sRGB or grey: alpha laid over black, an embedded profile applied, 16 bits reduced to 8.
 *
 * sharp (0.35) brings 16 bits with a profile to Display P3 and leaves them there, as much as 55 of 255 from sRGB, and does not
 * look at a profile of 16-bit grey. Such pictures are reduced to 8 bits first: then the profile leads to sRGB.
 *
 * @param found what `metadata()` says of the same picture
 */
export function toEightBits(image: Sharp, found: Pick<Metadata, 'space' | 'icc'>, channels: 1 | 3): Sharp {
  let reduced = image;
  if (found.icc !== undefined && found.space === 'rgb16') reduced = image.pipelineColourspace('srgb');
  if (found.icc !== undefined && found.space === 'grey16') reduced = image.pipelineColourspace('b-w');
  return reduced
    .flatten({ background: 'black' })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw({ depth: 'uchar' });
}
