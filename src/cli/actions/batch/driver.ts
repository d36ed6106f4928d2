/** Runs the driver of a Spark job, a Python process, and hears its events; whatever ends it, nothing stays behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import * as v from 'valibot';

const Count = v.pipe(v.number(), v.integer(), v.minValue(0));
const Progress = v.object({ images: Count, total: Count, errors: Count });
/** null if there were no images. */
const Share = v.nullable(v.number());
const Answer = v.object({
  n: Count,
  errors: Count,
  certified: Count,
  /** null if there were no images. */
  modelSha256: v.nullable(v.string()),
  accuracy: v.optional(Share),
  acr: v.optional(Share),
  certifiedAccuracy: v.optional(v.record(v.string(), Share)),
});
const Failure = v.object({ code: v.string(), message: v.string() });

/** A line of the driver's; other lines are not ours. */
const Event = v.union([v.object({ progress: Progress }), v.object({ answer: Answer }), v.object({ error: Failure })]);

export type Progress = v.InferOutput<typeof Progress>;
export type Answer = v.InferOutput<typeof Answer>;
export type Failure = v.InferOutput<typeof Failure>;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Milliseconds in which an interrupted driver may cancel its job and remove what it has written. */
const GRACE = 20_000;

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Passes the first signal on to the driver, and kills its whole group after the grace or at the second one. */
function interruptible(child: ChildProcess): {
  readonly by: () => NodeJS.Signals | undefined;
  readonly end: () => void;
} {
  const kill = () => signalTo(-child.pid!, 'SIGKILL');
  let by: NodeJS.Signals | undefined;
  let timer: NodeJS.Timeout | undefined;
  const interrupt = (signal: NodeJS.Signals): void => {
    if (by !== undefined) kill();
    else {
      by = signal;
      signalTo(child.pid!, 'SIGTERM');
      timer = setTimeout(kill, GRACE);
    }
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  process.on('exit', kill);
  const end = () => {
    clearTimeout(timer);
    for (const signal of SIGNALS) process.off(signal, interrupt);
    process.off('exit', kill);
    kill();
  };
  return { by: () => by, end };
}

/**
 * Runs the program in a process group of its own, and gives the answer or the failure that it printed, or how it ended.
 *
 * Its standard error, which is Spark's log, is kept in a file if it fails, and named in the error.
 *
 * @throws what spawn throws
 */
export async function runDriver(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  show: (progress: Progress) => void,
): Promise<{ readonly answer: Answer } | { readonly failure: Failure; readonly log?: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'glean-batch-'));
  const log = join(folder, 'spark.log');
  const file = openSync(log, 'w');
  let keep = false;
  let by: NodeJS.Signals | undefined;
  try {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', file], detached: true });
    const ended = new Promise<number | NodeJS.Signals | null>((done, fail) => {
      child.on('error', fail);
      child.on('exit', (status, signal) => done(status ?? signal));
    });
    if (child.pid === undefined) await ended;
    const interruption = interruptible(child);
    let last: { readonly answer: Answer } | { readonly error: Failure } | undefined;
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const event = v.safeParse(v.pipe(v.string(), v.parseJson(), Event), line);
      if (!event.success) return;
      if ('progress' in event.output) show(event.output.progress);
      else last = event.output;
    });
    const closed = new Promise<void>((done) => child.stdout!.on('close', () => done()));
    const ending = await ended;
    interruption.end();
    await closed;
    by = interruption.by();
    if (last !== undefined && 'answer' in last && ending === 0) return { answer: last.answer };
    const failure =
      last !== undefined && 'error' in last
        ? last.error
        : { code: 'SPARK', message: `Spark ended with ${ending} and without an answer` };
    // What is wrong with what was given needs no log.
    if (by !== undefined || failure.code === 'INPUT') return { failure };
    keep = true;
    return { failure, log };
  } finally {
    closeSync(file);
    if (!keep) rmSync(folder, { recursive: true, force: true });
    // Does what the signal would have done without us: the process ends.
    if (by !== undefined) process.kill(process.pid, by);
  }
}
