/** Reads a sealed file that a signature vouches for: what predicting needs of it, and no proof of what the signer says. */

import { CERTIFICATE_FORMAT, CERTIFICATE_KEY, type Certificate, certificateConstants } from './claims.ts';
import { CertificateError } from './errors.ts';
import { type MarginTerms, marginTerms } from './margin.ts';
import { readOnnx } from './onnx/read.ts';
import type { LinearHead } from './proof/bound.ts';
import { readLinearHead } from './proof/head.ts';
import { vectorPixels } from './vectors.ts';

/** What a certifier works with. */
export interface CertifiedModel {
  readonly certificate: Certificate;
  readonly head: LinearHead;
  /** What follows from the claims. */
  readonly terms: MarginTerms;
  /** Pixels of the known vectors. */
  readonly images: readonly Float32Array[];
  /** The operators of the network. */
  readonly operators: ReadonlySet<string>;
}

/**
 * @param bytes whose signature has been checked
 * @throws CertificateError where this is no sealed file of this version after all
 */
export function readSigned(bytes: Uint8Array): CertifiedModel {
  try {
    const { graph, metadata } = readOnnx(bytes);
    const certificate = JSON.parse(metadata.get(CERTIFICATE_KEY)!) as Certificate;
    if (certificate.format !== CERTIFICATE_FORMAT) throw new RangeError(`format ${certificate.format}`);
    const head = readLinearHead(graph);
    return {
      certificate,
      head,
      terms: marginTerms(certificateConstants(certificate), head),
      images: certificate.vectors.map((vector) => vectorPixels(vector, certificate.input.shape)),
      operators: new Set(graph.nodes.map(({ op }) => op)),
    };
  } catch (cause) {
    throw new CertificateError(`certificate: the signed file is no sealed model of format 1 (${cause})`);
  }
}
