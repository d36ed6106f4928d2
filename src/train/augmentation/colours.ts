/**
 * Random colours, and random loss of colour: one affine map of an image's pixels. Colour: Howard, Some Improvements on
 * Deep Convolutional Neural Network Based Image Classification, 2013. Grey: Chen et al., A Simple Framework for
 * Contrastive Learning of Visual Representations, ICML 2020, appendix A.
 */
import type { Random } from '../../certify-runtime/smoothing/random.ts';
import type { TrainConfig } from '../config.ts';
import { tf } from '../tfjs.ts';

/** The luminance of red, green and blue (ITU-R BT.601). */
const LUMINANCE = [0.299, 0.587, 0.114];

/** p ↦ M·p + v for the C channels of a pixel; M is row-major. */
export interface AffineMap {
  readonly matrix: readonly number[];
  readonly offset: readonly number[];
}

/**
 * p ↦ G·(½ + a·(D·R·p − ½) + o): R turns by `hue` about grey, D = diag(1 ± gain), a = 1 ± contrast, o = ± offset for
 * each channel, all uniform; G, with probability `grey`, puts the luminance in all channels (their mean if there are not
 * three), and else changes nothing. Numbers are drawn in the order a, R, D, o, G; what is not asked for takes none.
 */
export function drawColours(
  channels: number,
  colour: TrainConfig['augmentation']['colour'],
  grey: number,
  random: Random,
): AffineMap {
  const { gain = 0, offset = 0, contrast = 0, hue = 0 } = colour ?? {};
  const around = (centre: number, most: number) => (most === 0 ? centre : centre + most * (2 * random.uniform() - 1));
  const indices = Array.from({ length: channels }, (_, c) => c);
  const slope = around(1, contrast);
  const turn = hue === 0 ? identity(channels) : turned(2 * Math.PI * around(0, hue));
  const gains = indices.map(() => around(1, gain));
  const coloured = turn.map((value, i) => slope * gains[Math.floor(i / channels)]! * value);
  const offsets = indices.map(() => (1 - slope) / 2 + around(0, offset));
  if (grey === 0 || random.uniform() >= grey) return { matrix: coloured, offset: offsets };
  const weights = channels === 3 ? LUMINANCE : indices.map(() => 1 / channels);
  const row = indices.map((from) => sum(indices.map((c) => weights[c]! * coloured[c * channels + from]!)));
  const level = sum(indices.map((c) => weights[c]! * offsets[c]!));
  return { matrix: indices.flatMap(() => row), offset: indices.map(() => level) };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

function identity(size: number): number[] {
  return Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));
}

/** The rotation by `angle` about (1, 1, 1), row-major (Rodrigues' formula): grey stays as it is. */
function turned(angle: number): number[] {
  const cosine = Math.cos(angle);
  const [same, third, sine] = [cosine + (1 - cosine) / 3, (1 - cosine) / 3, Math.sin(angle) / Math.sqrt(3)];
  const [up, down] = [third + sine, third - sine];
  return [same, down, up, up, same, down, down, up, same];
}

/** Applies one map to each image of [N, H, W, C] and clips to [0, 1]. */
export function recolour(images: tf.Tensor4D, maps: readonly AffineMap[]): tf.Tensor4D {
  const [n, height, width, channels] = images.shape;
  return tf.tidy(() => {
    const pixels = tf.reshape(images, [n, height * width, channels]);
    const matrices = tf.tensor3d(Float32Array.from(maps.flatMap(({ matrix }) => matrix)), [n, channels, channels]);
    const offsets = tf.tensor3d(Float32Array.from(maps.flatMap(({ offset }) => offset)), [n, 1, channels]);
    const changed = tf.add(tf.matMul(pixels, matrices, false, true), offsets);
    return tf.reshape(tf.clipByValue(changed, 0, 1), images.shape);
  });
}
