/** Convolutions in the plain form: those without a Lipschitz constraint, and the orthogonal one with kernel 1. */
import type { Activation, ConvLayer } from '../../network/plain-network.ts';
import { tf } from '../tfjs.ts';
import { activate } from './activation.ts';
import type { ConvolutionSizes } from './cayley-convolution.ts';
import type { EvaluatedLayer, Layer, OrthogonalMatrix } from './layer.ts';
import { spaceToDepth } from './space-to-depth.ts';

/** activation(x ⋆ weights + bias), zero-padded; weights [k, k, inputs, outputs]. */
function evaluated(
  sizes: ConvolutionSizes,
  weights: tf.Tensor4D,
  bias: tf.Tensor,
  activation: Activation,
  orthogonal: boolean,
): EvaluatedLayer<ConvLayer> {
  return {
    apply: (x) => {
      const image = spaceToDepth(x as tf.Tensor4D, sizes.down);
      return activate(tf.add(tf.conv2d(image, weights, 1, 'same'), bias), activation);
    },
    condense: () => ({
      kind: 'conv',
      ...sizes,
      weights: weights.dataSync<'float32'>().slice(),
      bias: bias.dataSync<'float32'>().slice(),
      activation,
      orthogonal,
    }),
  };
}

/** relu(x ⋆ W + b), of the same shape as a Cayley convolution; W as He et al. (2015) draw it. */
export function plainConvolution(sizes: ConvolutionSizes): Layer<ConvLayer> {
  const { kernel, inputs, outputs } = sizes;
  return {
    initialParameters: (draw) =>
      new Map([
        ['kernel', draw([kernel, kernel, inputs, outputs], Math.sqrt(2 / (kernel * kernel * inputs)))],
        ['bias', tf.zeros([outputs])],
      ]),
    evaluate: (parameter) => evaluated(sizes, parameter('kernel') as tf.Tensor4D, parameter('bias'), 'relu', false),
  };
}

/**
 * MaxMin(x·Q + b) at each pixel: a Cayley convolution with kernel 1, whose frequency responses are all the same matrix.
 */
export function orthogonalPointwise(sizes: ConvolutionSizes, orthogonal: OrthogonalMatrix): Layer<ConvLayer> {
  const { inputs, outputs } = sizes;
  const [n, m] = [Math.max(inputs, outputs), Math.min(inputs, outputs)];
  return {
    initialParameters: (draw) =>
      new Map([
        ['kernel', draw([n, m], 1 / Math.sqrt(n))],
        ['bias', tf.zeros([outputs])],
      ]),
    evaluate: (parameter) => {
      const q = orthogonal(parameter('kernel') as tf.Tensor2D, inputs, outputs);
      const weights = tf.reshape(q, [1, 1, inputs, outputs]) as tf.Tensor4D;
      return evaluated(sizes, weights, parameter('bias'), 'maxMin', true);
    },
  };
}
