/** A training run's configuration: parsed once from JSON into a frozen, typed value. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { InputError } from '../certify-runtime/core/errors.ts';
import { dataSchema } from './data/config.ts';
import { networkSchema } from './network/config.ts';
import { nonNegativeInteger, positive, positiveInteger } from './numbers.ts';
import { baselineSchema } from './objective/baseline-config.ts';
import { invarianceSchema } from './objective/invariance-config.ts';

/** A baseline where the field `baseline` is there, so that a message is about the schema that was meant. */
const objectiveSchema = v.lazy((input) =>
  typeof input === 'object' && input !== null && 'baseline' in input ? baselineSchema : invarianceSchema,
) as v.GenericSchema<v.InferOutput<typeof baselineSchema> | v.InferOutput<typeof invarianceSchema>>;

const configSchema = v.strictObject({
  /** Name of the model: `models/<id>/`. */
  id: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9-]*$/, 'lower-case letters, digits and hyphens')),
  title: v.string(),
  data: dataSchema,
  network: networkSchema,
  objective: objectiveSchema,
  optimizer: v.strictObject({
    steps: positiveInteger,
    /** At most this many images of each environment in a step; all of them where there are fewer. */
    perEnvironment: positiveInteger,
    /** Adam's, decayed to 0 along half a cosine. */
    learningRate: positive,
  }),
  augmentation: v.strictObject({
    /** Images are moved by up to this many pixels each way. */
    shift: nonNegativeInteger,
  }),
  /** TensorFlow's generator takes 31 bits; four of them tell the references from the network. */
  seed: v.pipe(nonNegativeInteger, v.maxValue(2 ** 27 - 1)),
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

export type TrainConfig = DeepReadonly<v.InferOutput<typeof configSchema>>;

function deepFreeze<T>(value: T): DeepReadonly<T> {
  if (typeof value === 'object' && value !== null) for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value) as DeepReadonly<T>;
}

/**
 * @throws InputError naming `source`, the field, what was found and what was expected
 */
export function parseConfig(value: unknown, source: string): TrainConfig {
  const result = v.safeParse(configSchema, value);
  if (!result.success) {
    const problems = result.issues.map((issue) => `${v.getDotPath(issue) ?? 'configuration'}: ${issue.message}`);
    throw new InputError(`${source}: ${problems.join('; ')}`, { source, problems });
  }
  return deepFreeze(result.output);
}

/** The configuration in a JSON file, its seed replaced where one is given. */
export async function readConfig(path: string, seed?: number): Promise<TrainConfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new InputError(`${path}: cannot be read (${(cause as NodeJS.ErrnoException).code})`, { path });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new InputError(`${path}: is not JSON (${(cause as Error).message})`, { path });
  }
  const config = parseConfig(value, path);
  return seed === undefined ? config : parseConfig({ ...config, seed }, path);
}
