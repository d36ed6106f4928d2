/** The training loop: one trainer for ERM, plain IRM and environment inference, resumable at any step. */
import { createHash } from 'node:crypto';
import { GleanError } from '../certify-runtime/core/errors.ts';
import { createRandom } from '../certify-runtime/core/smoothing/random.ts';
import { Adam } from './adam.ts';
import { type Checkpoint, CheckpointError, type SavedTensor } from './checkpoint.ts';
import type { TrainConfig } from './config.ts';
import type { DomainDataset, ImageSet } from './data/dataset.ts';
import {
  drawImages,
  type Environment,
  givenEnvironments,
  pooledEnvironment,
  splitByCorrectness,
} from './environments.ts';
import {
  classify,
  condense,
  encode,
  initialParameters,
  type NetworkShape,
  type PlainNetwork,
  weightsOf,
} from './network.ts';
import { irmRisk, objective, penaltyWeight } from './objective.ts';
import { createPool, imageBytes, type Pool } from './pool.ts';
import { statelessNormal, tf, unitInterval } from './tfjs.ts';

/** What one step reports. */
export interface StepMetrics {
  readonly phase: 'reference' | 'main';
  /** Steps done in this phase, of `steps`. */
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly lambda: number;
  readonly learningRate: number;
  readonly environments: readonly {
    readonly name: string;
    readonly size: number;
    readonly risk: number;
    readonly penalty: number;
  }[];
}

/** Accuracies on the training domains and on images held out from them; the test domain is never looked at. */
export interface Accuracies {
  readonly train: Readonly<Record<string, number>>;
  readonly validation: Readonly<Record<string, number>>;
}

// Streams of random numbers; each step has one of each, so that nothing depends on what ran before it.
const STREAMS = { batch: 1, noise: 2 } as const;
const PHASES = { reference: 1, main: 2 } as const;
const EVALUATION_BATCH = 2048;

let instances = 0;

/** One network in training: its parameters, its optimizer and the step it has reached. */
class Learner {
  readonly #shape: NetworkShape;
  readonly #config: TrainConfig;
  readonly #pool: Pool;
  readonly #phase: 'reference' | 'main';
  readonly variables: ReadonlyMap<string, tf.Variable>;
  readonly adam: Adam;
  step = 0;

  constructor(config: TrainConfig, shape: NetworkShape, pool: Pool, phase: 'reference' | 'main') {
    this.#config = config;
    this.#shape = shape;
    this.#pool = pool;
    this.#phase = phase;
    const prefix = `learner${instances++}`;
    const initial = initialParameters(shape, 2 * config.seed + (phase === 'main' ? 0 : 1));
    this.variables = new Map(
      [...initial].map(([name, value]) => [name, tf.variable(value, true, `${prefix}/${name}`)]),
    );
    for (const value of initial.values()) value.dispose();
    this.adam = new Adam(this.variables);
  }

  #seed(stream: keyof typeof STREAMS): number {
    return (this.step * 16 + PHASES[this.#phase] * 4 + STREAMS[stream]) >>> 0;
  }

  /**
   * One step of Adam, of `steps`, on the objective over the environments; `learningRate` is this step's.
   *
   * @throws GleanError where the loss is no longer a finite number
   */
  train(environments: readonly Environment[], steps: number, lambda: number, learningRate: number): StepMetrics {
    const { optimizer, objective: settings, augmentation, seed } = this.#config;
    const random = createRandom(seed, this.#seed('batch'));
    const draws = environments.map((environment) => drawImages(environment, optimizer.perEnvironment, random));
    const indices = Uint32Array.from(draws.flatMap((draw) => [...draw]));
    const bytes = imageBytes(this.#pool, indices, augmentation.shift, random);
    const labels = Int32Array.from(indices, (index) => this.#pool.labels[index]!);

    const metrics = tf.tidy(() => {
      const images = unitInterval(bytes, [indices.length, this.#shape.inputs]);
      const targets = tf.oneHot(tf.tensor1d(labels, 'int32'), this.#shape.classes).toFloat() as tf.Tensor2D;
      const latent = this.#shape.hidden[this.#shape.hidden.length - 1]!;
      const noise = tf.mul(statelessNormal([indices.length, latent], [seed, this.#seed('noise')]), settings.noise);
      let parts: { risk: number; penalty: number }[] = [];
      const { value, grads } = tf.variableGrads(() => {
        const weights = weightsOf(this.variables, this.#shape);
        const logits = classify(weights, tf.add(encode(weights, images), noise) as tf.Tensor2D);
        let offset = 0;
        const risks = draws.map((draw) => {
          const begin = offset;
          offset += draw.length;
          return irmRisk(
            tf.slice2d(logits, [begin, 0], [draw.length, -1]),
            tf.slice2d(targets, [begin, 0], [draw.length, -1]),
          );
        });
        parts = risks.map(({ risk, penalty }) => ({ risk: risk.dataSync()[0]!, penalty: penalty.dataSync()[0]! }));
        return objective(risks, lambda);
      }, [...this.variables.values()]);
      const loss = value.dataSync()[0]!;
      if (!Number.isFinite(loss)) {
        throw new GleanError(
          'DIVERGED',
          `the loss is ${loss} at step ${this.step + 1} of ${steps}, expected a finite number; lower optimizer.learningRate`,
          { step: this.step + 1, loss },
        );
      }
      this.adam.apply(grads, this.step + 1, learningRate);
      return { loss, parts };
    });
    this.step++;
    return {
      phase: this.#phase,
      step: this.step,
      steps,
      loss: metrics.loss,
      lambda,
      learningRate,
      environments: environments.map(({ name }, i) => ({ name, size: draws[i]!.length, ...metrics.parts[i]! })),
    };
  }

  /** The labels given to images, without noise or augmentation. */
  predict(bytesOf: (begin: number, end: number) => Uint8Array, size: number): Uint8Array {
    const labels = new Uint8Array(size);
    tf.tidy(() => {
      const weights = weightsOf(this.variables, this.#shape);
      for (let begin = 0; begin < size; begin += EVALUATION_BATCH) {
        const end = Math.min(size, begin + EVALUATION_BATCH);
        const found = tf.tidy(() => {
          const images = unitInterval(bytesOf(begin, end), [end - begin, this.#shape.inputs]);
          return tf.argMax(classify(weights, encode(weights, images)), 1).dataSync();
        });
        labels.set(found, begin);
      }
    });
    return labels;
  }

  dispose(): void {
    this.adam.dispose();
    for (const variable of this.variables.values()) variable.dispose();
  }
}

/** The images of a pool in order, as they are. */
function wholeImages({ pixels, size }: Pool): (begin: number, end: number) => Uint8Array {
  const stride = pixels.length / size;
  return (begin, end) => pixels.subarray(begin * stride, end * stride);
}

/** Share of `set` that the learner labels right. */
function accuracy(learner: Learner, set: ImageSet): number {
  const labels = learner.predict(wholeImages(createPool([set])), set.size);
  return labels.reduce((right, label, i) => right + (label === set.labels[i] ? 1 : 0), 0) / set.size;
}

/** Trains the network a configuration describes, on the training domains of a data set. */
export class Trainer {
  readonly config: TrainConfig;
  /**
   * SHA-256 of configuration and data: two runs with the same one end with the same weights, on one machine with the same
   * number of cores at hand (TensorFlow sums in as many parts as it has threads).
   */
  readonly run: string;
  readonly #dataset: DomainDataset;
  readonly #shape: NetworkShape;
  readonly #pool: Pool;
  readonly #main: Learner;
  #environments: readonly Environment[] | undefined;
  /** Per image of the pool, whether the reference was right; only with inferred environments. */
  #correct: Uint8Array | undefined;

  constructor(config: TrainConfig, dataset: DomainDataset) {
    this.config = config;
    this.#dataset = dataset;
    this.run = createHash('sha256')
      .update(JSON.stringify([config, dataset.sha256]))
      .digest('hex');
    const inputs = dataset.shape[0] * dataset.shape[1] * dataset.shape[2];
    this.#shape = { inputs, hidden: config.network.hidden, classes: dataset.classes.length };
    this.#pool = createPool(dataset.train);
    this.#main = new Learner(config, this.#shape, this.#pool, 'main');
    if (config.objective.environments.kind === 'given') this.#environments = givenEnvironments(this.#pool);
  }

  get step(): number {
    return this.#main.step;
  }

  get finished(): boolean {
    return this.step >= this.config.optimizer.steps;
  }

  /** Trains the reference and splits the pool by its answers, where the configuration asks for that and it is not done. */
  *prepare(): Generator<StepMetrics, void, undefined> {
    const { environments } = this.config.objective;
    if (this.#environments !== undefined || environments.kind !== 'inferred') return;
    const reference = new Learner(this.config, this.#shape, this.#pool, 'reference');
    try {
      const everything = pooledEnvironment(this.#pool);
      const { learningRate } = this.config.optimizer;
      while (reference.step < environments.referenceSteps) {
        yield reference.train(everything, environments.referenceSteps, 0, learningRate);
      }
      const labels = reference.predict(wholeImages(this.#pool), this.#pool.size);
      this.#setCorrect(labels.map((label, i) => (label === this.#pool.labels[i] ? 1 : 0)));
    } finally {
      reference.dispose();
    }
  }

  #setCorrect(correct: Uint8Array): void {
    this.#correct = correct;
    this.#environments = splitByCorrectness(correct);
  }

  /** One step; `prepare` must have run to its end. */
  trainStep(): StepMetrics {
    if (this.#environments === undefined) throw new Error('prepare() comes before trainStep()');
    const { optimizer, objective: settings } = this.config;
    const { steps } = optimizer;
    const { step } = this.#main;
    const learningRate = optimizer.learningRate * 0.5 * (1 + Math.cos((Math.PI * step) / steps));
    return this.#main.train(this.#environments, steps, penaltyWeight(settings.irm, step), learningRate);
  }

  evaluate(): Accuracies {
    const measure = (sets: readonly ImageSet[]) =>
      Object.fromEntries(sets.map((set) => [set.name, accuracy(this.#main, set)]));
    return { train: measure(this.#dataset.train), validation: measure(this.#dataset.validation) };
  }

  condense(): PlainNetwork {
    return condense(this.#main.variables, this.#shape);
  }

  /** Everything needed to go on from here. */
  snapshot(): Checkpoint {
    const tensors = new Map<string, SavedTensor>();
    const groups = { parameter: this.#main.variables, first: this.#main.adam.first, second: this.#main.adam.second };
    for (const [group, members] of Object.entries(groups)) {
      for (const [name, variable] of members) {
        tensors.set(`${group}/${name}`, { shape: variable.shape, data: variable.dataSync<'float32'>().slice() });
      }
    }
    if (this.#correct !== undefined) {
      tensors.set('reference/correct', { shape: [this.#correct.length], data: this.#correct });
    }
    return { step: this.step, run: this.run, tensors };
  }

  /**
   * Goes back to a snapshot of the same run.
   *
   * @throws CheckpointError where the snapshot lacks a tensor or has it in another shape; then nothing has changed
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
    const inferred = this.config.objective.environments.kind === 'inferred';
    const correct = inferred ? read('reference/correct', [this.#pool.size]) : undefined;
    const groups = { parameter: this.#main.variables, first: this.#main.adam.first, second: this.#main.adam.second };
    const saved = Object.entries(groups).flatMap(([group, members]) =>
      [...members].map(([name, variable]) => ({ variable, data: read(`${group}/${name}`, variable.shape).data })),
    );
    for (const { variable, data } of saved) tf.tidy(() => variable.assign(tf.tensor(data, variable.shape)));
    this.#main.step = step;
    if (correct !== undefined) this.#setCorrect(correct.data as Uint8Array);
  }

  dispose(): void {
    this.#main.dispose();
  }
}
