/**
 * Which data set and how it is made, as a configuration or a command names it: parsed once, unknown options refused.
 */
import * as v from 'valibot';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import { OPTIONS, type Options } from './options.ts';
import { DATASET_NAMES, DATASETS, type DatasetName } from './table.ts';

/** One of the names, and some of that data set's options. */
export type DataConfig = {
  [N in DatasetName]: Readonly<{ readonly name: N } & Partial<Pick<Options, (typeof DATASETS)[N]['options'][number]>>>;
}[DatasetName];

/** The data sets are told apart by `name`, so that a message is about the options of the one that was meant. */
export const dataSchema = v.variant(
  'name',
  DATASET_NAMES.map((name) =>
    v.strictObject({
      name: v.literal(name),
      ...Object.fromEntries(
        DATASETS[name].options.map((option) => [option, v.exactOptional(OPTIONS[option] as v.GenericSchema)]),
      ),
    }),
  ),
) as unknown as v.GenericSchema<DataConfig>;

const LISTS = ['classes', 'cue'];
/** In these options digits are text: a domain may be called 15 or 2019. */
const TEXTS = ['heldOut', 'dir'];

/**
 * A data set as commands take it: `name`, or `name:option=value,option=value`, with `+` between the items of a list;
 * for example `emoji:heldOut=noto,side=64`.
 *
 * @throws InputError for an unknown name or option, or a value of the wrong form
 */
export function parseData(text: string): DataConfig {
  const [name, ...rest] = text.split(':');
  if (!(DATASET_NAMES as readonly string[]).includes(name!)) {
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
