/** The workers: each measures one run at a time; one that dies is replaced, and its run is recorded as failed. */
import { type ChildProcess, fork } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { NODE_ARGUMENTS } from '../../src/serve/supervisor/child.ts';
import type { Job } from './experiment.ts';
import type { Assignment, Outcome, Report } from './worker.ts';

const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url));

export interface CrewOptions {
  /** Runs measured at the same time. */
  readonly size: number;
  /** Each run's checkpoints and model go into a folder of their own inside this one. */
  readonly directory: string;
  readonly onStart: (job: Job) => void;
  readonly onProgress: (job: Job, phase: string, done: number, total: number) => void;
  readonly onOutcome: (job: Job, outcome: Outcome) => Promise<void>;
}

function startWorker(): ChildProcess {
  return fork(WORKER, [], {
    execArgv: [...NODE_ARGUMENTS],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    // One thread, however many runs there are at the same time, because how a sum is split up decides the last bits of
    // the weights.
    env: { ...process.env, TF_NUM_INTRAOP_THREADS: '1' },
  });
}

/** The outcome of one run; if the worker ends before it reports one, the run fails. */
function ask(
  worker: ChildProcess,
  assignment: Assignment,
  onProgress: (phase: string, done: number, total: number) => void,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const settle = (outcome: Outcome): void => {
      worker.removeAllListeners();
      // An error between two jobs must not end the whole run; the next job finds out that the worker is gone.
      worker.on('error', () => undefined);
      resolve(outcome);
    };
    const fail = (reason: string): void =>
      settle({ data: null, measured: null, failure: { message: `the process ended with ${reason}`, final: false } });
    worker.on('message', (report: Report) => {
      if (report.type === 'progress') onProgress(report.phase, report.done, report.total);
      else settle(report.outcome);
    });
    worker.once('error', (error) => fail(error.message));
    worker.once('exit', (code, signal) => fail(String(signal ?? code)));
    worker.send(assignment);
  });
}

/** Measures the runs in their order, `size` at a time. */
export async function runJobs(jobs: readonly Job[], options: CrewOptions): Promise<void> {
  const { size, directory, onStart, onProgress, onOutcome } = options;
  const queue = [...jobs];
  const member = async (): Promise<void> => {
    let worker: ChildProcess | undefined;
    try {
      for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
        const current = job;
        if (worker === undefined || worker.exitCode !== null || worker.signalCode !== null) worker = startWorker();
        onStart(current);
        const outcome = await ask(worker, { job: current, runs: directory }, (...progress) =>
          onProgress(current, ...progress),
        );
        await onOutcome(current, outcome);
      }
    } finally {
      worker?.kill();
    }
  };
  await Promise.all(Array.from({ length: Math.min(size, jobs.length) }, member));
}
