/**
 * A process that measures runs one after the other, so that a crash of TensorFlow or ONNX Runtime affects only one run.
 */
import { join } from 'node:path';
import process from 'node:process';
import { GleanError } from '../../src/certify-runtime/trusted/errors.ts';
import { openDataset } from '../../src/train/data/registry.ts';
import { configOf, folderOf, type Job } from './experiment.ts';
import { measure, type OnProgress, summaryOf } from './measure.ts';
import type { Result } from './result.ts';

/** What a worker is asked to do. */
export interface Assignment {
  readonly job: Job;
  /** Checkpoints and model go into a folder of their own inside this one. */
  readonly runs: string;
}

/** What became of a run. */
export type Outcome = Pick<Result, 'data' | 'measured' | 'failure'>;

/** What a worker reports: how far it has come, or how it ended. */
export type Report =
  | { readonly type: 'progress'; readonly phase: string; readonly done: number; readonly total: number }
  | { readonly type: 'outcome'; readonly outcome: Outcome };

/** Milliseconds between two reports of one phase. */
const INTERVAL = 500;

async function run({ job, runs }: Assignment, onProgress: OnProgress): Promise<Outcome> {
  let data: Outcome['data'] = null;
  try {
    onProgress('data', 0, 1);
    const dataset = await openDataset(configOf(job).data);
    data = summaryOf(dataset);
    const directory = join(runs, folderOf(job, dataset.sha256));
    return { data, measured: await measure(job, dataset, directory, onProgress), failure: null };
  } catch (error) {
    if (!(error instanceof GleanError)) console.error(error);
    const message = error instanceof Error ? error.message : String(error);
    // Configuration and seed decide divergence. Anything else may be due to this machine or this moment.
    return {
      data,
      measured: null,
      failure: { message, final: error instanceof GleanError && error.code === 'DIVERGED' },
    };
  }
}

const send = (report: Report): void => {
  process.send!(report);
};

process.on('message', async (assignment: Assignment) => {
  let last = 0;
  const outcome = await run(assignment, (phase, done, total) => {
    const now = performance.now();
    if (done > 0 && now - last < INTERVAL) return;
    last = now;
    send({ type: 'progress', phase, done, total });
  });
  send({ type: 'outcome', outcome });
});
process.on('disconnect', () => process.exit(1));
