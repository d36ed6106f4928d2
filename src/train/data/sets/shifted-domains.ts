/**
 * The domains of every task with a cue that is reversed: it agrees with the label in training and contradicts it in the
 * test.
 */

export interface ShiftedDomain {
  readonly name: string;
  /** Share of images whose cue contradicts the (noisy) label. */
  readonly contrary: number;
}

/**
 * Arjovsky et al., Invariant Risk Minimization, 2019, section 5.2; GLEAN's authors use these on all three data sets.
 */
export const TRAINING: readonly ShiftedDomain[] = [
  { name: 'train-10', contrary: 0.1 },
  { name: 'train-20', contrary: 0.2 },
];
export const TEST: ShiftedDomain = { name: 'test-90', contrary: 0.9 };
