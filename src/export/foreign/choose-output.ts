/** Which output of a model holds the logits, or something that keeps their order. */
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import { TENSORS } from '../../certify-runtime/trusted/file/names.ts';

/** What converters of classical models call the scores that they give beside the label. */
const SCORES = ['probabilities', 'output_probability'];

/**
 * The one that is named, which may be any tensor of the model; or the one called 'logits', or 'probabilities'; or the only one.
 *
 * @param tensors the names of all tensors that could be asked for
 * @throws InputError if it must be named
 */
export function chooseOutput(
  { outputs }: { readonly outputs: readonly { readonly name: string }[] },
  wanted: string | undefined,
  tensors: ReadonlySet<string> = new Set(),
): string {
  const names = outputs.map(({ name }) => name);
  const listed = names.map((name) => `'${name}'`).join(', ');
  if (wanted !== undefined) {
    if (names.includes(wanted) || tensors.has(wanted)) return wanted;
    throw new InputError(`the model has no output '${wanted}', it has ${listed}`, { outputs: names });
  }
  const known = [TENSORS.logits, ...SCORES].find((name) => names.includes(name));
  if (known !== undefined) return known;
  if (names.length === 1) return names[0]!;
  throw new InputError(`the model has the outputs ${listed}: say which one holds the logits with --logits`, {
    outputs: names,
  });
}
