/** A refusal as data: where, why, and one thing to do. */
import type { GleanError } from '../../certify-runtime/trusted/errors.ts';
import { remedyByCode, remedyFor } from './remedies.ts';

export interface Refusal {
  readonly code: string;
  /** All of it in one text: place, reason and remedy. */
  readonly message: string;
  /** The node, tensor, part of the file or option that is refused. */
  readonly place: string;
  readonly reason: string;
  readonly remedy: string;
}

/** The places that messages begin with: a node, the model's input and so on. */
const PLACE =
  /^(\w+ (?:"[^"]*"|'[^']*')(?: \(node \d+\))?|known vector \d+|--\w[\w-]*|metadata '[^']*'|[^\s:]+\.\w+): (.*)$/s;
const ABOUT =
  /^(?:what )?(\w+ '[^']*'|the (?:input|output|model|network|graph|latent|image|head|last layer)(?: '[^']*'| \[[^\]]*\])*)/i;

/** How the messages of what reads other programs' files end, if they say what to do. */
const ADVICE =
  /^(.*?)(?:; |: (?=say |fix )|\. (?=Give ))((?:bring|convert|end|export|fix|Give|give|leave|make|mend|name|please|put|remove|report|say|seal|simplify|train|use|write)\b.*)$/s;

interface Parts {
  readonly place?: string;
  readonly reason: string;
  readonly remedy?: string;
}

function text(details: GleanError['details'], name: string): string | undefined {
  const value = details[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** What an error says by its fields, and otherwise by the form of its message. */
function partsOf({ message, details }: GleanError): Parts {
  const [path, problem] = [text(details, 'path'), text(details, 'problem')];
  let reason = text(details, 'reason') ?? problem ?? message;
  let place = text(details, 'place') ?? (problem === undefined ? undefined : path);
  let remedy = text(details, 'remedy');
  if (remedy === undefined) {
    const found = ADVICE.exec(reason);
    if (found !== null) [reason, remedy] = [found[1]!, found[2]!];
  }
  if (place === undefined) {
    const found = PLACE.exec(reason);
    if (found !== null) [place, reason] = [found[1]!, found[2]!];
    else place = ABOUT.exec(reason)?.[1];
  }
  return { reason, ...(place === undefined ? {} : { place }), ...(remedy === undefined ? {} : { remedy }) };
}

/**
 * What a refusal says, completed where its error leaves something out.
 *
 * @param file the file that is refused, which is the place if nothing narrower is known
 */
export function refusalOf(error: GleanError, file: string): Refusal {
  const { place = file, reason, remedy: known } = partsOf(error);
  const remedy = known ?? remedyFor(text(error.details, 'op'), reason) ?? remedyByCode(error.code);
  const named = reason.includes(place) || place === file ? reason : `${place}: ${reason}`;
  const where = named.startsWith(file) ? '' : `${file}: `;
  return { code: error.code, message: `${where}${named}; ${remedy}`, place, reason, remedy };
}
