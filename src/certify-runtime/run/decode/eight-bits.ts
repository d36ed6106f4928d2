/**
 * From an opened picture to the bytes that a model sees, in one place, so that prediction and training see the same
 * bytes.
 */
import type { Metadata, Sharp } from 'sharp';

/**
 * Samples of 8 bits, sRGB or grey: alpha is laid over black, an embedded profile is applied, and 16 bits are reduced to
 * 8.
 *
 * sharp (0.35) converts 16 bits with a profile to Display P3 and leaves them there, off from sRGB by as much as 55 of
 * 255, and ignores the profile of 16-bit grey. Such pictures are reduced to 8 bits first; the profile then leads to
 * sRGB.
 *
 * @param found what `metadata()` says about the same picture
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
