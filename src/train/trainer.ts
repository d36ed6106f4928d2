/** Training, resumable at any step: the networks trained first, the network itself, and snapshots of both. */
import { createHash } from 'node:crypto';
import { GleanError } from '../certify-runtime/trusted/errors.ts';
import { checkAppearance } from './augmentation/appearance.ts';
import { type Checkpoint, CheckpointError, type SavedTensor } from './checkpoint.ts';
import type { CommitteeChecks } from './checks.ts';
import { checksOf, noVotes, savedVotes, sit, type Votes, verdict } from './committee.ts';
import { recordOf, type TrainConfig } from './config.ts';
import { cueAgreement, type DomainDataset, type ImageSet, readRange } from './data/dataset.ts';
import {
  decidedOf,
  type Environment,
  givenEnvironments,
  pooledEnvironment,
  splitByCorrectness,
} from './environments.ts';
import { Learner, type LearnerOptions, type StepMetrics } from './learner.ts';
import { createNetwork, type Network, type PlainNetwork } from './network/network.ts';
import { createObjective, referenceObjective } from './objective/create.ts';
import { type CommitteeConfig, committeeOf } from './objective/invariance-config.ts';
import { createPool, type Pool } from './pool.ts';
import { answersOf, correctness } from './reference.ts';
import { richFeatures } from './rich-features.ts';
import { tf } from './tfjs.ts';

/** Accuracies on the training domains and on images held out from them; the test domain is never used. */
export interface Accuracies {
  readonly train: Readonly<Record<string, number>>;
  readonly validation: Readonly<Record<string, number>>;
}

/** At most this many images of each set, its first ones, are evaluated. */
const EVALUATED = 4096;

/** Share of the first images of `set` that the learner labels right. */
function accuracy(learner: Learner, set: ImageSet): number {
  const size = Math.min(set.size, EVALUATED);
  const labels = learner.predict((begin, end) => readRange(set, begin, end), size);
  let right = 0;
  for (let i = 0; i < size; i++) if (labels[i] === set.labels[i]) right++;
  return right / size;
}

/** Trains the network a configuration describes, on the training domains of a data set. */
export class Trainer {
  readonly config: TrainConfig;
  /**
   * SHA-256 of configuration and data: two runs with the same one end with the same weights, on one machine with the
   * same number of available cores (TensorFlow splits sums into as many parts as it has threads).
   */
  readonly run: string;
  readonly #dataset: DomainDataset;
  readonly #network: Network;
  readonly #pool: Pool;
  readonly #main: Learner;
  #environments: readonly Environment[] | undefined;
  /** Per image of the pool, whether the reference was right; only with inferred environments. */
  #correct: Uint8Array | undefined;
  readonly #settings: CommitteeConfig | null;
  #votes: Votes | undefined;

  /** @throws InputError if the configuration does not fit the images */
  constructor(config: TrainConfig, dataset: DomainDataset) {
    checkAppearance(config.augmentation, dataset.shape);
    this.config = config;
    this.#dataset = dataset;
    this.run = createHash('sha256')
      .update(JSON.stringify([recordOf(config), dataset.sha256]))
      .digest('hex');
    this.#network = createNetwork(config.network, dataset.shape, dataset.classes.length);
    this.#pool = createPool(dataset.train);
    this.#main = new Learner({
      config,
      network: this.#network,
      pool: this.#pool,
      objective: createObjective(config),
      phase: 0,
      name: 'main',
    });
    this.#settings = 'baseline' in config.objective ? null : committeeOf(config.objective);
    if ('baseline' in config.objective) this.#environments = pooledEnvironment(this.#pool);
    else if (config.objective.environments.kind === 'given') this.#environments = givenEnvironments(this.#pool);
  }

  get step(): number {
    return this.#main.step;
  }

  get finished(): boolean {
    return this.step >= this.config.optimizer.steps;
  }

  /**
   * Trains what the configuration needs before the network itself: rich features, and a reference that tells
   * environments apart.
   */
  *prepare(): Generator<StepMetrics, void, undefined> {
    const { objective } = this.config;
    if ('baseline' in objective || this.step > 0) return;
    const { environments, richFeatures: settings } = objective;
    const options = {
      config: this.config,
      network: this.#network,
      pool: this.#pool,
      objective: referenceObjective(objective, this.config.network.temperature),
    };
    if (settings !== undefined) {
      const pairNetwork = createNetwork(this.config.network, this.#network.shape, this.#network.classes ** 2);
      const features = yield* richFeatures({ ...options, settings, pairNetwork });
      this.#main.assign(features);
      for (const value of features.values()) value.dispose();
    }
    if (environments.kind === 'inferred' && this.#environments === undefined) {
      this.#setCorrect(
        this.#settings === null
          ? yield* this.#refer(options, environments.referenceSteps!)
          : yield* this.#judge(this.#settings),
      );
    }
  }

  /** What one reference gets right of its own training images. */
  *#refer(
    options: Omit<LearnerOptions, 'phase' | 'name'>,
    steps: number,
  ): Generator<StepMetrics, Uint8Array, undefined> {
    const reference = { ...options, phase: 1, name: 'reference' };
    const answers = yield* answersOf(reference, pooledEnvironment(this.#pool), steps);
    return correctness(answers, this.#pool.labels);
  }

  /** What a committee gets right of images that its members have not seen. */
  *#judge(settings: CommitteeConfig): Generator<StepMetrics, Uint8Array, undefined> {
    const { classes } = this.#network;
    this.#votes ??= noVotes(settings, this.#pool.size, classes);
    yield* sit(this.config, settings, this.#pool, classes, this.#votes);
    return verdict(this.#votes, settings, this.#pool.labels, classes);
  }

  /** Members of the committee that have voted: a snapshot keeps their votes. */
  get voted(): number {
    return this.#votes?.members ?? 0;
  }

  /** What can be told of the committee's answers; undefined if there is none, or before it has answered. */
  get checks(): CommitteeChecks | undefined {
    if (this.#votes === undefined || this.#correct === undefined) return undefined;
    const { cue, train } = this.#dataset;
    const correct = this.#correct;
    // Of the same images as the committee's answers.
    const agreements = () =>
      this.#pool.domains.map(({ name, indices }, d) => {
        const decided = decidedOf(indices, correct).map((index) => index - indices[0]!);
        return [name, cueAgreement(train[d]!, decided)] as const;
      });
    return {
      ...checksOf(this.#votes, correct, this.#pool, this.#network.classes),
      cue: cue === undefined ? undefined : Object.fromEntries(agreements()),
    };
  }

  #setCorrect(correct: Uint8Array): void {
    this.#correct = correct;
    this.#environments = splitByCorrectness(correct);
  }

  /** One step; `prepare` must have run to its end. */
  trainStep(): StepMetrics {
    if (this.#environments === undefined) throw new Error('prepare() comes before trainStep()');
    const { steps, learningRate } = this.config.optimizer;
    const rate = learningRate * 0.5 * (1 + Math.cos((Math.PI * this.step) / steps));
    return this.#main.train(this.#environments, steps, rate);
  }

  /** The parts of the training images that the objective is about, as indices into the pool; `prepare` finds them. */
  get environments(): readonly Environment[] {
    return this.#environments ?? [];
  }

  /** y of a set's images without noise, [size, K], row-major. */
  logits(set: ImageSet): Float32Array {
    return this.#main.logits((begin, end) => readRange(set, begin, end), set.size);
  }

  evaluate(): Accuracies {
    const measure = (sets: readonly ImageSet[]) =>
      Object.fromEntries(sets.map((set) => [set.name, accuracy(this.#main, set)]));
    return { train: measure(this.#dataset.train), validation: measure(this.#dataset.validation) };
  }

  condense(): PlainNetwork {
    return this.#network.condense(this.#main.weights);
  }

  /** The network's variables, its optimizer's and their average, by the group that they are saved under. */
  #groups() {
    const { variables, adam, average } = this.#main;
    return Object.entries({
      parameter: variables,
      first: adam.first,
      second: adam.second,
      ...(average === undefined ? {} : { average: average.variables }),
    });
  }

  /**
   * Everything needed to resume from here.
   *
   * @throws GleanError if a parameter is no longer a finite number: the loss shows it one step later
   */
  snapshot(): Checkpoint {
    const tensors = new Map<string, SavedTensor>();
    for (const [group, members] of this.#groups()) {
      for (const [name, variable] of members) {
        const data = variable.dataSync<'float32'>().slice();
        if (group === 'parameter' && !data.every(Number.isFinite)) {
          const message = `'${name}' is no longer finite at step ${this.step}; lower optimizer.learningRate`;
          throw new GleanError('DIVERGED', message, { step: this.step, parameter: name });
        }
        tensors.set(`${group}/${name}`, { shape: variable.shape, data });
      }
    }
    if (this.#correct !== undefined) {
      tensors.set('reference/correct', { shape: [this.#correct.length], data: this.#correct });
    }
    if (this.#votes !== undefined) {
      for (const [name, tensor] of savedVotes(this.#votes, this.#network.classes)) tensors.set(name, tensor);
    }
    return { step: this.step, run: this.run, tensors };
  }

  /**
   * Goes back to a snapshot of the same run.
   *
   * @throws CheckpointError if the snapshot lacks a tensor or has it in another shape; then nothing has changed
   */
  restore({ step, run, tensors }: Checkpoint): void {
    if (run !== this.run) throw new CheckpointError(`the checkpoint is of run ${run}, expected ${this.run}`);
    const read = (key: string, expected: readonly number[]): SavedTensor => {
      const saved = tensors.get(key);
      if (saved?.shape.join() !== expected.join()) {
        const found = saved === undefined ? 'none' : `[${saved.shape}]`;
        throw new CheckpointError(`the checkpoint has for tensor '${key}' ${found}, expected [${expected}]`, { key });
      }
      return saved;
    };
    const { objective } = this.config;
    const inferred = !('baseline' in objective) && objective.environments.kind === 'inferred';
    // Before the first step, a committee may not have come to its end.
    const decided = inferred && (step > 0 || tensors.has('reference/correct'));
    const correct = decided ? read('reference/correct', [this.#pool.size]) : undefined;
    const votes = this.#settings === null ? undefined : this.#readVotes(this.#settings, read);
    const saved = this.#groups().flatMap(([group, members]) =>
      [...members].map(([name, variable]) => ({ variable, data: read(`${group}/${name}`, variable.shape).data })),
    );
    for (const { variable, data } of saved) tf.tidy(() => variable.assign(tf.tensor(data, variable.shape)));
    this.#main.step = step;
    this.#votes = votes;
    if (correct !== undefined) this.#setCorrect(correct.data as Uint8Array);
  }

  #readVotes(settings: CommitteeConfig, read: (key: string, expected: readonly number[]) => SavedTensor): Votes {
    const { classes } = this.#network;
    const { sittings } = noVotes(settings, this.#pool.size, classes);
    return {
      members: read('committee/members', [1]).data[0]!,
      sittings: sittings.map((_, i) => read(`committee/${i}`, [this.#pool.size, classes]).data as Float32Array),
    };
  }

  dispose(): void {
    this.#main.dispose();
  }
}
