/** A sealed model as it is read: what its file claims, and what follows from the claims. */
import type { LinearHead } from '../bounds/bound.ts';
import type { Precision } from '../bounds/precision.ts';
import type { MarginTerms } from '../margin.ts';
import type { Certificate } from './claims.ts';

/** What a certifier works with. */
export interface CertifiedModel {
  readonly certificate: Certificate;
  readonly head: LinearHead;
  /** The terms that follow from the claims. */
  readonly terms: MarginTerms;
  /** The pixels of the known vectors. */
  readonly images: readonly Float32Array[];
  /** What the network computes in: float64 if any of it does. */
  readonly precision: Precision;
  /** The operators of the network. */
  readonly operators: ReadonlySet<string>;
}
