/** The settings of CERTIFY, in a file of their own because a help text that shows them needs nothing more. */

/** The paper's settings. */
export const SMOOTHING_DEFAULTS = Object.freeze({ sigma: 0.12, n: 100_000, n0: 100, alpha: 0.001 });
