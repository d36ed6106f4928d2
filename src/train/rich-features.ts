/**
 * Rich features first: an encoder that has seen every useful feature before invariance is asked for. Zhang, Lopez-Paz &
 * Bottou, Rich Feature Construction for the Optimization-Generalization Dilemma, ICML 2022, algorithm 1.
 *
 * Discovery: a first network is trained on all images; a second one on those that the first gets right and those it
 * gets wrong, in equal parts, so that what the first relied on is useless to it. Synthesis: a third one is trained to
 * give both their answers at once, as one of K² classes (one distribution over pairs of answers, in place of the
 * paper's head per network). Training starts from its encoder. More than two rounds are not implemented: two features
 * do not need them.
 */
import { pooledEnvironment, splitByCorrectness } from './environments.ts';
import { Learner, type LearnerOptions, type StepMetrics } from './learner.ts';
import type { Network } from './network/network.ts';
import type { InvarianceConfig } from './objective/invariance.ts';
import { answersOf, correctness, trainLearner } from './reference.ts';
import type { tf } from './tfjs.ts';

/** The first of the three phases that this uses (`LearnerOptions.phase`). */
const FIRST_PHASE = 2;

export interface RichFeaturesOptions extends Omit<LearnerOptions, 'phase' | 'name'> {
  readonly settings: NonNullable<InvarianceConfig['richFeatures']>;
  /** The same encoder with a head of K² classes. */
  readonly pairNetwork: Network;
}

/** Trains the three networks and returns the last one's encoder parameters by name, which the caller disposes of. */
export function* richFeatures(options: RichFeaturesOptions): Generator<StepMetrics, Map<string, tf.Tensor>, undefined> {
  const { settings, pairNetwork, pool, network } = options;
  const everything = pooledEnvironment(pool);
  const [first, second] = settings.discover;
  const easy = yield* answersOf({ ...options, phase: FIRST_PHASE, name: 'first features' }, everything, first);
  const rest = splitByCorrectness(correctness(easy, pool.labels));
  const hard = yield* answersOf({ ...options, phase: FIRST_PHASE + 1, name: 'second features' }, rest, second);
  const pairs = Uint16Array.from(easy, (answer, i) => answer * network.classes + hard[i]!);
  const synthesis = new Learner({
    ...options,
    network: pairNetwork,
    pool: { ...pool, labels: pairs },
    phase: FIRST_PHASE + 2,
    name: 'all features',
  });
  try {
    yield* trainLearner(synthesis, everything, settings.synthesise, options.config.optimizer.learningRate);
    return new Map(
      [...synthesis.variables]
        .filter(([name]) => name.startsWith('encoder.'))
        .map(([name, variable]) => [name, variable.clone()]),
    );
  } finally {
    synthesis.dispose();
  }
}
