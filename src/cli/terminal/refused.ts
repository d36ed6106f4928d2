/** How a command says that a file is refused: where, why, and what to do; as text or as data. */
import { GleanError, InputError } from '../../certify-runtime/trusted/errors.ts';
import { refusalOf } from '../../export/refusal/refusal.ts';
import { AnswerIsNo } from './answer.ts';

type Constructor = new (message: string, details: Record<string, unknown>, options: ErrorOptions) => GleanError;

/**
 * Does `work` on the file `model`. With `json`, a refusal is printed as `{model, error: {code, message, place, reason,
 * remedy}}`.
 *
 * @throws AnswerIsNo after it was printed; otherwise an error of the same class whose message says all of it
 */
export async function withRefusals(
  { model, json }: { readonly model: string; readonly json: boolean },
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if (!(cause instanceof GleanError)) throw cause;
    const refusal = refusalOf(cause, model);
    if (json) {
      console.log(JSON.stringify({ model, error: refusal }, null, 2));
      throw new AnswerIsNo(cause instanceof InputError ? 2 : 1);
    }
    const { message, place, reason, remedy } = refusal;
    const Same = cause.constructor as Constructor;
    throw new Same(message, { ...cause.details, place, reason, remedy }, { cause });
  }
}
