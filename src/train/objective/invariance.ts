/** GLEAN's objective: Σ_e R_e(β∘Ψ) + λ·penalty over environments e, with Gaussian noise on z. */
import { STEP_STREAMS } from '../../certify-runtime/smoothing/streams.ts';
import type { TrainConfig } from '../config.ts';
import { tf } from '../tfjs.ts';
import type { Batch, Loss, Model, Objective, StepContext } from './objective.ts';
import { pairLoss, pairObjectives } from './penalties/pair.ts';
import { createPenalty, type ScheduledPenalty } from './penalties/penalties.ts';
import type { EnvironmentAnswers } from './penalties/penalty.ts';
import { createRisk } from './risk.ts';

export type InvarianceConfig = Extract<TrainConfig['objective'], { readonly penalty: unknown }>;

/** λ at a step: a small weight at first, while features are found, then the full one. */
export function penaltyWeight(schedule: Pick<ScheduledPenalty, 'weight' | 'before' | 'warmup'>, step: number) {
  return step < schedule.warmup ? schedule.before : schedule.weight;
}

/**
 * Σ_e R_e + λ·penalty, divided by λ if λ > 1, so that a sudden λ of 10 000 does not blow up the step (as in Arjovsky's
 * own code).
 */
export function weigh(risks: readonly tf.Scalar[], penalty: tf.Scalar, lambda: number): tf.Scalar {
  const total = tf.add(tf.addN([...risks]), tf.mul(penalty, lambda));
  return (lambda > 1 ? tf.div(total, lambda) : total) as tf.Scalar;
}

/** @param temperature τ of the head, if it is fixed */
export function invarianceObjective(config: InvarianceConfig, temperature?: number): Objective {
  const risk = createRisk(config.risk, temperature);
  // All rows at once, then parted: an environment of a dozen images costs more in calls than in arithmetic.
  const answersOf = ({ targets, environments }: Batch, latent: tf.Tensor2D, logits: tf.Tensor2D) => {
    const sizes = environments.map(({ size }) => size);
    // The gradient that tfjs has for split fails where there is one part only.
    const parts = <T extends tf.Tensor>(rows: T) => (sizes.length === 1 ? [rows] : tf.split<T>(rows, sizes));
    const [latents, answered] = [parts(latent), parts(logits)];
    const gradients = parts(risk.gradients(logits, targets));
    const losses = parts(risk.losses(logits, targets));
    return environments.map(
      (_, e): EnvironmentAnswers => ({
        latent: latents[e]!,
        logits: answered[e]!,
        gradients: gradients[e]!,
        risk: tf.mean(losses[e]!),
      }),
    );
  };
  const { penalty: settings } = config;
  return {
    loss(model: Model, batch: Batch, context: StepContext): Loss {
      const clean = model.encode(batch.images);
      const latent = tf.add(
        clean,
        tf.mul(context.normal(clean.shape, STEP_STREAMS.noise), config.noise),
      ) as tf.Tensor2D;
      const logits = model.classify(latent);
      const answers = answersOf(batch, latent, logits);
      const risks = answers.map((answer) => answer.risk);
      if (settings.kind === 'pair') {
        const { preference, warmup } = settings;
        if (context.step < warmup) return { loss: tf.addN(risks), lambda: 0, risks };
        return { ...pairLoss(logits, (y) => pairObjectives(answersOf(batch, latent, y)), preference), risks };
      }
      const penalty = createPenalty(settings)(answers);
      const lambda = penaltyWeight(settings, context.step);
      return { loss: weigh(risks, penalty, lambda), lambda, risks, penalty };
    },
  };
}
