/** Other invariance learning in the place of IRM, and how much each depends on its settings. */
import type { Draft } from '../draft.ts';

export const INVARIANCE: readonly Draft[] = [];
