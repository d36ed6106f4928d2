/** The objective a configuration asks for. */
import type { TrainConfig } from '../config.ts';
import { baselineObjective } from './baselines/baseline.ts';
import { type InvarianceConfig, invarianceObjective } from './invariance.ts';
import type { Objective } from './objective.ts';

export function createObjective(config: TrainConfig['objective']): Objective {
  return 'baseline' in config ? baselineObjective(config) : invarianceObjective(config);
}

/** The same objective without its penalty, on which a reference is trained. */
export function referenceObjective(config: InvarianceConfig): Objective {
  return invarianceObjective({ ...config, penalty: { kind: 'irm', weight: 0, before: 0, warmup: 0 } });
}
