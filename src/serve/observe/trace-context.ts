/** Reads the trace that a request belongs to from its header `traceparent`, as W3C Trace Context defines it. */

export interface TraceContext {
  readonly traceId: string;
  /** The id of the caller's span. */
  readonly spanId: string;
}

/** Version, trace, parent and flags; a later version may have more after another dash. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
const ZEROS = /^0+$/;

/**
 * Returns undefined if the header is absent or malformed. The standard says that a malformed header is ignored and the
 * request answered.
 */
export function traceContext(traceparent: string | readonly string[] | undefined): TraceContext | undefined {
  const match = typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent) : null;
  if (match === null) return undefined;
  const [, version, traceId, spanId, more] = match as unknown as [string, string, string, string, string | undefined];
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  return ZEROS.test(traceId) || ZEROS.test(spanId) ? undefined : { traceId, spanId };
}
