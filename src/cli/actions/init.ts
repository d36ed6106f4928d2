/** The work of `glean train --init`: looks at a folder of images and writes a configuration, with the reasons for it. */
import { stat, writeFile } from 'node:fs/promises';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import { createReporter } from '../../evaluate/reporter.ts';
import { type Proposal, propose } from '../../train/init/propose.ts';
import { type Survey, surveyFolder } from '../../train/init/survey.ts';

export interface InitArguments {
  readonly folder: string;
  readonly out: string | undefined;
  readonly seed: number | undefined;
  readonly json: boolean;
}

function taken(path: string, cause?: unknown): InputError {
  return new InputError(
    `${path}: is already there, and configurations are never overwritten; give another --out, or remove it`,
    { path },
    { cause },
  );
}

/** @throws InputError if the file is there or cannot be written, and what surveyFolder and propose throw */
export async function runInit({ folder, out, seed, json }: InitArguments): Promise<void> {
  const wanted = (path: string) =>
    stat(path).then(
      () => Promise.reject(taken(path)),
      () => path,
    );
  // Before looking at a hundred thousand images.
  if (out !== undefined) await wanted(out);
  const reporter = createReporter();
  const survey = await surveyFolder(folder, reporter.progress).finally(reporter.stop);
  const proposal = propose(survey, seed);
  const path = out ?? (await wanted(`${proposal.config['id']}.json`));
  try {
    await writeFile(path, `${JSON.stringify(proposal.config, null, 2)}\n`, { flag: 'wx' });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw taken(path, cause);
    throw new InputError(`${path}: cannot be written (${code})`, { path, code }, { cause });
  }
  if (json) console.log(JSON.stringify(answer(path, survey, proposal), null, 2));
  else print(path, survey, proposal);
}

function answer(path: string, survey: Survey, { config, choices, notes }: Proposal): object {
  const { shorterSides, ...seen } = survey;
  const middle = shorterSides[Math.floor(shorterSides.length / 2)];
  return {
    path,
    config,
    choices,
    notes,
    images: { ...seen, shorterSide: [shorterSides[0], middle, shorterSides.at(-1)] },
  };
}

function print(path: string, { dir, images, domains, classes, counts }: Survey, { choices, notes }: Proposal): void {
  console.log(`${dir}: ${images} images, ${domains.length} domains, ${classes.length} classes`);
  for (const [d, domain] of domains.entries()) {
    const of = counts[d]!.map((n, c) => `${n} ${classes[c]}`);
    console.log(
      `  ${domain}: ${of.length > 12 ? `${Math.min(...counts[d]!)} to ${Math.max(...counts[d]!)} of each` : of.join(', ')}`,
    );
  }
  console.log('');
  for (const { field, value, reason } of choices) console.log(`${field} = ${JSON.stringify(value)}\n    ${reason}`);
  if (notes.length > 0) console.log(`\nTo know before training:\n${notes.map((note) => `  - ${note}`).join('\n')}`);
  console.log(`\n${path}: written; 'glean train ${path}' trains it`);
}
