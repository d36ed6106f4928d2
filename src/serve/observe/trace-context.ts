/** The trace that a request belongs to: its header `traceparent`, as W3C Trace Context has it. */

export interface TraceContext {
  readonly traceId: string;
  /** Of the caller's span. */
  readonly spanId: string;
}

/** Version, trace, parent, flags; a later version may go on after a dash. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
const ZEROS = /^0+$/;

/** Undefined where the header is absent, or not as it should be: the standard has it then ignored, and the request answered. */
export function traceContext(traceparent: string | readonly string[] | undefined): TraceContext | undefined {
  const match = typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent) : null;
  if (match === null) return undefined;
  const [, version, traceId, spanId, more] = match as unknown as [string, string, string, string, string | undefined];
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  return ZEROS.test(traceId) || ZEROS.test(spanId) ? undefined : { traceId, spanId };
}
