/**
 * The least radius with which an image counts as certified: the service's (`--min-radius`), or the request's where that
 * is greater. Both must hold, so a request can only ask for more than the service's owner does.
 */
import { floorToFloat32 } from '../../certify-runtime/trusted/margin.ts';

export interface LeastRadius {
  /** Finite and above 0, so a radius of 0 is never certified. */
  readonly radius: number;
  /** Whose it is. */
  readonly policy: 'service' | 'request';
}

/** What a least radius must be, for messages. */
export const LEAST_RADIUS = 'a finite number above 0';

export function isLeastRadius(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY;
}

/** The greater of the two; undefined if neither is given, and then no answer says whether it is certified. */
export function leastRadius(service: number | undefined, request: number | undefined): LeastRadius | undefined {
  if (request !== undefined && request > (service ?? 0)) return { radius: request, policy: 'request' };
  return service === undefined ? undefined : { radius: service, policy: 'service' };
}

/** Whether the radius, as answers have it, is at least the least one. */
export function isCertified(radius: number, least: LeastRadius): boolean {
  return floorToFloat32(radius) >= least.radius;
}
