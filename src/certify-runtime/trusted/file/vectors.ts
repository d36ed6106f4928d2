/** Known vectors: inputs stored with their answers, run at every load to catch a provider that computes something else. */

import type { LinearHead } from '../bounds/bound.ts';
import { vectorNormUpper } from '../bounds/matrix-norm.ts';
import { CertificateError, ProviderError } from '../errors.ts';
import { imageNorms, type MarginTerms, marginCertificate, smallestBound } from '../margin.ts';
import type { CertifiedModel } from './certified-model.ts';
import type { KnownVector } from './claims.ts';
import { fromBase64 } from './text.ts';

/** What a model's outputs are for one image. */
export interface ModelAnswer {
  readonly label: number;
  readonly radius: number;
  readonly logits: Float32Array;
}

/**
 * The pixels of a known vector on [0, 1].
 *
 * @throws CertificateError where they are not as many as the shape says, or spelled in another way than btoa's
 */
export function vectorPixels(vector: Pick<KnownVector, 'image'>, shape: readonly number[]): Float32Array {
  const bytes = fromBase64(vector.image);
  const size = shape.reduce((product, length) => product * length, 1);
  if (bytes?.length !== size) {
    throw new CertificateError(
      `certificate: a known vector's image is not base64 (with padding, nothing else) of ${size} bytes`,
    );
  }
  return Float32Array.from(bytes, (byte) => byte / 255);
}

/** How far two allowed executions of the network may be apart in one logit: twice ‖w_j‖₂·δ(x) + ρ(x). */
export function allowedDeviation(l2: number, l1: number, { constants }: MarginTerms, head: LinearHead): number {
  const rows = Array.from({ length: head.classes }, (_, j) =>
    vectorNormUpper(head.weights.subarray(j * head.latentSize, (j + 1) * head.latentSize)),
  );
  const delta = smallestBound(constants.latentError, l2, l1);
  return 2 * (Math.max(...rows) * delta + smallestBound([constants.logitError], l2, l1));
}

/**
 * Compares a provider's answers to the known vectors, in their order, with the stored ones.
 *
 * @throws ProviderError with the measured and the allowed deviation where one is outside the proven slack
 */
export function checkAnswers(
  answers: readonly ModelAnswer[],
  { certificate, terms, head, images }: CertifiedModel,
): void {
  certificate.vectors.forEach((vector, i) => {
    const answer = answers[i];
    if (answer === undefined) throw new ProviderError(`known vector ${i}: the provider gave no answer`);
    const norms = imageNorms(images[i]!);
    const allowed = allowedDeviation(norms.l2, norms.l1, terms, head);
    const deviation = Math.max(...vector.logits.map((logit, j) => Math.abs(logit - answer.logits[j]!)));
    const hint = 'the provider does not compute what was certified (TF32, float16, or a fault)';
    if (!(deviation <= allowed)) {
      throw new ProviderError(
        `known vector ${i}: logits deviate by ${deviation.toPrecision(3)}, allowed are ${allowed.toPrecision(3)}: ${hint}`,
        { vector: i, deviation, allowed },
      );
    }
    const expected = marginCertificate(answer.logits, norms, terms);
    if (answer.label !== expected.label || !(answer.radius >= 0 && answer.radius <= expected.radius)) {
      throw new ProviderError(
        `known vector ${i}: label ${answer.label} with radius ${answer.radius}, at most label ${expected.label} with ${expected.radius} follows from its logits: ${hint}`,
        { vector: i, label: answer.label, radius: answer.radius, expected },
      );
    }
  });
}
