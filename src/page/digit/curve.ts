/** Certified accuracy as a function of the radius, from the answers for many pictures. */

export interface Answer {
  /** Index of the class. */
  readonly label: number;
  readonly radius: number;
}

/**
 * The share of pictures with a radius ≥ r whose label is right, for each r. If the truth is unknown (undefined), every
 * label counts as right, and the share is the one that is certified at r, whatever the label.
 */
export function certifiedShares(
  answers: readonly Answer[],
  truth: readonly (number | undefined)[],
  radii: readonly number[],
): number[] {
  const right = answers
    .filter(({ label }, i) => truth[i] === undefined || truth[i] === label)
    .map(({ radius }) => radius)
    .sort((a, b) => a - b);
  let below = 0;
  return radii.map((r) => {
    while (below < right.length && right[below]! < r) below++;
    return answers.length === 0 ? 0 : (right.length - below) / answers.length;
  });
}

/**
 * The class that a file name claims by a digit at its start (`7-a.png`, `3.png`): 0–4 or 5–9; undefined if it claims
 * none.
 */
export function truthFromName(name: string): number | undefined {
  const digit = /^([0-9])(?![0-9])/.exec(name)?.[1];
  return digit === undefined ? undefined : Number(digit) >= 5 ? 1 : 0;
}
