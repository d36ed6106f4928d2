/**
 * What is run first, so that a session that ends early has measured what matters most. A later seed of a baseline is a
 * stage of its own.
 */
export const STAGES = {
  /** GLEAN where the figures are set, one problem after the other, with all seeds. */
  gleanOnAvatars: 0,
  gleanOnDigits: 1,
  gleanOnIcons: 2,
  /** The problem that nobody tuned on: GLEAN, and the baselines' first seed. */
  untuned: 3,
  /** GLEAN on the larger sets of icons: with every family that is held out, and with a cue. */
  gleanOnFamilies: 4,
  /** The baselines' first seed everywhere; the second is at 6, the third at 7. */
  baselines: 5,
  /** The smaller set of icons with a family held out. */
  fewerFamilies: 8,
  /** Oracles and ablations. */
  ablations: 9,
  /** The studies of λ and σ, other learners, and other data. */
  studies: 10,
} as const;
