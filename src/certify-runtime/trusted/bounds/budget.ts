/** Limits of the proof's own work, so that a hostile file is refused instead of hanging the verifier. */

/** Elements per sample of one tensor. */
export const MAX_ELEMENTS = 2 ** 23;

/** Elements per sample of all tensors, each counted up to twice: at most 4 GiB if a provider kept them all. */
export const MAX_TENSORS = 2 ** 30;

/** Elements of one rearrangement that the proof follows, at 4 to 8 bytes each. */
export const MAX_VIEW_ELEMENTS = 2 ** 22;

/** The same limit over the whole graph: at most 512 MiB. */
export const MAX_VIEWS_TOTAL = 2 ** 26;

/** What one such element costs, in multiply-adds. */
export const VIEW_WORK = 20;

/** Elements of the constants that are cast, transposed or multiplied with, at 8 bytes each: 1 GiB. */
export const MAX_COPIED = 2 ** 27;

/** What one element of a constant that is spread over a tensor costs, in multiply-adds; a divisor is kept as 8 bytes. */
export const SPREAD_WORK = 400;

/** Inputs of one node. */
export const MAX_OPERANDS = 2 ** 14;

/** What one of them costs, in multiply-adds. */
export const OPERAND_WORK = 5e4;

/** Multiply-adds of the whole proof, which take one core about half a minute. */
export const MAX_WORK = 4e10;
