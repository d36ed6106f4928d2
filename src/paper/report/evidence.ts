/** What is known of every experiment: the results of its seeds, and what is missing. */
import type { Experiment, Place, Section, Task } from '../experiment.ts';
import type { CertifiedResult, DataSummary, Measured, Result, Results } from '../result.ts';
import { type Spread, spread } from '../statistics.ts';

/** An experiment with what was measured of it. */
export interface Evidence {
  readonly experiment: Experiment;
  readonly runs: readonly Measured[];
  readonly data: DataSummary | null;
  readonly failures: readonly { readonly seed: number; readonly message: string }[];
  /** Seeds not run yet. */
  readonly missing: readonly number[];
  readonly results: readonly Result[];
}

export function gather(experiments: readonly Experiment[], results: Results): readonly Evidence[] {
  return experiments.map((experiment) => {
    const found = experiment.seeds.map((seed) => ({ seed, result: results.of({ experiment, seed }) }));
    const present = found.flatMap(({ result }) => result ?? []);
    return {
      experiment,
      results: present,
      runs: present.flatMap(({ measured }) => measured ?? []),
      data: (present.find(({ data }) => data?.test.labels) ?? present.find(({ data }) => data !== null))?.data ?? null,
      failures: present.flatMap(({ seed, failure }) => (failure === null ? [] : { seed, message: failure.message })),
      missing: found.filter(({ result }) => result === undefined).map(({ seed }) => seed),
    };
  });
}

/** Those of a section, each with its place in it; those of one problem where a task is given. */
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

/** CERTIFY where the method is meant to be smoothed: on z for sealed models, on the image for the others. */
export function smoothingOf({ experiment }: Evidence): Certificate {
  return experiment.measurement.kind === 'sealed' ? 'latent' : 'image';
}

/** The certified accuracies of all seeds, by one certificate; empty where there are none. */
export function certifiedBy({ runs }: Evidence, certificate: Certificate, images: Images): readonly CertifiedResult[] {
  return runs.flatMap(
    ({ certified }) => certified.find((entry) => entry.certificate === certificate && entry.images === images) ?? [],
  );
}

/** Mean and deviation over the seeds of one number; undefined where nothing was measured. */
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

/** The images a method's own row is about: all, where it is cheap; else the subset. */
export function ownImages({ experiment }: Evidence): Images {
  return experiment.measurement.kind === 'sealed' ? 'all' : 'subset';
}

export function isComparable({ experiment, runs }: Evidence): boolean {
  return experiment.oracle === null && runs.length > 0;
}
