/** SmoothAdv (Salman et al., NeurIPS 2019): training on images attacked so that the *smoothed* classifier errs. */
import { tf } from '../../tfjs.ts';
import type { Objective } from '../objective.ts';
import type { BaselineOf } from './baseline-config.ts';
import { smoothedCrossEntropy } from './macer.ts';
import { meanCrossEntropy, noisyLogits } from './noisy-copies.ts';

/** Keeps the direction of a vanishing gradient finite. */
const SMALLEST_NORM = 1e-8;

/** ‖δ‖₂ of each image, [N, 1, 1, 1]. */
function norms(images: tf.Tensor4D): tf.Tensor {
  return tf.sqrt(tf.sum(tf.square(images), [1, 2, 3], true));
}

/** ε at a step: grows linearly to `epsilon` over the first `warmup` steps. */
export function attackRadius({ epsilon, warmup }: { epsilon: number; warmup: number }, step: number): number {
  return step < warmup ? (epsilon * (step + 1)) / warmup : epsilon;
}

/**
 * SmoothAdv_PGD: T steps of length 2ε/T along the normalised gradient of J(x′) = −log (1/m) Σ_i F_y(x′ + σε_i), each
 * followed by a clip to [0, 1] and a projection onto the ball ‖x′ − x‖₂ ≤ ε. Equation (S) and algorithm 1 of the paper.
 */
export function smoothAdvObjective(config: BaselineOf<'smoothadv'>): Objective {
  return {
    perturb(model, { images, targets }, context) {
      const epsilon = attackRadius(config, context.step);
      const gradient = tf.grad((x) =>
        smoothedCrossEntropy(noisyLogits(model, x as tf.Tensor4D, config, context), targets),
      );
      let moved = images;
      for (let step = 0; step < config.attackSteps; step++) {
        moved = tf.tidy(() => {
          const ascent = gradient(moved) as tf.Tensor4D;
          const unit = tf.div(ascent, tf.add(norms(ascent), SMALLEST_NORM));
          const next = tf.add(moved, tf.mul(unit, (2 * epsilon) / config.attackSteps));
          const change = tf.sub(tf.clipByValue(next, 0, 1), images) as tf.Tensor4D;
          const scale = tf.div(epsilon, tf.maximum(norms(change), epsilon));
          return tf.add(images, tf.mul(change, scale)) as tf.Tensor4D;
        });
      }
      return moved;
    },
    loss(model, { images, targets }, context) {
      const risk = meanCrossEntropy(noisyLogits(model, images, config, context), targets);
      return { loss: risk, lambda: 0, risks: [risk] };
    },
  };
}
