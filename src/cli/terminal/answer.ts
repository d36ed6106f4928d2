/** The way a command says that the answer is no. */

/** Thrown after a command has printed why the answer is no; `glean` then exits with 1. */
export class AnswerIsNo extends Error {}
