/** Tables of certified accuracy: a row for each method, mean ± standard deviation over its seeds. */
import { normalQuantile } from '../../../src/certify-runtime/smoothing/normal.ts';
import { RADII } from '../../../src/evaluate/certified-accuracy.ts';
import type { PublishedRow } from '../published.ts';
import { formatSpread } from '../statistics.ts';
import type { Row, Table } from './document.ts';
import {
  acrOf,
  type Certificate,
  certifiedBy,
  type Evidence,
  type Images,
  imagesOf,
  isComparable,
  over,
  smoothingOf,
} from './evidence.ts';

export const NOT_RUN = 'not run yet';
const KEYS = RADII.map((r) => r.toFixed(2));

/** `5`, or `3 of 5` while some are missing or failed. */
export function seedsOf({ experiment, runs, failures }: Evidence): string {
  const { seeds } = experiment;
  if (runs.length === seeds.length) return String(runs.length);
  if (runs.length === 0) return failures.length > 0 ? 'failed' : NOT_RUN;
  return `${runs.length} of ${seeds.length}`;
}

/** The method, with what it is told beyond the others. */
export function nameOf({ experiment }: Evidence): string {
  return experiment.oracle === null ? experiment.method : `${experiment.method} (oracle: ${experiment.oracle})`;
}

/** The same, for tables of several problems. */
export function fullNameOf(row: Evidence): string {
  return `${row.experiment.task}: ${nameOf(row)}`;
}

/** The row with the highest ACR of those that may be compared. */
export function bestOf(rows: readonly Evidence[]): Evidence | undefined {
  const images = imagesOf(rows);
  return rows.filter(isComparable).reduce<Evidence | undefined>((best, row) => {
    if (best === undefined) return row;
    return acrOf(row, images)!.mean > acrOf(best, images)!.mean ? row : best;
  }, undefined);
}

function markOf(row: Evidence, best: Evidence | undefined): Pick<Row, 'mark'> {
  if (row.experiment.oracle !== null) return { mark: 'oracle' };
  return row === best ? { mark: 'best' } : {};
}

function certifiedCells(row: Evidence, certificate: Certificate, images: Images): string[] {
  const results = certifiedBy(row, certificate, images);
  if (results.length === 0) return ['', '', ...KEYS.map(() => '')];
  const shares = KEYS.map((key) => formatSpread(over(results, (result) => result.certifiedAccuracy[key]!)!, 100, 1));
  return [String(results[0]!.n), formatSpread(over(results, ({ acr }) => acr)!, 1, 4), ...shares];
}

function publishedRow({ dataSet, method, certifiedAccuracy, acr }: PublishedRow): Row {
  const shares = KEYS.map((key) => (100 * certifiedAccuracy[key]!).toFixed(1));
  return { cells: [`the paper on ${dataSet}: ${method}`, '', '', acr.toFixed(4), ...shares], mark: 'published' };
}

export const CONSTANT = 'the commonest label for every image';

/**
 * What giving every test image the same label is worth: it is right for one class, at every radius that CERTIFY can
 * give. Undefined if no result says how many images each class has, or the rows differ in σ.
 */
export function constantOf(
  rows: readonly Evidence[],
): { readonly images: number; readonly accuracy: number; readonly largest: number; readonly acr: number } | undefined {
  const results = rows.flatMap((row) => row.results);
  const test = results.map(({ data }) => data?.test).find((found) => found?.labels !== undefined);
  const sigmas = new Set(rows.map(({ experiment }) => experiment.measurement.smoothing.sigma));
  if (test === undefined || sigmas.size > 1) return undefined;
  const { sigma, n, alpha } = rows[0]!.experiment.measurement.smoothing;
  const accuracy = Math.max(...test.labels!) / test.size;
  const largest = sigma * normalQuantile(alpha ** (1 / n));
  return { images: test.size, accuracy, largest, acr: accuracy * largest };
}

function constantRows(rows: readonly Evidence[]): readonly Row[] {
  const constant = constantOf(rows);
  if (constant === undefined) return [];
  const { images, accuracy, largest, acr } = constant;
  const shares = RADII.map((r) => (100 * (r <= largest ? accuracy : 0)).toFixed(1));
  return [{ cells: [CONSTANT, '', String(images), acr.toFixed(4), ...shares], mark: 'oracle' }];
}

/** Certified accuracy in % at every radius, and ACR, under CERTIFY or by the margin certificate. */
export function certifiedTable(
  caption: string,
  rows: readonly Evidence[],
  options: {
    readonly margin?: boolean;
    readonly constant?: boolean;
    readonly published?: readonly PublishedRow[];
  } = {},
): Table {
  // The best across several problems would say nothing.
  const several = new Set(rows.map(({ experiment }) => experiment.task)).size > 1;
  const best = several ? undefined : bestOf(rows);
  const images = imagesOf(rows);
  const own = rows.map((row): Row => {
    const certificate = options.margin === true ? 'margin' : smoothingOf(row);
    return {
      cells: [several ? fullNameOf(row) : nameOf(row), seedsOf(row), ...certifiedCells(row, certificate, images)],
      ...markOf(row, best),
    };
  });
  return {
    kind: 'table',
    caption,
    columns: ['', 'seeds', 'images', 'ACR', ...KEYS.map((key) => `r = ${key}`)],
    rows: [
      ...own,
      ...(options.constant === true ? constantRows(rows) : []),
      ...(options.published ?? []).map(publishedRow),
    ],
  };
}

/**
 * One line for each method with a few numbers: at r = 0, at r = 0.45, ACR, the margin certificate's ACR, and held-out
 * accuracy.
 */
export function shortTable(caption: string, rows: readonly Evidence[], names?: readonly string[]): Table {
  const best = bestOf(rows);
  const images = imagesOf(rows);
  const constant = constantOf(rows);
  return {
    kind: 'table',
    caption,
    columns: ['', 'seeds', 'r = 0.00', 'r = 0.45', 'ACR', 'ACR by margin', 'held-out accuracy'],
    rows: [
      ...rows.map((row, i): Row => {
        const results = certifiedBy(row, smoothingOf(row), images);
        const margins = certifiedBy(row, 'margin', 'all');
        const share = (key: string) => {
          const value = over(results, (result) => result.certifiedAccuracy[key]!);
          return value === undefined ? '' : formatSpread(value, 100, 1);
        };
        const [acr, margin] = [over(results, (result) => result.acr), over(margins, (result) => result.acr)];
        const cells = [
          names?.[i] ?? nameOf(row),
          seedsOf(row),
          share('0.00'),
          share('0.45'),
          acr === undefined ? '' : formatSpread(acr, 1, 4),
          margin === undefined ? '' : formatSpread(margin, 1, 4),
          heldOut(row),
        ];
        return { cells, ...markOf(row, best) };
      }),
      ...(constant === undefined ? [] : [shortConstant(constant)]),
    ],
  };
}

function shortConstant({ accuracy, largest, acr }: NonNullable<ReturnType<typeof constantOf>>): Row {
  const [atNone, atMost] = [0, 0.45].map((r) => (100 * (r <= largest ? accuracy : 0)).toFixed(1));
  return { cells: [CONSTANT, '', atNone!, atMost!, acr.toFixed(4), '', ''], mark: 'oracle' };
}

/** Accuracy in % on images held out from the training domains, as the mean over domains and seeds. */
export function heldOut({ runs }: Evidence): string {
  if (runs.length === 0) return '';
  const means = runs.map(({ training }) => {
    const values = Object.values(training.accuracy.validation);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  });
  return (100 * (means.reduce((sum, value) => sum + value, 0) / means.length)).toFixed(1);
}
