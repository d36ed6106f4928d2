/** The network to train: an encoder Ψ of 1-Lipschitz layers and a linear head β, or plain layers of the same shape. */
import { layerStream } from '../../certify-runtime/smoothing/streams.ts';
import type { DenseLayer, PlainNetwork } from '../../network/plain-network.ts';
import type { TrainConfig } from '../config.ts';
import type { EvaluatedLayer, Layer } from '../layers/layer.ts';
import { statelessNormal, tf } from '../tfjs.ts';
import { encoderLayers, headLayer, type ImageShape } from './layers.ts';

export type { PlainNetwork };

/** Named parameters, in a fixed order. */
type Parameters = ReadonlyMap<string, tf.Tensor>;

/**
 * The weights that one step computes with: Cayley maps are evaluated once, however many batches are run through them.
 */
interface Weights {
  readonly encoder: readonly EvaluatedLayer[];
  readonly head: EvaluatedLayer<DenseLayer>;
}

export interface Network {
  readonly shape: ImageShape;
  /** d, the size of z. */
  readonly latent: number;
  /** K. */
  readonly classes: number;
  /** New parameters, decided by the seed. */
  initialParameters(seed: number): Map<string, tf.Tensor>;
  /** Evaluates the Cayley maps, for one step. */
  weights(parameters: Parameters): Weights;
  /** z = Ψ(x): [N, H, W, C] → [N, d]. */
  encode(weights: Weights, images: tf.Tensor4D): tf.Tensor2D;
  /** y = β(z): [N, d] → [N, K]. */
  classify(weights: Weights, latent: tf.Tensor2D): tf.Tensor2D;
  /** Cayley parameters replaced by the float32 weights they stand for, the temperature folded into the head. */
  condense(parameters: Parameters): PlainNetwork;
}

/**
 * The network that a configuration describes, for images of `shape`.
 *
 * @throws InputError if the images cannot be down-sampled as it says
 */
export function createNetwork(config: TrainConfig['network'], shape: ImageShape, classes: number): Network {
  const { layers, latent } = encoderLayers(config, shape);
  const head = headLayer(config, latent, classes);
  const scopes: (readonly [scope: string, layer: Layer])[] = [
    ...layers.map((layer, i) => [`encoder.${i}`, layer] as const),
    ['head', head],
  ];
  const parameterOf = (parameters: Parameters, scope: string) => (name: string) => {
    const tensor = parameters.get(`${scope}.${name}`);
    if (tensor === undefined) throw new Error(`no parameter '${scope}.${name}'`);
    return tensor;
  };
  const evaluate = (parameters: Parameters): Weights => ({
    encoder: layers.map((layer, i) => layer.evaluate(parameterOf(parameters, `encoder.${i}`))),
    head: head.evaluate(parameterOf(parameters, 'head')),
  });
  return {
    shape,
    latent,
    classes,
    initialParameters: (seed) =>
      new Map(
        scopes.flatMap(([scope, layer], i) => {
          // Each layer has its own stream.
          const draw = (size: readonly number[], deviation: number) =>
            tf.tidy(() => tf.mul(statelessNormal(size, [seed, layerStream(i)]), deviation));
          return [...layer.initialParameters(draw)].map(([name, value]) => [`${scope}.${name}`, value] as const);
        }),
      ),
    weights: evaluate,
    encode: ({ encoder }, images) => {
      const z = encoder.reduce<tf.Tensor>((x, layer) => layer.apply(x), images);
      return tf.reshape(z, [-1, latent]) as tf.Tensor2D;
    },
    classify: (weights, latents) => weights.head.apply(latents) as tf.Tensor2D,
    condense: (parameters) => {
      tf.engine().startScope();
      try {
        const { encoder, head: last } = evaluate(parameters);
        return { encoder: encoder.map((layer) => layer.condense()), head: last.condense() };
      } finally {
        tf.engine().endScope();
      }
    },
  };
}
