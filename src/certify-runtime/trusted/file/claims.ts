/** The certificate in a model's metadata: what it claims. certificate.ts reads it. */

import type { LayerBound } from '../bounds/bound.ts';
import type { MarginConstants } from '../margin.ts';

/** Key in the ONNX file's metadata_props. */
export const CERTIFICATE_KEY = 'glean.certificate';
/** The format that is written. Format 1, which has no `prover` and another head, is still read. */
export const CERTIFICATE_FORMAT = 2;

/** Version of the rules by which claims are proven: the next one whenever a rule is found to be wrong (signature/provers.ts). */
export const PROVER = 2;

/** An input with the answer the model gave when it was sealed. */
export interface KnownVector {
  /** Pixels as bytes (a model sees byte/255), base64. */
  readonly image: string;
  readonly logits: readonly number[];
  readonly label: number;
  readonly radius: number;
}

export interface Certificate {
  readonly format: 1 | typeof CERTIFICATE_FORMAT;
  /** The PROVER of the program that sealed the file. Format 1, which only prover 1 wrote, does not have this field. */
  readonly prover?: number;
  readonly norm: 'l2';
  readonly input: {
    readonly shape: readonly number[];
    readonly range: readonly [0, 1];
    readonly layout: 'NHWC';
  };
  readonly classes: readonly string[];
  /** σ of the noise on z in training, the smoothing certificate's default; null if none was used. */
  readonly sigma: number | null;
  readonly lipschitz: { readonly upper: number; readonly layers: readonly LayerBound[] };
  /** The slack's constants; docs/soundness.md. */
  readonly float32: Omit<MarginConstants, 'lipschitz'>;
  /** SHA-256 of the network's initializers (without the head's), in the order of the file, as little-endian bytes. */
  readonly weightsSha256: string;
  /** SHA-256 of the whole file with these 64 digits set to 0. */
  readonly fileSha256: string;
  readonly vectors: readonly KnownVector[];
  /** Where the network comes from: data set with its SHA-256, configuration, seed, package versions. It is for people, and is not proven. */
  readonly training: Readonly<Record<string, unknown>>;
}

export function certificateConstants(certificate: Certificate): MarginConstants {
  return { lipschitz: certificate.lipschitz.upper, ...certificate.float32 };
}
