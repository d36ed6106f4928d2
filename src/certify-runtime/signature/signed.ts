/**
 * Reads a sealed file that a signature vouches for: only what predicting needs, without proving what the signer says.
 */

import { CertificateError } from '../trusted/errors.ts';
import type { CertifiedModel } from '../trusted/file/certified-model.ts';
import { CERTIFICATE_FORMAT, CERTIFICATE_KEY, type Certificate, certificateConstants } from '../trusted/file/claims.ts';
import { precisionOf } from '../trusted/file/precision.ts';
import { vectorPixels } from '../trusted/file/vectors.ts';
import { readLinearHead } from '../trusted/head.ts';
import { marginTerms } from '../trusted/margin.ts';
import { readOnnx } from '../trusted/onnx/read.ts';
import { BROKEN_PROVERS, proverOf } from './provers.ts';

/**
 * @param bytes the file, whose signature has been checked
 * @throws CertificateError if this is not a sealed file after all, or its claims are those of a prover known to be
 *   broken
 */
export function readSigned(bytes: Uint8Array): CertifiedModel {
  try {
    const { graph, metadata } = readOnnx(bytes);
    const certificate = JSON.parse(metadata.get(CERTIFICATE_KEY)!) as Certificate;
    const prover = proverOf(certificate);
    if (BROKEN_PROVERS.includes(prover)) {
      throw new CertificateError(
        `certificate: its claims are those of prover ${prover}, which accepted false ones (docs/soundness.md); no signature stands for them: use proof 'always', or seal it anew`,
        { prover },
      );
    }
    // The former formats were written by broken provers only.
    if (certificate.format !== CERTIFICATE_FORMAT) throw new RangeError(`format ${certificate.format}`);
    const head = readLinearHead(graph);
    return {
      certificate,
      head,
      terms: marginTerms(certificateConstants(certificate), head),
      images: certificate.vectors.map((vector) => vectorPixels(vector, certificate.input.shape)),
      precision: precisionOf(graph),
      operators: new Set(graph.nodes.map(({ op }) => op)),
    };
  } catch (cause) {
    if (cause instanceof CertificateError) throw cause;
    throw new CertificateError(
      `certificate: the signed file is no sealed model of format ${CERTIFICATE_FORMAT} (${cause})`,
      {},
      { cause },
    );
  }
}
