/** A training run's configuration: parsed once from JSON into a frozen, typed value. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { InputError } from '../certify-runtime/trusted/errors.ts';
import { utf8Text } from '../files/utf8-text.ts';
import { augmentationSchema, RIMS, type Rim } from './augmentation/config.ts';
import { dataSchema } from './data/config.ts';
import { nonNegativeInteger, positive, positiveInteger } from './data/numbers.ts';
import { networkSchema } from './network/config.ts';
import { baselineSchema } from './objective/baselines/baseline-config.ts';
import { invarianceSchema } from './objective/invariance-config.ts';

/** A baseline if the field `baseline` is there, so that error messages are about the schema that was meant. */
const objectiveSchema = v.lazy((input) =>
  typeof input === 'object' && input !== null && 'baseline' in input ? baselineSchema : invarianceSchema,
) as v.GenericSchema<v.InferOutput<typeof baselineSchema> | v.InferOutput<typeof invarianceSchema>>;

const trainSchema = v.strictObject({
  /** Name of the model: `models/<id>/`. */
  id: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]*$/, 'lower-case letters, digits and hyphens')),
  title: v.string(),
  data: dataSchema,
  network: networkSchema,
  objective: objectiveSchema,
  optimizer: v.strictObject({
    steps: positiveInteger,
    /** At most this many images of each environment in a step; all of them if there are fewer. */
    perEnvironment: positiveInteger,
    /** Adam's learning rate, which decays to 0 along half a cosine. */
    learningRate: positive,
    /** Decay of the average of the weights over the steps (optimizer/ema.ts), which is then what is evaluated and exported. */
    ema: v.exactOptional(v.pipe(v.number(), v.gtValue(0), v.ltValue(1))),
  }),
  augmentation: augmentationSchema,
  /** What the exported network computes in (float32 by default); training is always float32. */
  precision: v.exactOptional(v.picklist(['float32', 'float64'])),
  /** TensorFlow's generator takes 31 bits; four of them tell the reference networks from the main one. */
  seed: v.pipe(nonNegativeInteger, v.maxValue(2 ** 27 - 1)),
});

const configSchema = v.pipe(
  trainSchema,
  v.forward(
    v.check(
      ({ objective, network }) =>
        'baseline' in objective || objective.risk.kind !== 'offset' || network.temperature !== undefined,
      'a risk with an offset needs a head of fixed temperature (network.temperature), such as 16',
    ),
    ['objective'],
  ),
);

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

export type TrainConfig = DeepReadonly<v.InferOutput<typeof configSchema>>;

function deepFreeze<T>(value: T): DeepReadonly<T> {
  if (typeof value === 'object' && value !== null) for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value) as DeepReadonly<T>;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The field `augmentation` of a possible configuration, if it is there and names no rim. */
function withoutRim(value: unknown): Record<string, unknown> | undefined {
  const augmentation = isObject(value) ? value['augmentation'] : undefined;
  return isObject(augmentation) && !('rim' in augmentation) ? augmentation : undefined;
}

/**
 * @param rim the value of `augmentation.rim` if the configuration names none
 * @throws InputError naming `source`, the field, what was found and what was expected
 */
export function parseConfig(value: unknown, source: string, rim: Rim = 'edge'): TrainConfig {
  const augmentation = withoutRim(value);
  const complete =
    augmentation === undefined ? value : { ...(value as object), augmentation: { ...augmentation, rim } };
  const result = v.safeParse(configSchema, complete);
  if (!result.success) {
    const problems = result.issues.map((issue) => `${v.getDotPath(issue) ?? 'configuration'}: ${issue.message}`);
    throw new InputError(`${source}: ${problems.join('; ')}`, { source, problems });
  }
  return deepFreeze(result.output);
}

/** The configuration in a JSON file, with its seed replaced if one is given; `rim` is as in parseConfig. */
export async function readConfig(path: string, seed?: number, rim?: Rim): Promise<TrainConfig> {
  const config = parseConfig(await readJson(path), path, rim);
  return seed === undefined ? config : parseConfig({ ...config, seed }, path);
}

/**
 * What identifies a run, in its name and in certificates: the configuration without those fields that were added later
 * and have their old meaning. A black rim and no flips are left out, so that older runs keep their names and models
 * made as before keep their bytes. The precision is no part of a run: its file says what it computes in.
 */
export function recordOf(config: TrainConfig): unknown {
  const { rim, flip, ...augmentation } = config.augmentation;
  const { precision, ...trained } = config;
  return {
    ...trained,
    augmentation: { ...augmentation, ...(rim === 'black' ? {} : { rim }), ...(flip ? { flip } : {}) },
  };
}

/**
 * The rim of a stored configuration: black if it was written before rims could be chosen, undefined if there is no
 * configuration.
 */
export async function storedRim(path: string): Promise<Rim | undefined> {
  const value = await readJson(path).catch(() => undefined);
  if (withoutRim(value) !== undefined) return 'black';
  const stored = v.safeParse(v.object({ augmentation: v.object({ rim: v.picklist(RIMS) }) }), value);
  return stored.success ? stored.output.augmentation.rim : undefined;
}

async function readJson(path: string): Promise<unknown> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new InputError(`${path}: cannot be read (${(cause as NodeJS.ErrnoException).code})`, { path }, { cause });
  }
  const text = utf8Text(bytes, path);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${path}: is not JSON (${(cause as Error).message})`, { path }, { cause });
  }
}
