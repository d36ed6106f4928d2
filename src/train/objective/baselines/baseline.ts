/** The four baselines by the names configurations use. */

import type { Objective } from '../objective.ts';
import type { BaselineConfig } from './baseline-config.ts';
import { consistencyObjective } from './consistency.ts';
import { gaussianObjective } from './gaussian.ts';
import { macerObjective } from './macer.ts';
import { smoothAdvObjective } from './smoothadv.ts';

export function baselineObjective(config: Readonly<BaselineConfig>): Objective {
  switch (config.baseline) {
    case 'gaussian':
      return gaussianObjective(config);
    case 'macer':
      return macerObjective(config);
    case 'smoothadv':
      return smoothAdvObjective(config);
    case 'consistency':
      return consistencyObjective(config);
  }
}
