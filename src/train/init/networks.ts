/** The network to start from for each size of images. */

/** Height and width that images are scaled to. */
export type Side = 28 | 32 | 64 | 128;

/** The largest size that most images have, if the middle one's shorter side has this many pixels. */
export function sideFor(middle: number): Side {
  if (middle <= 30) return 28;
  if (middle < 56) return 32;
  // Beyond 64, a step takes about four times as long.
  return middle < 256 ? 64 : 128;
}

interface Start {
  readonly network: Readonly<Record<string, unknown>>;
  readonly precision: 'float32' | 'float64';
  readonly reason: string;
}

const convolution = (channels: number, kernel: number, down: number) => ({ channels, kernel, down });

/**
 * No layer has more outputs than inputs, since such a layer does not keep the norm of gradients. The head's temperature
 * is fixed: then the loss is flat for margins well beyond it, and training widens the small ones.
 */
const CONVOLUTIONS: Readonly<Record<Exclude<Side, 28>, readonly object[]>> = {
  32: [convolution(32, 3, 4), convolution(32, 3, 2), convolution(64, 1, 2)],
  64: [convolution(32, 3, 4), convolution(32, 1, 2), convolution(64, 3, 2), convolution(64, 1, 2)],
  128: [convolution(32, 1, 4), convolution(32, 3, 2), convolution(64, 3, 2), convolution(64, 1, 2)],
};

export function networkFor(side: Side): Start {
  if (side === 28) {
    return {
      network: { hidden: [128, 128, 128] },
      precision: 'float32',
      reason: 'images this small need no convolutions: three dense layers, as for digits',
    };
  }
  const conv = CONVOLUTIONS[side];
  return {
    network: { conv, hidden: [128], temperature: 1 },
    precision: 'float64',
    reason: `${conv.length} orthogonal convolutions, which take groups of pixels together at once, and a dense layer`,
  };
}
