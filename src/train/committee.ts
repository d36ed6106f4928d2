/**
 * A committee that tells, for each training image, whether the spurious cue gives its label away. Nobody judges an
 * image that it was trained on: one network that judges its own training images learns their wrong labels by heart, and
 * what it then gets wrong is only partly what the cue gets wrong.
 *
 * Round 0: for each of `seeds`, the images are cut into `folds` parts, and each part is judged by a plain network that
 * was trained for `steps` steps on the others; the log-probabilities of the seeds are averaged. Each later round does
 * the same once, with the answers of round 0 as labels: these follow the cue, and unlike the given labels they have no
 * noise of their own. After Creager et al. 2021 (environments from a reference's mistakes) and Pezeshki et
 * al. 2024 (cross-fitted references); no label of the cue and no domain enters.
 */
import { createRandom, shuffle } from '../certify-runtime/smoothing/random.ts';
import { STEP_STREAMS, stepStream } from '../certify-runtime/smoothing/streams.ts';
import type { SavedTensor } from './checkpoint.ts';
import type { CommitteeChecks } from './checks.ts';
import type { TrainConfig } from './config.ts';
import { decidedOf, UNDECIDED } from './environments.ts';
import { Learner, type StepMetrics } from './learner.ts';
import { createNetwork } from './network/network.ts';
import { invarianceObjective } from './objective/invariance.ts';
import type { CommitteeConfig } from './objective/invariance-config.ts';
import type { Pool } from './pool.ts';
import { correctness } from './reference.ts';

/** What the members have said so far: for each sitting, the log-probabilities [size, K] of the images judged in it. */
export interface Votes {
  /** Members that have judged their part. */
  members: number;
  /** One for each seed of round 0, then one for each later round. */
  readonly sittings: readonly Float32Array[];
}

interface Sitting {
  readonly folds: number;
  readonly steps: number;
  readonly first: number;
}

function sittingsOf({ folds, seeds, steps, rounds, roundFolds, roundSteps }: CommitteeConfig): Sitting[] {
  const sizes = [
    ...Array.from({ length: seeds }, () => ({ folds, steps })),
    ...Array.from({ length: rounds }, () => ({ folds: roundFolds, steps: roundSteps })),
  ];
  let first = 0;
  return sizes.map((size) => {
    first += size.folds;
    return { ...size, first: first - size.folds };
  });
}

export function noVotes(settings: CommitteeConfig, size: number, classes: number): Votes {
  return { members: 0, sittings: sittingsOf(settings).map(() => new Float32Array(size * classes)) };
}

/** The class of the largest of the summed log-probabilities, the first one in a tie. */
function answersOf(sittings: readonly Float32Array[], classes: number): Uint16Array {
  const size = sittings[0]!.length / classes;
  return Uint16Array.from({ length: size }, (_, image) => {
    const scores = Array.from({ length: classes }, (_, k) =>
      sittings.reduce((sum, sitting) => sum + sitting[image * classes + k]!, 0),
    );
    return scores.indexOf(Math.max(...scores));
  });
}

/** Channels of the convolutions of a member that looks at pictures, each on half the side of the one before. */
const CHANNELS = [16, 32, 32];
const SMALLEST_SIDE = 4;

/**
 * A small plain network: convolutions while the sides can be halved, or, for a configuration without convolutions,
 * plain layers of its shape.
 */
function memberNetwork({ network }: TrainConfig, { shape: [height, width] }: Pool): TrainConfig['network'] {
  if (network.conv.length === 0) return { conv: [], hidden: network.hidden, lipschitz: false };
  const halved = CHANNELS.filter((_, i) =>
    [height, width].every((side) => side % 2 ** (i + 1) === 0 && side >= SMALLEST_SIDE * 2 ** (i + 1)),
  );
  if (halved.length === 0) return { conv: network.conv, hidden: network.hidden, lipschitz: false };
  return { conv: halved.map((channels) => ({ channels, kernel: 3, down: 2 })), hidden: [64], lipschitz: false };
}

/** Lets the members that have not yet voted train and vote, one after the other. */
export function* sit(
  config: TrainConfig,
  settings: CommitteeConfig,
  pool: Pool,
  classes: number,
  votes: Votes,
): Generator<StepMetrics, void, undefined> {
  const network = createNetwork(memberNetwork(config, pool), pool.shape, classes);
  const objective = invarianceObjective({
    noise: 0,
    risk: { kind: 'cross-entropy' },
    penalty: { kind: 'irm', weight: 0, before: 0, warmup: 0 },
    environments: { kind: 'given' },
  });
  const sittings = sittingsOf(settings);
  const total = sittings.reduce((sum, { folds }) => sum + folds, 0);
  for (const [index, { folds, steps, first }] of sittings.entries()) {
    const own = votes.sittings[index]!;
    const before = index < settings.seeds ? null : votes.sittings.slice(0, settings.seeds);
    const parts = partsOf(config.seed, first + 1, pool.size, folds);
    for (let fold = 0; fold < folds; fold++) {
      const member = first + fold;
      if (member < votes.members) continue;
      const labels = before === null ? pool.labels : answersOf(before, classes);
      const phase = member + 1;
      const name = `committee ${phase}/${total}`;
      const learner = new Learner({ config, network, pool: { ...pool, labels }, objective, phase, name });
      try {
        const others = Uint32Array.from(parts.flatMap((part, i) => (i === fold ? [] : [...part])));
        const parted = [{ name: 'other folds', indices: others }];
        while (learner.step < steps) yield learner.train(parted, steps, cosine(config, learner.step, steps));
        const part = parts[fold]!;
        const logits = learner.logits((begin, end) => pool.read(part.subarray(begin, end)), part.length);
        part.forEach((image, i) => {
          own.set(logSoftmax(logits.subarray(i * classes, (i + 1) * classes)), image * classes);
        });
      } finally {
        learner.dispose();
      }
      votes.members = member + 1;
    }
  }
}

/** The learning rate decays to 0, as the main network's does: the last steps then add no noise of their own. */
function cosine({ optimizer }: TrainConfig, step: number, steps: number): number {
  return optimizer.learningRate * 0.5 * (1 + Math.cos((Math.PI * step) / steps));
}

/** The images in `folds` parts of equal size, give or take one. */
function partsOf(seed: number, phase: number, size: number, folds: number): Uint32Array[] {
  const order = shuffle(
    Uint32Array.from({ length: size }, (_, i) => i),
    createRandom(seed, stepStream(0, phase, STEP_STREAMS.folds)),
  );
  return Array.from({ length: folds }, (_, fold) => order.filter((_, i) => i % folds === fold));
}

function logSoftmax(logits: Float32Array): Float32Array {
  const top = Math.max(...logits);
  const total = logits.reduce((sum, y) => sum + Math.exp(y - top), 0);
  return logits.map((y) => y - top - Math.log(total));
}

/**
 * For each image, 1 if its label is the committee's answer, and 0 if not. Where only unanimous answers count (Pezeshki
 * et al. 2024), an image on which the sittings differ is `UNDECIDED`: what is wrong there is often the committee.
 */
export function verdict(
  { sittings }: Votes,
  settings: CommitteeConfig,
  labels: ArrayLike<number>,
  classes: number,
): Uint8Array {
  const last = settings.rounds === 0 ? sittings : sittings.slice(settings.seeds);
  const answers = answersOf(last, classes);
  const correct = correctness(answers, labels);
  if (!settings.unanimous) return correct;
  const each = sittings.map((sitting) => answersOf([sitting], classes));
  return correct.map((value, image) => (each.every((own) => own[image] === answers[image]) ? value : UNDECIDED));
}

/** Agreement of the last two sittings, and how often the answer is the label of the images that count in each domain. */
export function checksOf(
  { sittings }: Votes,
  correct: Uint8Array,
  pool: Pool,
  classes: number,
): Omit<CommitteeChecks, 'cue'> {
  const [a, b] = sittings.slice(-2).map((sitting) => answersOf([sitting], classes)) as [Uint16Array, Uint16Array?];
  return {
    agreement: b === undefined ? undefined : correctness(a, b).reduce((sum, same) => sum + same, 0) / a.length,
    right: Object.fromEntries(
      pool.domains.map(({ name, indices }) => {
        const decided = decidedOf(indices, correct);
        return [name, decided.reduce((sum, index) => sum + correct[index]!, 0) / Math.max(1, decided.length)];
      }),
    ),
  };
}

/** The votes as tensors of a checkpoint. */
export function savedVotes({ members, sittings }: Votes, classes: number): Map<string, SavedTensor> {
  const tensors = new Map<string, SavedTensor>([['committee/members', { shape: [1], data: Float32Array.of(members) }]]);
  sittings.forEach((data, i) => {
    tensors.set(`committee/${i}`, { shape: [data.length / classes, classes], data });
  });
  return tensors;
}
