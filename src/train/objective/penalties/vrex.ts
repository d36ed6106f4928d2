/** The V-REx penalty: environments should have the same risk. */
import { tf } from '../../tfjs.ts';
import type { EnvironmentAnswers } from './penalty.ts';

/**
 * Var_e R_e = mean_e (R_e − mean R)². Krueger et al., Out-of-Distribution Generalization via Risk Extrapolation, ICML
 * 2021, eq. 8.
 */
export function vrexPenalty(environments: readonly EnvironmentAnswers[]): tf.Scalar {
  return tf.moments(tf.stack(environments.map(({ risk }) => risk))).variance as tf.Scalar;
}
