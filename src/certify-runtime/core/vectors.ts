/** Known vectors: inputs stored with their answers, run at every load to catch a provider that computes something else. */

import type { Certificate, KnownVector } from './claims.ts';
import { CertificateError, ProviderError } from './errors.ts';
import { imageNorms, type MarginTerms, marginCertificate } from './margin.ts';
import type { AffineBound, LinearHead } from './proof/bound.ts';

/** What a model's outputs are for one image. */
export interface ModelAnswer {
  readonly label: number;
  readonly radius: number;
  readonly logits: Float32Array;
}

/** The pixels of a known vector on [0, 1]. */
export function vectorPixels(vector: Pick<KnownVector, 'image'>, shape: readonly number[]): Float32Array {
  let bytes: string;
  try {
    bytes = atob(vector.image);
  } catch {
    bytes = '';
  }
  // atob forgives white space, missing padding and left-over bits; other decoders do not.
  if (btoa(bytes) !== vector.image) {
    throw new CertificateError("certificate: a known vector's image is not base64 in its one form, with padding");
  }
  const size = shape.reduce((product, length) => product * length, 1);
  if (bytes.length !== size) {
    throw new CertificateError(`certificate: a known vector has ${bytes.length} bytes of image, expected ${size}`);
  }
  return Float32Array.from(bytes, (character) => character.charCodeAt(0) / 255);
}

function evaluate(bound: AffineBound, norms: { readonly l2: number; readonly l1: number }): number {
  return bound.constant + bound.l2 * norms.l2 + bound.l1 * norms.l1;
}

/** How far two allowed executions of the network may be apart in one logit: twice ‖w_j‖₂·δ(x) + ρ(x). */
function allowedDeviation(
  norms: { readonly l2: number; readonly l1: number },
  terms: MarginTerms,
  head: LinearHead,
): number {
  const { latentError, logitError } = terms.constants;
  let largest = 0;
  for (let j = 0; j < head.classes; j++) {
    let squares = 0;
    for (let i = 0; i < head.latentSize; i++) squares += head.weights[j * head.latentSize + i]! ** 2;
    largest = Math.max(largest, squares);
  }
  const delta = Math.min(...latentError.map((bound) => evaluate(bound, norms)));
  return 2 * (Math.sqrt(largest) * delta + evaluate(logitError, norms));
}

/**
 * Compares a provider's answers to the known vectors, in their order, with the stored ones.
 *
 * @throws ProviderError with the measured and the allowed deviation where one is outside the proven slack
 */
export function checkAnswers(
  answers: readonly ModelAnswer[],
  certificate: Certificate,
  terms: MarginTerms,
  head: LinearHead,
): void {
  certificate.vectors.forEach((vector, i) => {
    const answer = answers[i];
    if (answer === undefined) throw new ProviderError(`known vector ${i}: the provider gave no answer`);
    const norms = imageNorms(vectorPixels(vector, certificate.input.shape));
    const allowed = allowedDeviation(norms, terms, head);
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
