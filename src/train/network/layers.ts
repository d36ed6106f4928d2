/**
 * Turns a configuration into the layers of a network.
 *
 * Another parametrisation of orthogonal layers needs a file in ../layers with an `OrthogonalMatrix`, and an entry in
 * `ORTHOGONAL` below: a configuration then asks for it by `network.orthogonal`. What it gives is condensed, baked and
 * exported as every orthogonal layer is.
 */
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import type { DenseLayer } from '../../network/plain-network.ts';
import type { TrainConfig } from '../config.ts';
import { cayley } from '../layers/cayley.ts';
import { type ConvolutionSizes, cayleyConvolution } from '../layers/cayley-convolution.ts';
import { orthogonalDense, orthogonalHead, plainDense } from '../layers/dense.ts';
import type { Layer, OrthogonalMatrix } from '../layers/layer.ts';
import { orthogonalPointwise, plainConvolution } from '../layers/plain-convolution.ts';

/** Height, width and channels of an image. */
export type ImageShape = readonly [height: number, width: number, channels: number];

type NetworkConfig = TrainConfig['network'];

interface Parametrisation {
  readonly matrix: OrthogonalMatrix;
  /** For kernels larger than 1; Cayley's if there is none. */
  readonly convolution?: (sizes: ConvolutionSizes) => Layer;
}

const DEFAULT = 'cayley';

/** The parametrisations of orthogonal layers, by their names in configurations. */
const ORTHOGONAL: Readonly<Record<string, Parametrisation>> = {
  [DEFAULT]: { matrix: cayley, convolution: cayleyConvolution },
};

/** @throws InputError if the configuration names one that is not in the table */
function parametrisation({ orthogonal = DEFAULT }: NetworkConfig): Parametrisation {
  if (Object.hasOwn(ORTHOGONAL, orthogonal)) return ORTHOGONAL[orthogonal]!;
  const expected = Object.keys(ORTHOGONAL);
  throw new InputError(`network.orthogonal: found '${orthogonal}', expected one of ${expected.join(', ')}`, {
    found: orthogonal,
    expected,
  });
}

/** The sizes of each convolution, starting at the image. */
function convolutionSizes(config: NetworkConfig, shape: ImageShape): ConvolutionSizes[] {
  let [height, width, channels] = shape;
  return config.conv.map(({ channels: outputs, kernel, down }, i) => {
    if (height % down !== 0 || width % down !== 0) {
      throw new InputError(
        `network.conv[${i}].down: images of ${height}×${width} cannot be taken in groups of ${down}×${down}`,
        { found: down, height, width },
      );
    }
    height /= down;
    width /= down;
    const inputs = channels * down * down;
    channels = outputs;
    return { height, width, down, kernel, inputs, outputs };
  });
}

/**
 * The encoder's layers, and the size d of their output.
 *
 * @throws InputError if images cannot be divided into groups as a convolution says, or a parametrisation is unknown
 */
export function encoderLayers(
  config: NetworkConfig,
  shape: ImageShape,
): { readonly layers: readonly Layer[]; readonly latent: number } {
  const convolutions = convolutionSizes(config, shape);
  const { matrix, convolution: large = cayleyConvolution } = parametrisation(config);
  const last = convolutions.at(-1);
  const flat = last === undefined ? shape[0] * shape[1] * shape[2] : last.height * last.width * last.outputs;
  const sizes = [flat, ...config.hidden];
  const dense = config.hidden.map((outputs, i) => {
    const inputs = sizes[i]!;
    return config.lipschitz ? orthogonalDense({ inputs, outputs }, matrix) : plainDense({ inputs, outputs }, 'relu');
  });
  const convolution = (of: ConvolutionSizes): Layer => {
    if (!config.lipschitz) return plainConvolution(of);
    return of.kernel === 1 ? orthogonalPointwise(of, matrix) : large(of);
  };
  return { layers: [...convolutions.map(convolution), ...dense], latent: sizes[sizes.length - 1]! };
}

export function headLayer(config: NetworkConfig, inputs: number, outputs: number): Layer<DenseLayer> {
  return config.lipschitz
    ? orthogonalHead({ inputs, outputs }, parametrisation(config).matrix, config.temperature)
    : plainDense({ inputs, outputs }, 'none');
}
