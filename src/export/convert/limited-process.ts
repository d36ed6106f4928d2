/** Runs a program to its end or to a time limit; whatever ends it, nothing that it started stays behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

/**
 * How a program ended: by its own exit code, by a signal from elsewhere, at the limit, or because this process has to
 * end.
 */
export type Ending =
  | { readonly kind: 'exit'; readonly status: number }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'limit' }
  | { readonly kind: 'interrupted'; readonly signal: NodeJS.Signals };

export interface LimitedOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** The file that receives everything that the program and its children print. */
  readonly log: string;
  /** In milliseconds. */
  readonly limit: number;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Kills the whole process group that `child` leads. */
function endGroup(child: ChildProcess | undefined): void {
  if (child?.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    // Every process of the group has ended.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Runs `program` in a process group of its own, which is killed with SIGKILL at the limit, on SIGINT, SIGTERM and
 * SIGHUP, when this process exits, and after the program's own end.
 *
 * An 'interrupted' program is reported once it has ended, so that the caller can clean up and pass the signal on.
 *
 * @throws what spawn and opening the log throw, such as ENOENT
 */
export async function runLimited(program: string, args: readonly string[], options: LimitedOptions): Promise<Ending> {
  const { cwd, env, limit } = options;
  // The output goes to a file, because a pipe stays open as long as any grandchild holds it.
  const log = openSync(options.log, 'w');
  let child: ChildProcess | undefined;
  let ending: Ending | undefined;
  const end = (as: Ending): void => {
    ending ??= as;
    endGroup(child);
  };
  const interrupt = (signal: NodeJS.Signals): void => end({ kind: 'interrupted', signal });
  const leave = (): void => endGroup(child);
  for (const signal of SIGNALS) process.on(signal, interrupt);
  process.on('exit', leave);
  const timer = setTimeout(() => end({ kind: 'limit' }), limit);
  try {
    return await new Promise<Ending>((done, fail) => {
      child = spawn(program, args, { cwd, env, stdio: ['ignore', log, log], detached: true });
      child.on('error', fail);
      child.on('exit', (status, signal) => {
        done(ending ?? (signal === null ? { kind: 'exit', status: status! } : { kind: 'signal', signal }));
      });
    });
  } finally {
    clearTimeout(timer);
    for (const signal of SIGNALS) process.off(signal, interrupt);
    process.off('exit', leave);
    endGroup(child);
    closeSync(log);
  }
}
