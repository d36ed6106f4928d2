/** The Cayley transform: orthogonal matrices from free parameters. */
import { matrixInverse, tf } from '../tfjs.ts';

/** Square blocks [F, m, m] and the blocks below them, [F, n − m, m] or null. */
interface Tall {
  readonly top: tf.Tensor3D;
  readonly bottom: tf.Tensor3D | null;
}

/**
 * Q = [(I+A)⁻¹(I−A); −2V(I+A)⁻¹] with A = U − Uᵀ + VᵀV, for each of F blocks: columns orthonormal, QᵀQ = I.
 *
 * I + A is always invertible, since its symmetric part I + VᵀV is positive definite.
 * Trockman & Kolter, Orthogonalizing Convolutional Layers with the Cayley Transform, ICLR 2021, section 3 and appendix.
 */
export function cayleyBlocks(u: tf.Tensor3D, v: tf.Tensor3D | null): Tall {
  const identity = tf.eye(u.shape[1]);
  const skew = tf.sub(u, tf.transpose(u, [0, 2, 1])) as tf.Tensor3D;
  const a = v === null ? skew : (tf.add(skew, tf.matMul(v, v, true)) as tf.Tensor3D);
  const inverse = matrixInverse(tf.add(a, identity) as tf.Tensor3D);
  return {
    top: tf.matMul(inverse, tf.sub(identity, a) as tf.Tensor3D) as tf.Tensor3D,
    bottom: v === null ? null : (tf.mul(tf.matMul(v, inverse), -2) as tf.Tensor3D),
  };
}

/**
 * The orthogonal (semi-orthogonal if sizes differ) matrix Q [inputs, outputs] that `parameters` stand for, ‖x·Q‖₂ ≤
 * ‖x‖₂. `parameters` are [n, m], the larger of the sizes and the smaller: U is their first m rows, V the others.
 */
export function cayley(parameters: tf.Tensor2D, inputs: number, outputs: number): tf.Tensor2D {
  const [n, m] = parameters.shape;
  const blocks = tf.reshape(parameters, [1, n, m]) as tf.Tensor3D;
  const u = tf.slice3d(blocks, [0, 0, 0], [1, m, m]);
  const { top, bottom } = cayleyBlocks(u, n === m ? null : tf.slice3d(blocks, [0, m, 0], [1, n - m, m]));
  const q = tf.reshape(bottom === null ? top : tf.concat3d([top, bottom], 1), [n, m]) as tf.Tensor2D;
  return inputs >= outputs ? q : (tf.transpose(q) as tf.Tensor2D);
}
