/**
 * Environments: the parts of the training data over which the objective asks for invariance.
 *
 * Inferred ones need no domain labels: a reference model trained for a few steps relies on what is learned fastest, the
 * spurious cue; what it gets right and what it gets wrong are two environments in which that cue points opposite ways.
 * Creager, Jacobsen & Zemel, Environment Inference for Invariant Learning, ICML 2021; Zhang et al., Rich Feature
 * Construction for the Optimization-Generalization Dilemma, ICML 2022.
 */

import type { Random } from '../certify-runtime/smoothing/random.ts';
import { shuffle } from '../certify-runtime/smoothing/random.ts';
import { GleanError } from '../certify-runtime/trusted/errors.ts';
import type { Pool } from './pool.ts';

export interface Environment {
  readonly name: string;
  /** Indices into the pool. */
  readonly indices: Uint32Array;
}

/** Stands for an image that is in neither environment of a split. */
export const UNDECIDED = 2;

/** Those of the images that are not left out. */
export function decidedOf(indices: Uint32Array, correct: Uint8Array): Uint32Array {
  return indices.filter((index) => correct[index] !== UNDECIDED);
}

/**
 * The two environments of a reference's answers; `correct` holds 1 for each image of the pool that it got right, 0 for
 * each that it got wrong, and `UNDECIDED` for those that are left out.
 *
 * @throws GleanError if one of them would be empty: then there is no cue to tell environments apart by
 */
export function splitByCorrectness(correct: Uint8Array): readonly Environment[] {
  const select = (value: number) => Uint32Array.from([...correct.keys()].filter((index) => correct[index] === value));
  const environments = [
    { name: 'reference right', indices: select(1) },
    { name: 'reference wrong', indices: select(0) },
  ];
  for (const { name, indices } of environments) {
    if (indices.length === 0) {
      throw new GleanError(
        'ENVIRONMENTS',
        `environment inference: '${name}' is empty; change objective.environments (its committee's steps, or referenceSteps)`,
      );
    }
  }
  return environments;
}

/** The given domains as environments. */
export function givenEnvironments(pool: Pool): readonly Environment[] {
  return pool.domains;
}

/** All images as one environment. */
export function pooledEnvironment(pool: Pool): readonly Environment[] {
  return [{ name: 'all', indices: Uint32Array.from({ length: pool.size }, (_, i) => i) }];
}

/** `limit` images of the environment, without replacement; all of them if there are no more. */
export function drawImages(environment: Environment, limit: number, random: Random): Uint32Array {
  if (environment.indices.length <= limit) return environment.indices;
  return shuffle(environment.indices.slice(), random).subarray(0, limit);
}
