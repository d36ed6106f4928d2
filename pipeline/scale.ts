/**
 * From 10⁶ to 10¹² images on 1 to 1000 executors, on paper: writes the tables of docs/spark.md from docs/spark.json,
 * which `python -m spark_tests.throughput --out ../docs/spark.json` measures, with `--model avatars` for the second.
 *
 *     node --import tsx pipeline/scale.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { type Cluster, estimate, type Parts } from './scale/model.ts';

interface Ratio {
  readonly median: number;
  readonly spread: readonly [number, number];
}

type Rates = Readonly<Record<'plain1' | 'plain2' | 'worker' | 'direct' | 'spark', readonly number[]>>;

/** What was measured with one model, as far as it is read here. */
export interface Measured {
  readonly model: string;
  readonly rounds: number;
  readonly cores: number;
  readonly ofLimit: Readonly<Record<'direct' | 'spark', Readonly<Record<'1' | '2', Ratio>>>>;
  readonly workerOfLimit: Ratio;
  readonly modelBytes: number;
  readonly images: number;
  /** Of an image before compression. */
  readonly pixelBytes: number;
  readonly clusters: Readonly<
    Record<
      '1' | '2',
      {
        readonly startS: number;
        readonly taskMs: number;
        /** Of a job with `--direct`. */
        readonly tasks: number;
        readonly perSecond: Rates;
      }
    >
  >;
}

/** A gateway of 10 Gbit/s for each executor, 100 Gbit/s for all, and an object store's usual first byte. */
const CLUSTER: Omit<Cluster, 'executors'> = {
  network: 1.25e9,
  store: 12.5e9,
  latency: 0.03,
  listing: 1e-4,
  taskBytes: 128 * 2 ** 20,
  taskFiles: 1,
  slowEvery: 50,
  slowness: 2,
};

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The parts, from what was measured without Spark and from empty tasks. */
function partsOf({ clusters, modelBytes, pixelBytes }: Measured): Parts {
  const task = clusters['1'].taskMs / 1000;
  return {
    image: 1 / median(clusters['1'].perSecond.worker),
    task,
    // What two executors do not do at the same time is the driver's.
    launch: Math.max(0, clusters['2'].taskMs / 1000 - task / 2),
    start: clusters['1'].startS,
    // As if nothing could be compressed: the measured table repeats its images.
    imageBytes: pixelBytes,
    modelBytes,
  };
}

/** Images a second on the measured machine with `executors`, by the model and as they were measured there. */
export function check(measured: Measured, executors: 1 | 2): { readonly model: number; readonly measured: number } {
  const { perSecond, tasks } = measured.clusters[executors];
  const parts = partsOf(measured);
  // Two processes share this machine's memory and caches, which plain ones tell.
  const shared = executors === 1 ? 1 : (2 * median(perSecond.plain1)) / median(perSecond.plain2);
  const machine = { ...CLUSTER, network: 1e12, store: 1e12, latency: 0, listing: 0, slowEvery: 1e9, slowness: 1 };
  const taskBytes = (measured.images / tasks) * parts.imageBytes;
  const { seconds } = estimate(
    { ...parts, image: parts.image * shared, start: 0 },
    { ...machine, executors, taskBytes },
    measured.images,
  );
  return { model: measured.images / seconds, measured: median(perSecond.direct) };
}

const POWERS = ['', '', '', '', '', '', '10⁶', '', '10⁸', '', '10¹⁰', '', '10¹²'];

/** Two digits. */
const short = (value: number): string => String(Number(value.toPrecision(2)));

/** A whole number in groups of three digits. */
const whole = (value: number): string => Math.round(value).toLocaleString('en-US').replaceAll(',', ' ');

function long(seconds: number): string {
  for (const [unit, size] of [
    ['years', 365.25 * 86_400],
    ['days', 86_400],
    ['h', 3600],
    ['min', 60],
  ] as const)
    if (seconds >= 2 * size) return `${short(seconds / size)} ${unit}`;
  return `${short(seconds)} s`;
}

function size(bytes: number): string {
  const power = Math.max(0, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** power).toPrecision(3)} ${['B', 'kB', 'MB', 'GB', 'TB', 'PB'][power]}`;
}

/** A table of Markdown: time and what ends first, for each number of images and of executors. */
function table(parts: Parts, cluster: Omit<Cluster, 'executors'>): string {
  const counts = [1, 10, 100, 1000];
  const rows = [6, 8, 10, 12].map((power) => {
    const found = counts.map((executors) => estimate(parts, { ...cluster, executors }, 10 ** power));
    return `| ${POWERS[power]} | ${size(found[0]!.bytes)} | ${found.map(({ seconds, end }) => `${long(seconds)}, ${end}`).join(' | ')} |`;
  });
  return [
    `| images | read | ${counts.join(' | ')} executors |`,
    `| --- | --- |${counts.map(() => ' --- |').join('')}`,
    ...rows,
  ].join('\n');
}

/** What two executors do of one, over what two plain processes do of one: 1 where Spark loses nothing of the second core. */
export function scaling({ clusters }: Measured, kind: 'direct' | 'spark'): number {
  const of = (executors: '1' | '2', what: keyof Rates) => median(clusters[executors].perSecond[what]);
  const plain = (of('1', 'plain2') / of('1', 'plain1') + of('2', 'plain2') / of('2', 'plain1')) / 2;
  return of('2', kind) / of('1', kind) / plain;
}

/** Shares of what plain processes reach, as `ofLimit` has them. */
function shares(measured: Measured): string {
  const { clusters, ofLimit, workerOfLimit } = measured;
  const share = ({ median, spread: [least, most] }: Ratio) =>
    `${median.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`;
  const row = (...cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rate = (executors: '1' | '2', what: keyof Rates) => whole(median(clusters[executors].perSecond[what]));
  const job = (name: string, kind: 'direct' | 'spark') =>
    row(
      name,
      ...(['1', '2'] as const).flatMap((k) => [rate(k, kind), share(ofLimit[kind][k])]),
      scaling(measured, kind).toFixed(2),
    );
  return [
    '| | one executor | of one plain process | two executors | of two | scaling |',
    '| --- | --- | --- | --- | --- | --- |',
    row('plain ONNX Runtime', rate('1', 'plain1'), '', rate('2', 'plain2'), '', ''),
    row("a worker's work, without Spark", rate('1', 'worker'), share(workerOfLimit), '', '', ''),
    job('`--direct`', 'direct'),
    job('through Java', 'spark'),
  ].join('\n');
}

function measuredTables(measured: Measured): readonly string[] {
  const checks = ([1, 2] as const).map((k) => {
    const { model, measured: found } = check(measured, k);
    return `| ${k} | ${whole(found)} | ${whole(model)} | ${(model / found).toFixed(2)} |`;
  });
  return [
    `models/${measured.model}, ${whole(measured.images)} images, ${measured.rounds} rounds, ${measured.cores} cores, images a second:`,
    shares(measured),
    'The same with `--direct`, measured and by the model of scale:',
    ['| executors | measured | model | ratio |', '| --- | --- | --- | --- |', ...checks].join('\n'),
  ];
}

/** All that the page shows of what was measured with each model. */
export function tables(all: readonly Measured[]): string {
  const parts = partsOf(all[0]!);
  return [
    ...all.flatMap(measuredTables),
    `Time, and what most of it goes to, with models/${all[0]!.model}, for Parquet files of 128 MiB:`,
    table(parts, CLUSTER),
    'The same for a file for each image, of which Spark gives 32 to a task:',
    table(parts, { ...CLUSTER, taskBytes: 32 * parts.imageBytes, taskFiles: 32 }),
  ].join('\n\n');
}

/** The answers in this file, by model. */
export function readMeasured(file: string): readonly Measured[] {
  return Object.values(JSON.parse(readFileSync(file, 'utf8')) as Record<string, Measured>);
}

const BEGIN = '<!-- Written by pipeline/scale.ts: do not edit. -->';
const END = '<!-- End -->';

/** The page with these tables in their place. */
export function withTables(page: string, shown: string): string {
  const [before, rest] = page.split(BEGIN) as [string, string];
  return `${before}${BEGIN}\n\n${shown}\n\n${END}${rest.slice(rest.indexOf(END) + END.length)}`;
}

if (process.argv[1] === import.meta.filename) {
  const page = readFileSync('docs/spark.md', 'utf8');
  writeFileSync('docs/spark.md', withTables(page, tables(readMeasured('docs/spark.json'))));
}
