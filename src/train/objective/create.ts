/** The objective a configuration asks for. */
import type { TrainConfig } from '../config.ts';
import { baselineObjective } from './baselines/baseline.ts';
import { type InvarianceConfig, invarianceObjective } from './invariance.ts';
import type { Objective } from './objective.ts';

export function createObjective({ objective, network }: Pick<TrainConfig, 'objective' | 'network'>): Objective {
  return 'baseline' in objective ? baselineObjective(objective) : invarianceObjective(objective, network.temperature);
}

/** The same objective without its penalty, on which a reference is trained. */
export function referenceObjective(config: InvarianceConfig, temperature: number | undefined): Objective {
  return invarianceObjective({ ...config, penalty: { kind: 'irm', weight: 0, before: 0, warmup: 0 } }, temperature);
}
