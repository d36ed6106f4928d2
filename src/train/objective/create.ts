/** The objective a configuration asks for. */
import type { TrainConfig } from '../config.ts';
import { invarianceObjective } from './invariance.ts';
import type { Objective } from './objective.ts';

export function createObjective(config: TrainConfig['objective']): Objective {
  return invarianceObjective(config);
}

/** The same objective without its penalty: what a reference is trained on. */
export function referenceObjective(config: TrainConfig['objective']): Objective {
  return invarianceObjective({ ...config, penalty: { ...config.penalty, weight: 0, before: 0 } });
}
