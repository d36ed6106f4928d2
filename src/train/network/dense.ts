/** A network of dense layers: the image flattened, Cayley-orthogonal matrices with MaxMin, a linear head. */
import { cayley } from '../layers/cayley.ts';
import { maxMin } from '../layers/max-min.ts';
import { statelessNormal, tf } from '../tfjs.ts';
import type { ImageShape, Network, Parameters, PlainLayer } from './network.ts';

// Orthonormal rows times 1/√2 are at distance 1 from each other: s_cj = 1 for every pair of classes.
const HEAD_SCALE = Math.SQRT1_2;

interface Affine {
  readonly weights: tf.Tensor2D;
  readonly bias: tf.Tensor;
}

function get(parameters: Parameters, name: string): tf.Tensor {
  const tensor = parameters.get(name);
  if (tensor === undefined) throw new Error(`no parameter '${name}'`);
  return tensor;
}

function plain({ weights, bias }: Affine, maxMinAfter: boolean): PlainLayer {
  return {
    inputs: weights.shape[0],
    outputs: weights.shape[1],
    weights: weights.dataSync<'float32'>().slice(),
    bias: bias.dataSync<'float32'>().slice(),
    maxMin: maxMinAfter,
  };
}

/** `hidden`: outputs of each encoder layer; even, as MaxMin takes pairs. */
export function denseNetwork(hidden: readonly number[], shape: ImageShape, classes: number): Network {
  const inputs = shape[0] * shape[1] * shape[2];
  const sizes = [inputs, ...hidden];
  const latent = sizes[sizes.length - 1]!;

  /** Head weights [d, K]: orthonormal columns · 1/√2 · temperature. The temperature cancels in every certificate. */
  const headOf = (parameters: Parameters): Affine => ({
    weights: tf.mul(
      cayley(get(parameters, 'head.weight') as tf.Tensor2D, latent, classes),
      tf.mul(tf.exp(get(parameters, 'head.logTemperature')), HEAD_SCALE),
    ),
    bias: get(parameters, 'head.bias'),
  });
  const encoderOf = (parameters: Parameters): Affine[] =>
    hidden.map((outputs, i) => ({
      weights: cayley(get(parameters, `encoder.${i}.weight`) as tf.Tensor2D, sizes[i]!, outputs),
      bias: get(parameters, `encoder.${i}.bias`),
    }));

  return {
    shape,
    latent,
    classes,
    /**
     * N(0, 1/n) for [n, m]: then VᵀV ≈ I, where the Cayley map is far from its flat ends. Each layer draws from a stream of
     * its own.
     */
    initialParameters: (seed) => {
      const parameters = new Map<string, tf.Tensor>();
      const draw = (a: number, b: number, stream: number) => {
        const [rows, columns] = [Math.max(a, b), Math.min(a, b)];
        return tf.tidy(() => statelessNormal([rows, columns], [seed, -1 - stream]).div(Math.sqrt(rows)));
      };
      hidden.forEach((outputs, i) => {
        parameters.set(`encoder.${i}.weight`, draw(sizes[i]!, outputs, i));
        parameters.set(`encoder.${i}.bias`, tf.zeros([outputs]));
      });
      parameters.set('head.weight', draw(latent, classes, sizes.length));
      parameters.set('head.bias', tf.zeros([classes]));
      parameters.set('head.logTemperature', tf.scalar(0));
      return parameters;
    },
    weights: (parameters) => {
      const encoder = encoderOf(parameters);
      const head = headOf(parameters);
      return {
        encoder: (images) =>
          encoder.reduce(
            (z, layer) => maxMin(tf.add(tf.matMul(z, layer.weights), layer.bias) as tf.Tensor2D),
            tf.reshape(images, [-1, inputs]) as tf.Tensor2D,
          ),
        head: (z) => tf.add(tf.matMul(z, head.weights), head.bias),
      };
    },
    encode: (weights, images) => weights.encoder(images),
    classify: (weights, z) => weights.head(z),
    condense: (parameters) => {
      tf.engine().startScope();
      try {
        return {
          encoder: encoderOf(parameters).map((layer) => plain(layer, true)),
          head: plain(headOf(parameters), false),
        };
      } finally {
        tf.engine().endScope();
      }
    },
  };
}
