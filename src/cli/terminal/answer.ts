/** The way a command says that the answer is no. */

/** Thrown after a command has printed why the answer is no; `glean` then exits with 1, or with 2 for wrong use. */
export class AnswerIsNo extends Error {
  readonly exit: 1 | 2;

  constructor(exit: 1 | 2 = 1) {
    super();
    this.exit = exit;
  }
}
