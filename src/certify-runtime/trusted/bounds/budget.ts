/** Limits of the proof's own work, so that a hostile file is refused instead of hanging the verifier. */

/** Elements per sample of one tensor. */
export const MAX_ELEMENTS = 2 ** 23;

/** Elements that a rearrangement is followed through: 4 to 8 bytes each. */
export const MAX_VIEW_ELEMENTS = 2 ** 22;

/** The same over the whole graph: at most 512 MiB. */
export const MAX_VIEWS_TOTAL = 2 ** 26;

/** What one of them costs in multiply-adds. */
export const VIEW_WORK = 20;

/** Multiply-adds of the whole proof: about half a minute of one core. */
export const MAX_WORK = 4e10;
