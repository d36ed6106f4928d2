/** The invariance penalties by the names configurations use. */

import type { PenaltyConfig } from '../invariance-config.ts';
import { fishrPenalty } from './fishr.ts';
import { ibIrmPenalty } from './ib-irm.ts';
import { irmPenalty } from './irm.ts';
import type { Penalty } from './penalty.ts';
import { vrexPenalty } from './vrex.ts';

/** A penalty whose weight is a setting. */
export type ScheduledPenalty = Exclude<PenaltyConfig, { readonly kind: 'pair' }>;

/** The penalty of a configuration. */
export function createPenalty(config: ScheduledPenalty): Penalty {
  switch (config.kind) {
    case 'irm':
      return irmPenalty;
    case 'vrex':
      return vrexPenalty;
    case 'ib-irm':
      return (environments) => ibIrmPenalty(environments, config.bottleneck);
    case 'fishr':
      return fishrPenalty;
  }
}
