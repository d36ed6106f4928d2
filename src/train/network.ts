/** The GLEAN network: an encoder Ψ of Cayley-orthogonal layers with MaxMin, and a linear head β. */
import { cayley, maxMin } from './layers.ts';
import { statelessNormal, tf } from './tfjs.ts';

/** Named parameters, in a fixed order. */
export type Parameters = ReadonlyMap<string, tf.Tensor>;

export interface NetworkShape {
  readonly inputs: number;
  /** Outputs of each encoder layer; even, as MaxMin takes pairs. */
  readonly hidden: readonly number[];
  readonly classes: number;
}

/** A dense layer with plain weights: x ↦ x·weights + bias, then MaxMin where `maxMin` is set. */
interface PlainLayer {
  readonly inputs: number;
  readonly outputs: number;
  /** [inputs, outputs], row-major. */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  readonly maxMin: boolean;
}

/** The network with plain weights in place of the Cayley parameters: what leaves training. */
export interface PlainNetwork {
  readonly encoder: readonly PlainLayer[];
  readonly head: PlainLayer;
}

// Orthonormal rows times 1/√2 are at distance 1 from each other: s_cj = 1 for every pair of classes.
const HEAD_SCALE = Math.SQRT1_2;

/**
 * New parameters, N(0, 1/n) for [n, m]: then VᵀV ≈ I, where the Cayley map is far from its flat ends.
 * The seed decides them; each layer draws from a stream of its own.
 */
export function initialParameters(shape: NetworkShape, seed: number): Map<string, tf.Tensor> {
  const parameters = new Map<string, tf.Tensor>();
  const sizes = [shape.inputs, ...shape.hidden];
  const draw = (rows: number, columns: number, stream: number) =>
    tf.tidy(() => statelessNormal([rows, columns], [seed, -1 - stream]).div(Math.sqrt(rows)));
  shape.hidden.forEach((outputs, i) => {
    const inputs = sizes[i]!;
    parameters.set(`encoder.${i}.weight`, draw(Math.max(inputs, outputs), Math.min(inputs, outputs), i));
    parameters.set(`encoder.${i}.bias`, tf.zeros([outputs]));
  });
  const latent = sizes[sizes.length - 1]!;
  parameters.set('head.weight', draw(Math.max(latent, shape.classes), Math.min(latent, shape.classes), sizes.length));
  parameters.set('head.bias', tf.zeros([shape.classes]));
  parameters.set('head.logTemperature', tf.scalar(0));
  return parameters;
}

function get(parameters: Parameters, name: string): tf.Tensor {
  const tensor = parameters.get(name);
  if (tensor === undefined) throw new Error(`no parameter '${name}'`);
  return tensor;
}

/** Head weights [d, K]: orthonormal columns · 1/√2 · temperature. The temperature cancels in every certificate. */
function headWeights(parameters: Parameters, shape: NetworkShape): tf.Tensor2D {
  const latent = shape.hidden[shape.hidden.length - 1]!;
  const q = cayley(get(parameters, 'head.weight') as tf.Tensor2D, latent, shape.classes);
  return tf.mul(q, tf.mul(tf.exp(get(parameters, 'head.logTemperature')), HEAD_SCALE));
}

/** The matrices of one step: Cayley maps are evaluated once, however many batches are run through them. */
export interface Weights {
  readonly encoder: readonly { readonly weights: tf.Tensor2D; readonly bias: tf.Tensor }[];
  readonly head: { readonly weights: tf.Tensor2D; readonly bias: tf.Tensor };
}

export function weightsOf(parameters: Parameters, shape: NetworkShape): Weights {
  const sizes = [shape.inputs, ...shape.hidden];
  return {
    encoder: shape.hidden.map((outputs, i) => ({
      weights: cayley(get(parameters, `encoder.${i}.weight`) as tf.Tensor2D, sizes[i]!, outputs),
      bias: get(parameters, `encoder.${i}.bias`),
    })),
    head: { weights: headWeights(parameters, shape), bias: get(parameters, 'head.bias') },
  };
}

/** z = Ψ(x): [N, inputs] → [N, d]. */
export function encode(weights: Weights, images: tf.Tensor2D): tf.Tensor2D {
  let z = images;
  for (const layer of weights.encoder) z = maxMin(tf.add(tf.matMul(z, layer.weights), layer.bias));
  return z;
}

/** y = β(z): [N, d] → [N, K]. */
export function classify(weights: Weights, latent: tf.Tensor2D): tf.Tensor2D {
  return tf.add(tf.matMul(latent, weights.head.weights), weights.head.bias);
}

/** Cayley parameters replaced by the float32 matrices they stand for, the temperature folded into the head. */
export function condense(parameters: Parameters, shape: NetworkShape): PlainNetwork {
  const plain = (layer: Weights['head'], maxMinAfter: boolean): PlainLayer => ({
    inputs: layer.weights.shape[0],
    outputs: layer.weights.shape[1],
    weights: layer.weights.dataSync<'float32'>().slice(),
    bias: layer.bias.dataSync<'float32'>().slice(),
    maxMin: maxMinAfter,
  });
  tf.engine().startScope();
  try {
    const weights = weightsOf(parameters, shape);
    return { encoder: weights.encoder.map((layer) => plain(layer, true)), head: plain(weights.head, false) };
  } finally {
    tf.engine().endScope();
  }
}
