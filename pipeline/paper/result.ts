/** Results: one JSON file for each run, valid as long as its key equals the plan's. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { InputError } from '../../src/certify-runtime/trusted/errors.ts';
import { writeFileAtomic } from '../../src/files/atomic-file.ts';
import { type Job, keyOf, nameOf } from './experiment.ts';

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const shares = v.record(v.string(), share);
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const seconds = v.pipe(v.number(), v.minValue(0));

const certified = v.strictObject({
  /** `margin`: the file's own radius. `latent`: CERTIFY on z. `image`: CERTIFY on the image. */
  certificate: v.picklist(['margin', 'latent', 'image']),
  /** `all` test images, or the `subset` on which every method of a task is compared. */
  images: v.picklist(['all', 'subset']),
  n: count,
  accuracy: share,
  acr: v.number(),
  certifiedAccuracy: shares,
  /** Certified accuracy at r = 0, CURVE_STEP, 2·CURVE_STEP, … */
  curve: v.array(share),
});

const measured = v.strictObject({
  training: v.strictObject({
    seconds,
    /** The step at which this process resumed an interrupted run; 0 if it did all of it. */
    resumedAt: count,
    accuracy: v.strictObject({ train: shares, validation: shares }),
  }),
  model: v.strictObject({ bytes: count, sha256: v.string() }),
  /** Null for models that are not sealed. */
  proof: v.nullable(
    v.strictObject({
      /** The proven bound of the encoder. */
      lipschitz: v.number(),
      /** What float32 takes off the certified radius, as the median over the test images. */
      slack: v.number(),
      attack: v.strictObject({
        images: count,
        points: count,
        inside: count,
        broken: count,
        smallestRatio: v.nullable(v.number()),
        medianRatio: v.nullable(v.number()),
        gradients: v.picklist(['exact', 'estimated']),
      }),
    }),
  ),
  certified: v.array(certified),
  seconds: v.strictObject({ export: seconds, certify: seconds, attack: seconds }),
});

const data = v.strictObject({
  name: v.string(),
  title: v.string(),
  classes: count,
  shape: v.array(count),
  train: v.record(v.string(), count),
  test: v.strictObject({
    name: v.string(),
    size: count,
    /** The number of images of each class; absent from results before 25 November 2026. */
    labels: v.exactOptional(v.array(count)),
  }),
  sha256: v.string(),
});

const resultSchema = v.strictObject({
  id: v.string(),
  seed: count,
  key: v.string(),
  finishedAt: v.string(),
  machine: v.strictObject({ cpu: v.string(), cores: count, memoryGb: count, platform: v.string() }),
  versions: v.record(v.string(), v.string()),
  data: v.nullable(data),
  /** Null if the run failed. */
  measured: v.nullable(measured),
  failure: v.nullable(
    v.strictObject({
      message: v.string(),
      /** Whether it would fail again: divergence would, but a killed process need not. */
      final: v.boolean(),
    }),
  ),
});

export type Result = v.InferOutput<typeof resultSchema>;
export type Measured = v.InferOutput<typeof measured>;
export type CertifiedResult = v.InferOutput<typeof certified>;
export type DataSummary = v.InferOutput<typeof data>;

/** Radii between points of a result's curve. */
export const CURVE_STEP = 0.01;

/** A result as a file, with every member on a line of its own, so that a change is a short diff. */
function format(result: Result): string {
  const members = Object.entries(result).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return `{\n${members.join(',\n')}\n}\n`;
}

/** The results of a folder by name; empty if there are none. */
export class Results {
  readonly #folder: string;
  readonly #byName = new Map<string, Result>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws InputError for a file that is not a result */
  static async open(folder: string): Promise<Results> {
    const results = new Results(folder);
    const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return [];
      throw cause;
    });
    for (const name of names.filter((file) => /^[a-z0-9].*\.json$/.test(file)).sort()) {
      const path = join(folder, name);
      const parsed = v.safeParse(resultSchema, JSON.parse(await readFile(path, 'utf8')));
      if (!parsed.success) {
        const [issue] = parsed.issues;
        throw new InputError(
          `${path}: ${v.getDotPath(issue) ?? 'result'}: ${issue.message}; remove it to measure anew`,
        );
      }
      results.#byName.set(name.slice(0, -'.json'.length), parsed.output);
    }
    return results;
  }

  /** The run's result, if it has this configuration, measurement and format. */
  of(job: Job): Result | undefined {
    const result = this.#byName.get(nameOf(job));
    return result?.key === keyOf(job) ? result : undefined;
  }

  /** Whether nothing is left to do: the run was measured, or failed in a way that would repeat. */
  isDone(job: Job): boolean {
    const result = this.of(job);
    return result !== undefined && (result.failure === null || result.failure.final);
  }

  /** All results in the folder, of any plan: estimates of duration are based on them. */
  all(): readonly Result[] {
    return [...this.#byName.values()];
  }

  async save(job: Job, result: Result): Promise<void> {
    const name = nameOf(job);
    await writeFileAtomic(join(this.#folder, `${name}.json`), format(result));
    this.#byName.set(name, result);
  }
}
