/** The work of `glean paper`: measures everything that has no result yet and writes the report. */
import { join } from 'node:path';
import { InputError } from '../../src/certify-runtime/trusted/errors.ts';
import { AnswerIsNo } from '../../src/cli/terminal/answer.ts';
import { createReporter } from '../../src/evaluate/reporter.ts';
import { type Experiment, jobsOf, keyOf, nameOf } from '../paper/experiment.ts';
import { TASKS } from '../paper/tasks.ts';
import type { PaperArguments } from './paper.ts';

/** The experiments that `--only` names, by problem or by their own name, with at most `seeds` seeds each. */
function choose(
  all: readonly Experiment[],
  only: string | undefined,
  seeds: number | undefined,
): readonly Experiment[] {
  const wanted: readonly string[] = only === undefined ? TASKS : only.split(',');
  for (const name of wanted) {
    if (!(TASKS as readonly string[]).includes(name) && !all.some(({ id }) => id === name)) {
      throw new InputError(
        `--only: no problem or experiment '${name}': expected some of ${TASKS.join(',')}, or experiments as in --list`,
        { found: name },
      );
    }
  }
  return all
    .filter(({ id, task }) => wanted.includes(task) || wanted.includes(id))
    .map((experiment) => ({ ...experiment, seeds: experiment.seeds.slice(0, seeds) }));
}

/** @throws AnswerIsNo if a radius is broken */
export async function runPaperCommand(args: PaperArguments): Promise<void> {
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

  const asked = new Set(jobsOf(plan).map((job) => `${nameOf(job)} ${keyOf(job)}`));
  const { status, say } = createReporter();
  const runs = quick ? join(out, 'runs') : join('runs', 'paper');
  const results = args.render
    ? await Results.open(resultsFolder(out))
    : await runPaper({ experiments, out, runs, jobs: args.jobs, say, onProgress: status });
  // With another configuration, measurement or format than the plan's, a result is in no report.
  const stale = results.all().filter(({ id, seed, key }) => !asked.has(`${id}-${seed} ${key}`));
  if (stale.length > 0) {
    const files = stale.map(({ id, seed }) => join(resultsFolder(out), `${id}-${seed}.json`));
    say(`${stale.length} results are not of this plan; run it, or remove them: ${files.join(' ')}`);
  }
  // The report covers the whole plan, whatever was chosen to be run now.
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
}
