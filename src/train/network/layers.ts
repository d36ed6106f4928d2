/** From a configuration to the layers of a network. */
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import type { DenseLayer } from '../../network/plain-network.ts';
import type { TrainConfig } from '../config.ts';
import { type ConvolutionSizes, cayleyConvolution } from '../layers/cayley-convolution.ts';
import { cayleyDense, cayleyHead, plainDense } from '../layers/dense.ts';
import type { Layer } from '../layers/layer.ts';
import { cayleyPointwise, plainConvolution } from '../layers/plain-convolution.ts';

/** Height, width and channels of an image. */
export type ImageShape = readonly [height: number, width: number, channels: number];

type NetworkConfig = TrainConfig['network'];

/** The sizes of each convolution, from the image on. */
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

/** The encoder's layers, and the size d of what they give. */
export function encoderLayers(
  config: NetworkConfig,
  shape: ImageShape,
): { readonly layers: readonly Layer[]; readonly latent: number } {
  const convolutions = convolutionSizes(config, shape);
  const last = convolutions.at(-1);
  const flat = last === undefined ? shape[0] * shape[1] * shape[2] : last.height * last.width * last.outputs;
  const sizes = [flat, ...config.hidden];
  const dense = config.hidden.map((outputs, i) => {
    const inputs = sizes[i]!;
    return config.lipschitz ? cayleyDense({ inputs, outputs }) : plainDense({ inputs, outputs }, 'relu');
  });
  const convolution = (of: ConvolutionSizes): Layer => {
    if (!config.lipschitz) return plainConvolution(of);
    return of.kernel === 1 ? cayleyPointwise(of) : cayleyConvolution(of);
  };
  return { layers: [...convolutions.map(convolution), ...dense], latent: sizes[sizes.length - 1]! };
}

export function headLayer(config: NetworkConfig, inputs: number, outputs: number): Layer<DenseLayer> {
  return config.lipschitz
    ? cayleyHead({ inputs, outputs }, config.temperature)
    : plainDense({ inputs, outputs }, 'none');
}
