/** The IB-IRM penalty: z should be invariant and carry no more information than that takes. */
import { tf } from '../../tfjs.ts';
import { irmPenalty } from './irm.ts';
import type { EnvironmentAnswers } from './penalty.ts';

/**
 * IRM penalty + bottleneck · mean_e mean_k Var_n z_nk. Ahuja et al., Invariance Principle Meets Information Bottleneck
 * for Out-of-Distribution Generalization, NeurIPS 2021, section 4: the variance of z stands for its entropy.
 */
export function ibIrmPenalty(environments: readonly EnvironmentAnswers[], bottleneck: number): tf.Scalar {
  const variances = environments.map(({ latent }) => tf.mean(tf.moments(latent, 0).variance));
  const information = tf.div(tf.addN(variances), environments.length);
  return tf.add(irmPenalty(environments), tf.mul(information, bottleneck)) as tf.Scalar;
}
