/** The Cayley transform: an orthogonal matrix from free parameters. */
import { matrixInverse, tf } from '../tfjs.ts';

/**
 * Q = [(I+A)⁻¹(I−A); −2V(I+A)⁻¹] with A = U − Uᵀ + VᵀV: columns orthonormal, QᵀQ = I.
 *
 * `parameters` is [U; V], [n, m] with n ≥ m, U its first m rows; so is Q. Where n < m the caller transposes.
 * I + A is always invertible, since its symmetric part I + VᵀV is positive definite.
 * Trockman & Kolter, Orthogonalizing Convolutional Layers with the Cayley Transform, ICLR 2021, section 3 and appendix.
 */
function cayleyTall(parameters: tf.Tensor2D): tf.Tensor2D {
  const [n, m] = parameters.shape;
  const u = tf.slice2d(parameters, [0, 0], [m, m]);
  const skew = tf.sub(u, tf.transpose(u)) as tf.Tensor2D;
  if (n === m) {
    const inverse = matrixInverse(tf.add(tf.eye(m), skew) as tf.Tensor2D);
    return tf.matMul(inverse, tf.sub(tf.eye(m), skew) as tf.Tensor2D) as tf.Tensor2D;
  }
  const v = tf.slice2d(parameters, [m, 0], [n - m, m]) as tf.Tensor2D;
  const a = tf.add(skew, tf.matMul(v, v, true)) as tf.Tensor2D;
  const inverse = matrixInverse(tf.add(tf.eye(m), a) as tf.Tensor2D);
  const top = tf.matMul(inverse, tf.sub(tf.eye(m), a) as tf.Tensor2D) as tf.Tensor2D;
  const bottom = tf.mul(tf.matMul(v, inverse), -2) as tf.Tensor2D;
  return tf.concat2d([top, bottom], 0);
}

/**
 * The orthogonal (semi-orthogonal where sizes differ) matrix Q [inputs, outputs] that `parameters` stand for,
 * ‖x·Q‖₂ ≤ ‖x‖₂. `parameters` are [max, min] of the two sizes.
 */
export function cayley(parameters: tf.Tensor2D, inputs: number, outputs: number): tf.Tensor2D {
  const q = cayleyTall(parameters);
  return inputs >= outputs ? q : (tf.transpose(q) as tf.Tensor2D);
}
