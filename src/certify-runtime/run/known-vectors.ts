/**
 * Known vectors: inputs stored with their answers, run at every load to catch a provider that computes something else.
 */

import type { LinearHead } from '../trusted/bounds/bound.ts';
import { vectorNormUpper } from '../trusted/bounds/matrix-norm.ts';
import { ProviderError } from '../trusted/errors.ts';
import type { CertifiedModel } from '../trusted/file/certified-model.ts';
import { imageNorms, type MarginTerms, marginCertificate, smallestBound } from '../trusted/margin.ts';

/** What a model's outputs are for one image. */
export interface ModelAnswer {
  readonly label: number;
  readonly radius: number;
  readonly logits: Float32Array;
}

/** How far two allowed executions of the network may be apart in one logit: 2(maxⱼ ‖w_j‖₂·δ(x) + ρ(x)). */
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
 * @throws ProviderError with the measured and the allowed deviation if one is outside the proven slack
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
