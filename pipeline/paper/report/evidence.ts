/** What is known about every experiment: the results of its seeds, and what is missing. */
import { dataKey, type Experiment, type Job, jobsOf, type Place, type Section, type Task } from '../experiment.ts';
import type { CertifiedResult, DataSummary, Measured, Result, Results } from '../result.ts';
import { type Spread, spread } from '../statistics.ts';

/** An experiment and its measurements. */
export interface Evidence {
  readonly experiment: Experiment;
  readonly runs: readonly Measured[];
  readonly data: DataSummary | null;
  readonly failures: readonly { readonly seed: number; readonly message: string }[];
  /** Seeds not run yet. */
  readonly missing: readonly number[];
  readonly results: readonly Result[];
}

/**
 * Of the results on the same data set, only those count that have the pixels of the newest: a mean over different
 * images says nothing.
 */
function currentData(experiments: readonly Experiment[], results: Results): (job: Job) => Result | undefined {
  const newest = new Map<string, Result>();
  for (const job of jobsOf(experiments)) {
    const [name, result] = [dataKey(job), results.of(job)];
    if (result?.data && result.finishedAt > (newest.get(name)?.finishedAt ?? '')) newest.set(name, result);
  }
  return (job) => {
    const result = results.of(job);
    const current = newest.get(dataKey(job))?.data;
    return result?.data && result.data.sha256 !== current?.sha256 ? undefined : result;
  };
}

export function gather(experiments: readonly Experiment[], results: Results): readonly Evidence[] {
  const resultOf = currentData(experiments, results);
  return experiments.map((experiment) => {
    const found = experiment.seeds.map((seed) => ({ seed, result: resultOf({ experiment, seed }) }));
    const present = found.flatMap(({ result }) => result ?? []);
    return {
      experiment,
      results: present,
      runs: present.flatMap(({ measured }) => measured ?? []),
      data: present.find(({ data }) => data !== null)?.data ?? null,
      failures: present.flatMap(({ seed, failure }) => (failure === null ? [] : { seed, message: failure.message })),
      missing: found.filter(({ result }) => result === undefined).map(({ seed }) => seed),
    };
  });
}

/** The evidence of a section, each with its place in it; only that of one problem if a task is given. */
export function placed(
  evidence: readonly Evidence[],
  section: Section,
  task?: Task,
): readonly { readonly of: Evidence; readonly place: Place }[] {
  return evidence.flatMap((of) =>
    of.experiment.places
      .filter((place) => place.section === section && (task === undefined || of.experiment.task === task))
      .map((place) => ({ of, place })),
  );
}

export type Certificate = CertifiedResult['certificate'];
export type Images = CertifiedResult['images'];

/**
 * CERTIFY at the place where the method is meant to be smoothed: on z for sealed models, on the image for the others.
 */
export function smoothingOf({ experiment }: Evidence): Certificate {
  return experiment.measurement.kind === 'sealed' ? 'latent' : 'image';
}

/** The certified accuracies of all seeds, by one certificate; empty if there are none. */
export function certifiedBy({ runs }: Evidence, certificate: Certificate, images: Images): readonly CertifiedResult[] {
  return runs.flatMap(
    ({ certified }) => certified.find((entry) => entry.certificate === certificate && entry.images === images) ?? [],
  );
}

/** Mean and deviation over the seeds of one number; undefined if nothing was measured. */
export function over(
  results: readonly CertifiedResult[],
  value: (result: CertifiedResult) => number,
): Spread | undefined {
  return results.length === 0 ? undefined : spread(results.map(value));
}

/** Average certified radius under CERTIFY. */
export function acrOf(evidence: Evidence, images: Images): Spread | undefined {
  return over(certifiedBy(evidence, smoothingOf(evidence), images), ({ acr }) => acr);
}

/**
 * The images that a table of these rows is about, the same for all rows: the subset if any of them has certificates in
 * image space.
 */
export function imagesOf(rows: readonly Evidence[]): Images {
  return rows.every(({ experiment }) => experiment.measurement.kind === 'sealed') ? 'all' : 'subset';
}

export function isComparable({ experiment, runs }: Evidence): boolean {
  return experiment.oracle === null && runs.length > 0;
}
