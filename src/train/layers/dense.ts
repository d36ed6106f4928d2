/** Dense layers: orthogonal or plain, and the two kinds of head. */
import type { Activation, DenseLayer } from '../../network/plain-network.ts';
import { tf } from '../tfjs.ts';
import { activate } from './activation.ts';
import type { EvaluatedLayer, Layer, OrthogonalMatrix } from './layer.ts';

// Orthonormal rows times 1/√2 are at distance 1 from each other: s_cj = 1 for every pair of classes, if there are no more
// of them than dimensions.
const HEAD_SCALE = Math.SQRT1_2;

interface Sizes {
  readonly inputs: number;
  readonly outputs: number;
}

/** x [N, …] ↦ activation(x·weights + bias), each sample flattened. */
function evaluated(
  weights: tf.Tensor2D,
  bias: tf.Tensor,
  activation: Activation,
  orthogonal: boolean,
): EvaluatedLayer<DenseLayer> {
  const [inputs, outputs] = weights.shape;
  return {
    apply: (x) => activate(tf.add(tf.matMul(tf.reshape(x, [-1, inputs]), weights), bias), activation),
    condense: () => ({
      kind: 'dense',
      inputs,
      outputs,
      weights: weights.dataSync<'float32'>().slice(),
      bias: bias.dataSync<'float32'>().slice(),
      activation,
      orthogonal,
    }),
  };
}

/**
 * Parameters of an orthogonal [inputs, outputs]: N(0, 1/n) for [n, m], n ≥ m. Then VᵀV ≈ I, at which the Cayley
 * map is far from its flat ends.
 */
function freeParameters({ inputs, outputs }: Sizes): [shape: readonly [number, number], deviation: number] {
  const rows = Math.max(inputs, outputs);
  return [[rows, Math.min(inputs, outputs)], 1 / Math.sqrt(rows)];
}

/** MaxMin(xQ + b), Q orthogonal. */
export function orthogonalDense(sizes: Sizes, orthogonal: OrthogonalMatrix): Layer<DenseLayer> {
  const { inputs, outputs } = sizes;
  return {
    initialParameters: (draw) =>
      new Map([
        ['weight', draw(...freeParameters(sizes))],
        ['bias', tf.zeros([outputs])],
      ]),
    evaluate: (parameter) =>
      evaluated(orthogonal(parameter('weight') as tf.Tensor2D, inputs, outputs), parameter('bias'), 'maxMin', true),
  };
}

/**
 * The head y = τ·(zQ/√2) + b with Q's columns orthonormal; τ is learned if it is not given. It cancels in every
 * certificate.
 */
export function orthogonalHead(sizes: Sizes, orthogonal: OrthogonalMatrix, temperature?: number): Layer<DenseLayer> {
  const { inputs, outputs } = sizes;
  return {
    initialParameters: (draw) =>
      new Map([
        ['weight', draw(...freeParameters(sizes))],
        ['bias', tf.zeros([outputs])],
        ...(temperature === undefined ? [['logTemperature', tf.scalar(0)] as const] : []),
      ]),
    evaluate: (parameter) => {
      const q = orthogonal(parameter('weight') as tf.Tensor2D, inputs, outputs);
      const scale = tf.mul(temperature ?? tf.exp(parameter('logTemperature')), HEAD_SCALE);
      return evaluated(tf.mul(q, scale), parameter('bias'), 'none', false);
    },
  };
}

/** relu(xW + b), or xW + b; W as He et al. (2015) draw it, N(0, 2/inputs), halved if no ReLU follows. */
export function plainDense({ inputs, outputs }: Sizes, activation: 'relu' | 'none'): Layer<DenseLayer> {
  return {
    initialParameters: (draw) =>
      new Map([
        ['weight', draw([inputs, outputs], Math.sqrt((activation === 'relu' ? 2 : 1) / inputs))],
        ['bias', tf.zeros([outputs])],
      ]),
    evaluate: (parameter) => evaluated(parameter('weight') as tf.Tensor2D, parameter('bias'), activation, false),
  };
}
