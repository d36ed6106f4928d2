/** How a command says no. */

/** The answer is no: the command has printed why; `glean` exits with 1. */
export class AnswerIsNo extends Error {}
