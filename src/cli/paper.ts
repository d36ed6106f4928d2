/** `glean paper`: every table and figure of the paper, measured as far as it is not yet, as one report. */
import { join } from 'node:path';
import process from 'node:process';
import type { CommandModule } from 'yargs';
import { InputError } from '../certify-runtime/core/errors.ts';
import { type Experiment, jobsOf, nameOf, TASKS } from '../paper/experiment.ts';
import { AnswerIsNo } from './answer.ts';

interface PaperArguments {
  quick: boolean;
  out: string | undefined;
  only: string | undefined;
  seeds: number | undefined;
  jobs: number;
  list: boolean;
  render: boolean;
  json: boolean;
}

/** Those of the tasks that `--only` names, with at most so many seeds. */
function choose(
  all: readonly Experiment[],
  only: string | undefined,
  seeds: number | undefined,
): readonly Experiment[] {
  const tasks: readonly string[] = only === undefined ? TASKS : only.split(',');
  for (const task of tasks) {
    if (!(TASKS as readonly string[]).includes(task)) {
      throw new InputError(`--only: no problem '${task}': expected some of ${TASKS.join(',')}`, { found: task });
    }
  }
  return all
    .filter(({ task }) => tasks.includes(task))
    .map((experiment) => ({ ...experiment, seeds: experiment.seeds.slice(0, seeds) }));
}

/** One line that is written over on a terminal; nothing elsewhere. */
function statusLine(stream: NodeJS.WriteStream = process.stderr): {
  show(text: string): void;
  say(line: string): void;
} {
  const clear = stream.isTTY ? '\r\x1b[K' : '';
  return {
    show: (text) => {
      if (stream.isTTY) stream.write(`${clear}${text.slice(0, (stream.columns ?? 80) - 1)}`);
    },
    say: (line) => stream.write(`${clear}${line}\n`),
  };
}

export const paperCommand: CommandModule<object, PaperArguments> = {
  command: 'paper',
  describe: "the paper's tables and figures, ours beside its own: runs what has no result yet, writes the report",
  builder: (y) =>
    y
      .option('quick', {
        type: 'boolean',
        default: false,
        describe: 'tiny runs of every kind; the numbers mean nothing',
      })
      .option('out', { type: 'string', describe: 'folder of report and results [docs/paper, or out/paper-quick]' })
      .option('only', { type: 'string', describe: `run only these problems, some of ${TASKS.join(',')}` })
      .option('seeds', { type: 'number', describe: 'run at most this many seeds of each experiment' })
      .option('jobs', { type: 'number', default: 1, describe: 'runs at the same time' })
      .option('list', { type: 'boolean', default: false, describe: 'print the plan and what of it is done' })
      .option('render', { type: 'boolean', default: false, describe: 'write the report of the results that are there' })
      .option('json', { type: 'boolean', default: false, describe: 'print the answer as JSON' }) as never,
  handler: async (args) => {
    for (const name of ['jobs', 'seeds'] as const) {
      const value = args[name];
      if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1))
        throw new InputError(`--${name} must be an integer ≥ 1, got ${value}`);
    }
    const { quick } = args;
    const out = args.out ?? (quick ? join('out', 'paper-quick') : join('docs', 'paper'));
    const { fullPlan } = await import('../paper/plan.ts');
    const { quickPlan } = await import('../paper/quick.ts');
    const plan = quick ? quickPlan(await fullPlan()) : await fullPlan();
    const experiments = choose(plan, args.only, args.seeds);
    const { Results } = await import('../paper/result.ts');
    const { runPaper, resultsFolder } = await import('../paper/paper.ts');
    const { composeReport, readAnalysis, writeReport } = await import('../paper/report/report.ts');

    if (args.list) {
      const results = await Results.open(resultsFolder(out));
      const entries = jobsOf(experiments).map((job) => ({
        run: nameOf(job),
        method: job.experiment.method,
        state: results.of(job)?.failure?.message ?? (results.isDone(job) ? 'done' : 'not run yet'),
      }));
      if (args.json) console.log(JSON.stringify(entries, null, 2));
      else for (const { run, method, state } of entries) console.log(`${run.padEnd(36)} ${state.padEnd(12)} ${method}`);
      return;
    }

    const { show, say } = statusLine();
    const runs = quick ? join(out, 'runs') : join('runs', 'paper');
    const results = args.render
      ? await Results.open(resultsFolder(out))
      : await runPaper({ experiments, out, runs, jobs: args.jobs, say, onProgress: show });
    // Of the whole plan, whatever was chosen to be run now.
    const report = composeReport({ experiments: plan, results, analysis: await readAnalysis(out), quick });
    await writeReport(out, report);

    const found = jobsOf(experiments).flatMap((job) => results.of(job) ?? []);
    const broken = found.reduce((sum, { measured }) => sum + (measured?.proof?.attack.broken ?? 0), 0);
    const failed = found.filter(({ failure }) => failure !== null);
    const answer = {
      report: join(out, 'report.html'),
      runs: jobsOf(experiments).length,
      measured: found.length - failed.length,
      failed: failed.map(({ id, seed, failure }) => ({ id, seed, message: failure!.message })),
      broken,
    };
    if (args.json) console.log(JSON.stringify(answer, null, 2));
    else console.log(answer.report);
    // A broken radius is a false claim; a run that failed is in the report.
    if (broken > 0) throw new AnswerIsNo();
  },
};
