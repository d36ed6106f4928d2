/** Which data set and how it is made, as a configuration or a command names it: parsed once, unknown options refused. */
import * as v from 'valibot';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import { DATASET_NAMES as NAMES } from './names.ts';
import { nonNegativeInteger, positiveInteger } from './numbers.ts';

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
/** Neither nothing nor all. */
const part = v.pipe(v.number(), v.gtValue(0), v.ltValue(1));
const names = v.pipe(v.array(v.string()), v.minLength(1), v.readonly());

/** Of the data set alone, not of training. */
const seed = v.exactOptional(nonNegativeInteger);
/** At most this many images in each training domain. */
const limit = v.exactOptional(positiveInteger);
/** The folder of the originals; a command's --data-dir goes before it. */
const dir = v.exactOptional(v.string());
/** Height and width of the prepared images. */
const side = v.exactOptional(v.pipe(positiveInteger, v.minValue(8), v.maxValue(512)));
/** Above this share of unusable originals, opening is an error. */
const maxSkipped = v.exactOptional(share);
const labelNoise = v.exactOptional(v.pipe(share, v.maxValue(0.5)));
const heldOut = v.exactOptional(v.string());
const classes = v.exactOptional(names);
const cue = v.exactOptional(names);

const idx = { dir, seed, limit };
const originals = { dir, maxSkipped };
const prepared = { side, seed, limit };

export const dataSchema = v.variant('name', [
  v.strictObject({ name: v.picklist(['cmnist', 'cmnist-blind', 'fashion', 'fashion-blind']), ...idx }),
  v.strictObject({ name: v.literal('mnist'), ...idx }),
  v.strictObject({
    name: v.picklist(['avatars', 'avatars-blind']),
    ...prepared,
    labelNoise,
    faces: v.exactOptional(positiveInteger),
  }),
  v.strictObject({ name: v.picklist(['celeba', 'celeba-blind']), ...prepared, ...originals, labelNoise }),
  v.strictObject({ name: v.literal('emoji'), ...prepared, heldOut, classes }),
  v.strictObject({ name: v.picklist(['emoji-cue', 'emoji-cue-blind']), ...prepared, labelNoise, cue }),
  v.strictObject({ name: v.literal('domainnet'), ...prepared, ...originals, heldOut, classes }),
  v.strictObject({
    name: v.picklist(['domainnet-cue', 'domainnet-cue-blind']),
    ...prepared,
    ...originals,
    labelNoise,
    cue,
  }),
  v.strictObject({ name: v.literal('folder'), ...prepared, ...originals, heldOut, validation: v.exactOptional(part) }),
]);

export type DataConfig = Readonly<v.InferOutput<typeof dataSchema>>;

/** What `openDataset` knows. */
export const DATASET_NAMES: readonly string[] = NAMES satisfies readonly DataConfig['name'][];

const LISTS = ['classes', 'cue'];
/** Digits in these are a name: a domain may be called 15 or 2019. */
const TEXTS = ['heldOut', 'dir'];

/**
 * A data set as commands take it: `name`, or `name:option=value,option=value` with `+` between the items of a list, for example
 * `emoji:heldOut=noto,side=64`.
 *
 * @throws InputError for an unknown name or option, or a value that is none
 */
export function parseData(text: string): DataConfig {
  const [name, ...rest] = text.split(':');
  if (!DATASET_NAMES.includes(name!)) {
    throw new InputError(`no data set '${name}': expected one of ${DATASET_NAMES.join(', ')}`, {
      found: name,
      expected: DATASET_NAMES,
    });
  }
  const options: Record<string, unknown> = { name };
  const fields = rest.join(':');
  for (const field of fields === '' ? [] : fields.split(',')) {
    const [key, value, ...more] = field.split('=');
    if (!key || !value || more.length > 0) {
      throw new InputError(`${text}: found '${field}', expected option=value`, { found: field });
    }
    if (Object.hasOwn(options, key))
      throw new InputError(`${text}: found '${key}' twice, expected once`, { found: key });
    const isNumber = !TEXTS.includes(key) && /^\d+(\.\d+)?$/.test(value);
    options[key] = LISTS.includes(key) ? value.split('+') : isNumber ? Number(value) : value;
  }
  const result = v.safeParse(dataSchema, options);
  if (!result.success) {
    const problems = result.issues.map((issue) => `${v.getDotPath(issue) ?? 'data set'}: ${issue.message}`);
    throw new InputError(`${text}: ${problems.join('; ')}`, { problems });
  }
  return result.output;
}
