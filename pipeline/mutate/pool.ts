/** Worker processes that are asked one thing at a time, and are replaced where they hang, die or have grown too large. */

import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Reply, Request } from './worker.ts';

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));

/** Bytes that a worker may hold before the next one takes its place; modules that were loaded are never given back. */
const LARGEST = 1.2e9;

/** Milliseconds between two looks at how long a worker has been busy. */
const LOOK = 500;

/** A worker that waits for something that never comes is given so many times its limit by the clock. */
const IDLE = 50;

/** Milliseconds of processor time of a process; by the clock where the system does not tell. */
function busyMs(pid: number): number {
  try {
    const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ').slice(11, 13);
    return 10 * (Number(user) + Number(system));
  } catch {
    return performance.now();
  }
}

export class Worker {
  #child: ChildProcess | null = null;

  #start(): ChildProcess {
    const child = fork(WORKER, { execArgv: ['--import', 'tsx', '--max-old-space-size=2048'], stdio: 'ignore' });
    this.#child = child;
    return child;
  }

  /** The reply, or null where the worker gave none in so much processor time, or died; it has been ended then. */
  async ask(request: Request, limitMs: number): Promise<Reply | null> {
    const child = this.#child ?? this.#start();
    const [begin, busy] = [performance.now(), busyMs(child.pid!)];
    const reply = await new Promise<Reply | null>((done) => {
      const finish = (value: Reply | null): void => {
        clearInterval(timer);
        child.removeAllListeners();
        done(value);
      };
      const timer = setInterval(() => {
        const late = performance.now() - begin > IDLE * limitMs || busyMs(child.pid!) - busy > limitMs;
        if (late) finish(null);
      }, LOOK);
      child.once('message', (message) => finish(message as Reply));
      child.once('exit', () => finish(null));
      child.once('error', () => finish(null));
      child.send(request);
    });
    if (reply === null || reply.memory > LARGEST) this.end();
    return reply;
  }

  end(): void {
    this.#child?.removeAllListeners();
    this.#child?.on('error', () => undefined);
    this.#child?.kill('SIGKILL');
    this.#child = null;
  }
}

/** Does `job` for each item, `workers.length` at a time, in order of the list. */
export async function inParallel<T>(
  workers: readonly Worker[],
  items: readonly T[],
  job: (worker: Worker, item: T, i: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    workers.map(async (worker) => {
      while (next < items.length) {
        const i = next++;
        await job(worker, items[i]!, i);
      }
    }),
  );
}
