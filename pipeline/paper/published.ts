/**
 * What the GLEAN paper reports (Qiao, Yin, Chen & Ma, Certified Causal Defense with Generalizable Robustness, AAAI
 * 2025, arXiv 2408.15451), as far as this project knows its numbers. Nothing here is estimated from a picture.
 */

/** Certified accuracy as fractions of 1, by radius; the value at a missing radius is not known here. */
export interface PublishedRow {
  readonly task: 'cmnist';
  readonly method: string;
  readonly source: string;
  readonly certifiedAccuracy: Readonly<Record<string, number>>;
  readonly acr: number;
}

export const PUBLISHED: readonly PublishedRow[] = [
  {
    task: 'cmnist',
    method: 'GLEAN, as the paper reports it (all of MNIST)',
    source: 'Certified accuracy on Coloured MNIST, σ = 0.12',
    certifiedAccuracy: { '0.00': 0.643, '0.45': 0.386 },
    acr: 0.2466,
  },
];

/**
 * With a quarter of the labels flipped independently of the cue, no classifier that uses only the shape is right more
 * often.
 */
export const CEILING = { accuracy: 0.75, acr: 0.343 } as const;
