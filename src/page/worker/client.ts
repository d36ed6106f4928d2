/** The page's side of a worker: calls as promises. */
import type { CallTypes, Failure, Reply, Request } from './calls.ts';

/** A call failed in the worker; `code` is the certifier's if the error was one of its own. */
export class WorkerError extends Error {
  readonly code: string;
  readonly details: unknown;

  constructor({ code, message, details }: Failure) {
    super(message);
    this.name = 'WorkerError';
    this.code = code;
    this.details = details;
  }
}

interface Pending {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: ((progress: unknown) => void) | undefined;
}

export interface Client<Calls extends CallTypes<Calls>, Progress> {
  call<Name extends keyof Calls>(
    name: Name,
    input: Calls[Name]['input'],
    onProgress?: (progress: Progress) => void,
  ): Promise<Calls[Name]['output']>;
  /** Ends the worker at once, whatever it is doing; calls under way fail with this. */
  end(failure: Failure): void;
}

export function connect<Calls extends CallTypes<Calls>, Progress>(worker: Worker): Client<Calls, Progress> {
  const pending = new Map<number, Pending>();
  let last = 0;
  let broken: WorkerError | undefined;
  const fail = (failure: Failure): void => {
    broken = new WorkerError(failure);
    for (const { reject } of pending.values()) reject(broken);
    pending.clear();
  };
  worker.addEventListener('message', ({ data }: MessageEvent<Reply>) => {
    const waiting = pending.get(data.id);
    if (waiting === undefined) return;
    if ('progress' in data) {
      waiting.onProgress?.(data.progress);
      return;
    }
    pending.delete(data.id);
    if ('error' in data) waiting.reject(new WorkerError(data.error));
    else waiting.resolve(data.output);
  });
  // The worker's script itself failed, so nothing will be answered any more.
  worker.addEventListener('error', ({ message }) =>
    fail({ code: 'WORKER', message: message ?? 'the worker did not start' }),
  );
  return {
    call(name, input, onProgress) {
      if (broken !== undefined) return Promise.reject(broken);
      const id = ++last;
      const request: Request<Calls, typeof name> = { id, call: name, input };
      return new Promise((resolve, reject) => {
        pending.set(id, {
          resolve: resolve as (output: unknown) => void,
          reject,
          onProgress: onProgress as ((progress: unknown) => void) | undefined,
        });
        worker.postMessage(request);
      });
    },
    end(failure) {
      worker.terminate();
      fail(failure);
    },
  };
}
