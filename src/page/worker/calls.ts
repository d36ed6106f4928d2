/** The messages between a page and a worker: one answer for each call, and progress in between. */

/** What a call takes and gives, by its name. */
export type CallTypes<Calls> = {
  readonly [Name in keyof Calls]: { readonly input: unknown; readonly output: unknown };
};

/** Why a call failed; `details` is for calls that have more to say than a sentence. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly details?: unknown;
}

export interface Request<Calls extends CallTypes<Calls>, Name extends keyof Calls = keyof Calls> {
  readonly id: number;
  readonly call: Name;
  readonly input: Calls[Name]['input'];
}

export type Reply =
  | { readonly id: number; readonly output: unknown }
  | { readonly id: number; readonly error: Failure }
  | { readonly id: number; readonly progress: unknown };

type Handlers<Calls extends CallTypes<Calls>, Progress> = {
  readonly [Name in keyof Calls]: (
    input: Calls[Name]['input'],
    onProgress: (progress: Progress) => void,
  ) => Promise<Calls[Name]['output']>;
};

// TypeScript's DOM types take the global scope for a window, whose postMessage takes an origin.
const post = (reply: Reply): void =>
  (globalThis as unknown as { postMessage(message: unknown): void }).postMessage(reply);

/** Answers the calls that arrive in this worker; `failureOf` says what is told of an error. */
export function answerCalls<Calls extends CallTypes<Calls>, Progress>(
  handlers: Handlers<Calls, Progress>,
  failureOf: (error: unknown) => Failure,
): void {
  globalThis.addEventListener('message', async ({ data }: MessageEvent<Request<Calls>>) => {
    const { id, call, input } = data;
    try {
      post({ id, output: await handlers[call](input, (progress) => post({ id, progress })) });
    } catch (error) {
      post({ id, error: failureOf(error) });
    }
  });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Lets messages that arrived in the meantime have their turn. */
export const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
