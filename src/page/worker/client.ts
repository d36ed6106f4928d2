/** The page's side of the worker: calls as promises. */
import type { CallName, Calls, Reply, Request } from './protocol.ts';

/** A call failed in the worker; `code` is the certifier's if the error was one of its own. */
class WorkerError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'WorkerError';
    this.code = code;
  }
}

interface Pending {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: ((share: number) => void) | undefined;
}

export interface Client {
  call<Name extends CallName>(
    name: Name,
    input: Calls[Name]['input'],
    onProgress?: (share: number) => void,
  ): Promise<Calls[Name]['output']>;
}

export function connect(worker: Worker): Client {
  const pending = new Map<number, Pending>();
  let last = 0;
  let broken: WorkerError | undefined;
  worker.addEventListener('message', ({ data }: MessageEvent<Reply>) => {
    const waiting = pending.get(data.id);
    if (waiting === undefined) return;
    if ('progress' in data) {
      waiting.onProgress?.(data.progress);
      return;
    }
    pending.delete(data.id);
    if ('error' in data) waiting.reject(new WorkerError(data.error.code, data.error.message));
    else waiting.resolve(data.output);
  });
  // The worker's script itself failed, so nothing will be answered any more.
  worker.addEventListener('error', ({ message }) => {
    broken = new WorkerError('WORKER', message ?? 'the worker did not start');
    for (const { reject } of pending.values()) reject(broken);
    pending.clear();
  });
  return {
    call(name, input, onProgress) {
      if (broken !== undefined) return Promise.reject(broken);
      const id = ++last;
      const request: Request<typeof name> = { id, call: name, input };
      return new Promise((resolve, reject) => {
        pending.set(id, { resolve: resolve as (output: unknown) => void, reject, onProgress });
        worker.postMessage(request);
      });
    },
  };
}
