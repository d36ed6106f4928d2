/** The certificate in a model's metadata, and what it claims. certificate.ts reads it. */

import type { LayerBound } from '../bounds/bound.ts';
import type { Precision } from '../bounds/precision.ts';
import type { MarginConstants } from '../margin.ts';

/** The certificate's key in the ONNX file's metadata_props. */
export const CERTIFICATE_KEY = 'glean.certificate';
/**
 * The format that is written. Formats 1 and 2, which have other heads and no `precision`, are still read; format 1 has no
 * `prover` either.
 */
export const CERTIFICATE_FORMAT = 3;

/** The version of the rules that prove claims. It rises whenever a rule is found to be wrong (signature/provers.ts). */
export const PROVER = 5;

/** An input and the answer that the model gave for it when it was sealed. */
export interface KnownVector {
  /** The pixels as bytes in base64 (a model sees byte/255). */
  readonly image: string;
  readonly logits: readonly number[];
  readonly label: number;
  readonly radius: number;
}

export interface Certificate {
  readonly format: 1 | 2 | typeof CERTIFICATE_FORMAT;
  /** The PROVER of the program that sealed the file. Format 1, which only prover 1 wrote, does not have this field. */
  readonly prover?: number;
  /** What the network computes in. The former formats, which are all of float32, do not have this field. */
  readonly precision?: Precision;
  readonly norm: 'l2';
  readonly input: {
    readonly shape: readonly number[];
    readonly range: readonly [0, 1];
    readonly layout: 'NHWC';
  };
  readonly classes: readonly string[];
  /** σ of the noise on z in training, which the smoothing certificate uses by default; null if there was none. */
  readonly sigma: number | null;
  readonly lipschitz: { readonly upper: number; readonly layers: readonly LayerBound[] };
  /** The slack's constants, under the name of the precision; see docs/soundness.md. */
  readonly float32?: Omit<MarginConstants, 'lipschitz'>;
  readonly float64?: Omit<MarginConstants, 'lipschitz'>;
  /** SHA-256 of the network's initializers (without the head's), in the order of the file, as little-endian bytes. */
  readonly weightsSha256: string;
  /** SHA-256 of the whole file with these 64 digits set to 0. */
  readonly fileSha256: string;
  readonly vectors: readonly KnownVector[];
  /** The network's origin: data set with SHA-256, configuration, seed, package versions. It is for people, unproven. */
  readonly training: Readonly<Record<string, unknown>>;
}

export function certificateConstants(certificate: Certificate): MarginConstants {
  const { precision = 'float32', lipschitz } = certificate;
  return { lipschitz: lipschitz.upper, ...certificate[precision]! };
}
