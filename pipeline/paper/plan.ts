/** The plan: every row and every point of the paper's tables and figures, and of our own, as a configuration to run. */
import { type Effort, experimentOf } from './draft.ts';
import type { Experiment } from './experiment.ts';
import { CMNIST } from './plan/cmnist.ts';
import { INVARIANCE } from './plan/invariance.ts';
import { PICTURES } from './plan/pictures.ts';
import { PLAIN_DATA } from './plan/plain-data.ts';

/** The paper's settings of CERTIFY, with 500 images in image space, as is customary. */
export const FULL: Effort = {
  n: 100_000,
  n0: 100,
  alpha: 0.001,
  images: 500,
  attack: { images: 50, steps: 40, restarts: 2 },
};

/** The whole plan; within a stage, what comes first is run first. */
export function fullPlan(): Promise<readonly Experiment[]> {
  const drafts = [...CMNIST, ...PICTURES, ...INVARIANCE, ...PLAIN_DATA];
  return Promise.all(drafts.map((draft) => experimentOf(draft, FULL)));
}
