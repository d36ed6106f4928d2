/** PAIR: risk, IRM and V-REx as three objectives that are weighed anew at every step. */
import { tf } from '../../tfjs.ts';
import { irmPenalty } from './irm.ts';
import { paretoWeights, type Triple } from './pareto.ts';
import type { EnvironmentAnswers } from './penalty.ts';
import { vrexPenalty } from './vrex.ts';

type Objectives = readonly [risk: tf.Scalar, irm: tf.Scalar, vrex: tf.Scalar];

/** Σ_e R_e, Σ_e (dR_e(w·y)/dw)², Var_e R_e. */
export function pairObjectives(environments: readonly EnvironmentAnswers[]): Objectives {
  const risk = tf.addN(environments.map((answers) => answers.risk)) as tf.Scalar;
  return [risk, irmPenalty(environments), vrexPenalty(environments)];
}

/**
 * α·objectives(y) with α from their gradients: towards the Pareto-optimal point that the preference asks for. Chen et
 * al., Pareto Invariant Risk Minimization, ICLR 2023, section 4.
 *
 * The gradients are taken in the logits y [N, K] instead of in all parameters: by the chain rule, a change of y that
 * lowers all objectives also does so in the parameters, as far as the network can follow it (MGDA-UB; Sener & Koltun,
 * NeurIPS 2018). So one backward pass through the network is enough instead of three.
 */
export function pairLoss(
  logits: tf.Tensor2D,
  objectives: (logits: tf.Tensor2D) => Objectives,
  preference: Triple,
): { readonly loss: tf.Scalar; readonly lambda: number; readonly penalty: tf.Scalar } {
  const [values, products] = tf.tidy(() => {
    const gradients = ([0, 1, 2] as const).map((k) =>
      tf
        .grad((y) => objectives(y as tf.Tensor2D)[k])(logits)
        .flatten(),
    );
    const matrix = tf.stack(gradients) as tf.Tensor2D;
    return [tf.stack([...objectives(logits)]), tf.matMul(matrix, matrix, false, true)] as const;
  }) as [tf.Tensor1D, tf.Tensor2D];
  const [forRisk, forIrm, forVrex] = paretoWeights(
    values.arraySync() as [number, number, number],
    products.arraySync() as [[number, number, number], [number, number, number], [number, number, number]],
    preference,
  );
  const [risk, irm, vrex] = objectives(logits);
  const loss = tf.addN([tf.mul(risk, forRisk), tf.mul(irm, forIrm), tf.mul(vrex, forVrex)]) as tf.Scalar;
  return { loss, lambda: forIrm + forVrex, penalty: tf.add(irm, vrex) as tf.Scalar };
}
