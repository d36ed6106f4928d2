/** The work of `glean batch`: proves the model here, once, and starts Spark with the SHA-256 of what was proven. */
import { createHash } from 'node:crypto';
import process from 'node:process';
import { GleanError, InputError } from '../../../certify-runtime/trusted/errors.ts';
import { createReporter } from '../../../evaluate/reporter.ts';
import type { BatchArguments } from '../../commands/batch.ts';
import { AnswerIsNo } from '../../terminal/answer.ts';
import { proveFile } from '../prove.ts';
import { type Answer, runDriver } from './driver.ts';
import { checkJava, checkPython, pythonFor } from './environment.ts';
import { checkPlaces } from './places.ts';

/** The words for `python -m glean_certify.batch`. Each option is one word, so that no value is taken for another option. */
function wordsFor(given: BatchArguments, sha256: string): string[] {
  const { model, files, direct, minRadius, resume, labelColumn, maxErrors, prefix } = given;
  const values: Readonly<Record<string, string | number | undefined>> = {
    sha256,
    in: given.in,
    out: given.out,
    'image-column': given.imageColumn,
    content: given.content,
    'label-column': labelColumn,
    'min-radius': minRadius,
    prefix,
    'max-errors': maxErrors,
    resume,
    'files-per-step': given.filesPerStep,
    batch: given.batch,
    master: given.master,
  };
  return [
    ...['-m', 'glean_certify.batch', '--events'],
    ...Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
    ...(files ? ['--files'] : []),
    ...(direct ? ['--direct'] : []),
    ...['--', model],
  ];
}

/** Workers run the Python that was checked, unless the user names another one for them; a local Spark stays on the loopback interface. */
function environmentFor(python: string, master: string): NodeJS.ProcessEnv {
  const local = master.startsWith('local');
  return {
    ...process.env,
    PYSPARK_PYTHON: local ? python : process.env['PYSPARK_PYTHON'] || python,
    PYSPARK_DRIVER_PYTHON: python,
    ...(local ? { SPARK_LOCAL_IP: '127.0.0.1' } : {}),
  };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function linesOf({ out, minRadius }: BatchArguments, answer: Answer): string[] {
  const { n, errors, certified, modelSha256, accuracy, acr, certifiedAccuracy = {} } = answer;
  const least = minRadius === undefined ? 'above 0' : `of at least ${minRadius}`;
  const shares = Object.entries(certifiedAccuracy).map(([r, share]) => `${percent(share ?? 0)} at ${r}`);
  return [
    `${out}: ${n} images, ${certified} with a radius ${least}, ${errors} that cannot be read`,
    ...(accuracy == null || acr == null
      ? []
      : [`  accuracy ${percent(accuracy)}, ACR ${acr.toFixed(4)}; certified: ${shares.join(', ')}`]),
    ...(modelSha256 === null ? [] : [`  model ${modelSha256}`]),
  ];
}

/** Prints a failure. @throws AnswerIsNo, always */
function fail({ model, json }: BatchArguments, code: string, message: string, log?: string): never {
  const where = log === undefined ? '' : `; Spark's log is ${log}`;
  if (json) console.log(JSON.stringify({ model, error: { code, message, log } }, null, 2));
  else console.error(`glean: ${message}${where}`);
  throw new AnswerIsNo(code === 'INPUT' ? 2 : 1);
}

/** @throws AnswerIsNo if the model is refused, or the job fails */
export async function runBatch(given: BatchArguments): Promise<void> {
  const { model, key, signature, python: asked, master, json } = given;
  const python = pythonFor(asked);
  const reporter = createReporter();
  try {
    await checkPlaces(given);
    await checkPython(python);
    await checkJava();
    const { bytes, proven } = await proveFile(model, key, signature);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    reporter.say(`proven: ${model}: L ≤ ${proven.lipschitz}, SHA-256 ${sha256}`);
    const words = wordsFor(given, sha256);
    let shown = '';
    const ending = await runDriver(python, words, environmentFor(python, master), ({ images, total, errors }) => {
      const now = `${images} ${errors}`;
      if (total > 0 && now !== shown)
        reporter.progress('answered', images, total, errors === 0 ? '' : `${errors} unreadable`);
      shown = now;
    });
    reporter.stop();
    if ('failure' in ending) fail(given, ending.failure.code, ending.failure.message, ending.log);
    if (json) console.log(JSON.stringify({ model, out: given.out, ...ending.answer }, null, 2));
    else for (const line of linesOf(given, ending.answer)) console.log(line);
  } catch (error) {
    if (!(error instanceof GleanError)) throw error;
    const refused = error instanceof InputError ? '' : `refused: ${model}: `;
    fail(given, error.code, `${refused}${error.message}`);
  } finally {
    reporter.stop();
  }
}
