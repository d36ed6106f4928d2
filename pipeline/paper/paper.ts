/** The whole paper: measures what has not been measured yet, then writes the report from all results. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openDataset } from '../../src/train/data/registry.ts';
import { runJobs } from './crew.ts';
import { dataKey, type Experiment, type Job, jobsOf, keyOf } from './experiment.ts';
import { describeMachine, describeVersions } from './machine.ts';
import { type Result, Results } from './result.ts';
import { Schedule } from './schedule.ts';

export interface PaperOptions {
  readonly experiments: readonly Experiment[];
  /** The report's folder; the results are in `results/` inside it. */
  readonly out: string;
  /** The folder for checkpoints and models. */
  readonly runs: string;
  /** Runs measured at the same time. */
  readonly jobs: number;
  readonly say: (line: string) => void;
  readonly onProgress: (text: string) => void;
}

export function resultsFolder(out: string): string {
  return join(out, 'results');
}

/** SHA-256 of every data set that the runs use; one that cannot be opened is left out, and its runs will report why. */
async function hashesOf(jobs: readonly Job[], say: (line: string) => void): Promise<ReadonlyMap<string, string>> {
  const hashes = new Map<string, string>();
  const wanted = new Map(jobs.map((job) => [dataKey(job), job.experiment.config.data]));
  for (const [key, data] of wanted) {
    try {
      hashes.set(key, (await openDataset(data)).sha256);
    } catch (error) {
      say(`${data.name}: cannot be opened: ${(error as Error).message}`);
    }
  }
  return hashes;
}

/** Measures every run of the plan that has no result for its configuration, measurement, format and data. */
export async function runPaper(options: PaperOptions): Promise<Results> {
  const { experiments, out, runs, say } = options;
  const all = jobsOf(experiments);
  const results = await Results.open(resultsFolder(out));
  const hashes = await hashesOf(all, say);
  const isDone = (job: Job): boolean => {
    const hash = hashes.get(dataKey(job));
    return results.isDone(job) && (hash === undefined || results.of(job)!.data?.sha256 === hash);
  };
  const due = all.filter((job) => !isDone(job));
  const schedule = new Schedule(all, due, results.all(), options.jobs);
  say(`${all.length - due.length} of ${all.length} runs are done${due.length > 0 ? `; ${schedule.left()}` : ''}`);
  await mkdir(resultsFolder(out), { recursive: true });
  const versions = await describeVersions();
  await runJobs(due, {
    size: options.jobs,
    directory: runs,
    onStart: (job) => {
      schedule.start(job);
      options.onProgress(schedule.status());
    },
    onProgress: (job, phase, done, total) => {
      schedule.progress(job, phase, done, total);
      options.onProgress(schedule.status());
    },
    onOutcome: async (job, outcome) => {
      const result: Result = {
        id: job.experiment.id,
        seed: job.seed,
        key: keyOf(job),
        finishedAt: new Date().toISOString(),
        machine: describeMachine(),
        versions,
        ...outcome,
      };
      // A failure that may be due to this machine or this moment does not replace an earlier measurement.
      if (result.failure?.final !== false || !results.of(job)?.measured) await results.save(job, result);
      say(schedule.finish(job, result));
    },
  });
  return results;
}
