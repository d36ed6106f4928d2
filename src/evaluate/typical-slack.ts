/** What rounding takes from a radius, where the known vectors of a sealed file tell. */
import type { CertifiedModel } from '../certify-runtime/trusted/file/certified-model.ts';

/**
 * The amount by which float32 shrinks a radius: the median over the certified known vectors, or null if there is none.
 */
export function typicalSlack({ certificate, terms }: Pick<CertifiedModel, 'certificate' | 'terms'>): number | null {
  const { classes, inverse } = terms;
  const slacks = certificate.vectors.flatMap(({ logits, label, radius }) => {
    const exact = logits.map((logit, j) => (logits[label]! - logit) * inverse[label * classes + j]!);
    return radius > 0 ? [Math.min(...exact.filter((_, j) => j !== label)) - radius] : [];
  });
  return slacks.sort((a, b) => a - b)[Math.floor(slacks.length / 2)] ?? null;
}
