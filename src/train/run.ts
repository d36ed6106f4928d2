/**
 * A run: a folder with its configuration, checkpoints and metrics, trained to the end however often it is interrupted.
 */
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../certify-runtime/trusted/errors.ts';
import { writeFileAtomic } from '../files/atomic-file.ts';
import { writeWhole } from '../files/write-whole.ts';
import { type CheckpointError, loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
import type { CommitteeChecks } from './checks.ts';
import { readConfig, storedRim, type TrainConfig } from './config.ts';
import type { DomainDataset } from './data/dataset.ts';
import type { StepMetrics } from './learner.ts';
import type { PlainNetwork } from './network/network.ts';
import { type Accuracies, Trainer } from './trainer.ts';

/** Hears about the progress of training. */
export interface TrainReporter {
  /** Training starts, or resumes, at this step of the main phase. */
  onStart?(step: number, steps: number): void;
  onStep?(metrics: StepMetrics): void;
  onEvaluation?(step: number, accuracies: Accuracies): void;
  /** A committee has told environments apart, now or before this run was interrupted. */
  onChecks?(checks: CommitteeChecks): void;
  /** A damaged checkpoint was passed over. */
  onRefused?(error: CheckpointError): void;
}

const CONFIG_FILE = 'config.json';
const METRICS_FILE = 'metrics.jsonl';
/** Steps between evaluations, each followed by a checkpoint, in runs of up to `SHORT` steps. */
const INTERVAL = 20;
const SHORT = 600;

/** Steps between evaluations in a run of `steps`; a long run has 15 to 30 of them, each as long as ten steps. */
export function evaluationInterval(steps: number): number {
  return INTERVAL * Math.ceil(steps / SHORT);
}

/** Removes what `writeFileAtomic` left behind when a run was killed while it wrote. */
async function removeTemporaries(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (/^\..+\.[0-9a-f-]{36}\.tmp$/.test(name)) await rm(join(directory, name), { force: true });
  }
}

/** Writes the configuration if the file does not hold it already. */
async function keepConfig(path: string, text: string): Promise<void> {
  const found = await readFile(path, 'utf8').catch(() => undefined);
  if (found !== text) await writeFileAtomic(path, text);
}

/**
 * Keeps the metrics up to a step of the main phase, so that a resumed run does not log a step twice, and all those of
 * earlier phases, which it does not repeat; a line cut off by a kill is dropped.
 */
async function trimMetrics(path: string, step: number | undefined): Promise<void> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return '';
    throw cause;
  });
  const kept = text.split('\n').filter((line) => {
    try {
      const entry = JSON.parse(line) as { phase: string; step: number };
      return step !== undefined && (entry.phase !== 'main' || entry.step <= step);
    } catch {
      return false;
    }
  });
  await writeFileAtomic(path, kept.map((line) => `${line}\n`).join(''));
}

/**
 * Trains to the last step in `directory`, resuming from its newest whole checkpoint; if the run is finished, only its
 * configuration is written anew.
 *
 * @throws CheckpointError if the folder holds a run with another configuration or other data
 */
export async function train(
  config: TrainConfig,
  dataset: DomainDataset,
  directory: string,
  reporter: TrainReporter = {},
): Promise<void> {
  const trainer = new Trainer(config, dataset);
  try {
    const checkpoint = await loadCheckpoint(directory, {
      run: trainer.run,
      ...(reporter.onRefused === undefined ? {} : { onRefused: reporter.onRefused }),
    });
    if (checkpoint !== undefined) trainer.restore(checkpoint);
    const { steps } = config.optimizer;
    reporter.onStart?.(trainer.step, steps);
    // Of a finished run too: it may be damaged, or ask for another precision, which is no part of the run.
    await keepConfig(join(directory, CONFIG_FILE), `${JSON.stringify(config, null, 2)}\n`);
    if (trainer.finished) return;
    await mkdir(directory, { recursive: true });
    await removeTemporaries(directory);
    await trimMetrics(join(directory, METRICS_FILE), checkpoint?.step);
    const metrics = await open(join(directory, METRICS_FILE), 'a');
    try {
      const log = async (entry: object) => writeWhole(metrics, Buffer.from(`${JSON.stringify(entry)}\n`));
      if (trainer.step === 0) {
        let saved = trainer.voted;
        for (const step of trainer.prepare()) {
          if (trainer.voted > saved) {
            await saveCheckpoint(directory, trainer.snapshot());
            saved = trainer.voted;
          }
          reporter.onStep?.(step);
          await log(step);
        }
        if (trainer.checks !== undefined) await saveCheckpoint(directory, trainer.snapshot());
      }
      if (trainer.checks !== undefined) reporter.onChecks?.(trainer.checks);
      const interval = evaluationInterval(steps);
      while (!trainer.finished) {
        const step = trainer.trainStep();
        reporter.onStep?.(step);
        const due = step.step % interval === 0 || trainer.finished;
        const accuracies = due ? trainer.evaluate() : undefined;
        await log(accuracies === undefined ? step : { ...step, accuracies });
        if (accuracies !== undefined) {
          reporter.onEvaluation?.(step.step, accuracies);
          await metrics.sync();
          await saveCheckpoint(directory, trainer.snapshot());
        }
      }
    } finally {
      await metrics.close();
    }
  } finally {
    trainer.dispose();
  }
}

/** A finished run's network with plain weights, and what it was trained with. */
export interface FinishedRun {
  readonly config: TrainConfig;
  readonly network: PlainNetwork;
  /** SHA-256 of configuration and data. */
  readonly run: string;
  /** What could be told of a committee's answers; undefined if there was none. */
  readonly checks: CommitteeChecks | undefined;
}

/**
 * The configuration that a run's folder was trained with; if it names no rim, it dates from when all rims were black.
 */
export async function readRunConfig(directory: string): Promise<TrainConfig> {
  return readConfig(join(directory, CONFIG_FILE), undefined, 'black');
}

/**
 * A configuration file to train with, and the folder to train in, `runs/ID-SEED` by default. If the file names no rim,
 * a run that was begun in the folder keeps the rim it began with.
 *
 * @throws what readConfig throws
 */
export async function configToTrain(
  path: string,
  { seed, out }: { readonly seed?: number | undefined; readonly out?: string | undefined },
): Promise<{ readonly config: TrainConfig; readonly directory: string }> {
  const config = await readConfig(path, seed);
  const directory = out ?? join('runs', `${config.id}-${config.seed}`);
  const rim = await storedRim(join(directory, CONFIG_FILE));
  return { config: rim === undefined ? config : await readConfig(path, seed, rim), directory };
}

/**
 * Reads a finished run.
 *
 * @throws InputError if there is no checkpoint or training has not ended, CheckpointError if the checkpoint is another
 *   run's
 */
export async function readRun(
  directory: string,
  dataset: DomainDataset,
  onRefused?: (error: CheckpointError) => void,
): Promise<FinishedRun> {
  const config = await readRunConfig(directory);
  const trainer = new Trainer(config, dataset);
  try {
    const checkpoint = await loadCheckpoint(directory, {
      run: trainer.run,
      ...(onRefused === undefined ? {} : { onRefused }),
    });
    if (checkpoint === undefined) {
      throw new InputError(`${directory}: holds no whole checkpoint; 'glean train' makes one`, { directory });
    }
    trainer.restore(checkpoint);
    if (!trainer.finished) {
      throw new InputError(
        `${directory}: training stands at step ${trainer.step} of ${config.optimizer.steps}; 'glean train' goes on with it`,
        { directory, step: trainer.step, steps: config.optimizer.steps },
      );
    }
    return { config, network: trainer.condense(), run: trainer.run, checks: trainer.checks };
  } finally {
    trainer.dispose();
  }
}
