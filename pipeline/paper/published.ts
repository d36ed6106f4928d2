/**
 * What the GLEAN paper reports (Qiao, Yin, Chen & Ma, Certified Causal Defense with Generalizable Robustness, AAAI 2025,
 * arXiv 2408.15451), as far as its numbers are known to this project. Nothing here is estimated from a picture.
 */

/** Certified accuracy as fractions of 1, by radius; a radius that is missing is not known here. */
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

/** With a quarter of the labels flipped, whatever the cue says, no classifier that goes by the shape alone is right more often. */
export const CEILING = { accuracy: 0.75, acr: 0.343 } as const;
