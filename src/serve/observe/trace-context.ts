/**
 * Reads the trace that a request belongs to from its headers `traceparent` and `tracestate`, as the W3C recommendation
 * Trace Context (level 1) defines them. A header that is malformed is ignored and the request answered, as it says.
 */

export interface TraceContext {
  readonly traceId: string;
  /** The id of the caller's span. The service reports no span of its own. */
  readonly spanId: string;
  /** Whether the caller may have recorded the trace. */
  readonly sampled: boolean;
  /** The members of `tracestate`, without blanks around them; undefined if there are none or they are malformed. */
  readonly state: string | undefined;
}

/** Version, trace, parent and flags; a later version may have more after another dash. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZEROS = /^0+$/;
const SAMPLED = 1;

/** One member of `tracestate`: a key, which may name a tenant and its vendor, and a value of printable characters. */
const MEMBER =
  /^([a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=[ -+\--<>-~]{0,255}[!-+\--<>-~]$/;
/** What may stand around a member. */
const BLANKS = ' \t';
const MOST_MEMBERS = 32;
/** The characters that the recommendation asks everyone to carry; a longer state is not taken into the log. */
const MOST_CHARACTERS = 512;

/** @param tracestate all headers of that name, joined by commas, as Node.js gives them */
export function traceContext(
  traceparent: string | readonly string[] | undefined,
  tracestate: string | readonly string[] | undefined,
): TraceContext | undefined {
  const match = typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent) : null;
  if (match === null) return undefined;
  const [, version, traceId, spanId, flags, more] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string?,
  ];
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (ZEROS.test(traceId) || ZEROS.test(spanId)) return undefined;
  const sampled = (Number.parseInt(flags, 16) & SAMPLED) !== 0;
  return { traceId, spanId, sampled, state: typeof tracestate === 'string' ? stateOf(tracestate) : undefined };
}

function stateOf(tracestate: string): string | undefined {
  // Members may be empty, and blanks and tabs around them mean nothing.
  const members = tracestate.split(',').map(withoutBlanks);
  const found = members.filter((member) => member !== '');
  const keys = new Set(found.map((member) => MEMBER.exec(member)?.[1]));
  const state = found.join(',');
  const right = keys.size === found.length && !keys.has(undefined) && found.length <= MOST_MEMBERS;
  return right && state !== '' && state.length <= MOST_CHARACTERS ? state : undefined;
}

/** A regular expression would look at many blanks before something else again from each of them. */
function withoutBlanks(member: string): string {
  let begin = 0;
  let end = member.length;
  while (begin < end && BLANKS.includes(member[begin]!)) begin++;
  while (end > begin && BLANKS.includes(member[end - 1]!)) end--;
  return member.slice(begin, end);
}
