/** Networks that are trained before the main one, for their answers. */
import { readRange } from './data/dataset.ts';
import type { Environment } from './environments.ts';
import { Learner, type LearnerOptions, type StepMetrics } from './learner.ts';

/** Trains for `steps` steps at a constant learning rate. */
export function* trainLearner(
  learner: Learner,
  environments: readonly Environment[],
  steps: number,
  learningRate: number,
): Generator<StepMetrics, void, undefined> {
  while (learner.step < steps) yield learner.train(environments, steps, learningRate);
}

/** What a network trained for `steps` steps on the environments answers for each image of the pool. */
export function* answersOf(
  options: LearnerOptions,
  environments: readonly Environment[],
  steps: number,
): Generator<StepMetrics, Uint16Array, undefined> {
  const { pool, config } = options;
  const learner = new Learner(options);
  try {
    yield* trainLearner(learner, environments, steps, config.optimizer.learningRate);
    return learner.predict((begin, end) => readRange(pool, begin, end), pool.size);
  } finally {
    learner.dispose();
  }
}

/** 1 for each answer that equals the label. */
export function correctness(answers: Uint16Array, labels: ArrayLike<number>): Uint8Array {
  return Uint8Array.from(answers, (answer, i) => (answer === labels[i] ? 1 : 0));
}
