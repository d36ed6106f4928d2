/** The training loop: one trainer for ERM, plain IRM and environment inference, resumable at any step. */
import { createHash } from 'node:crypto';
import { createRandom } from '../certify-runtime/core/smoothing/random.ts';
import { Adam } from './adam.ts';
import type { Checkpoint, SavedTensor } from './checkpoint.ts';
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
import { createPool, imageBatch, type Pool } from './pool.ts';
import { statelessNormal, tf } from './tfjs.ts';

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

  /** One step of Adam on the objective over the environments. */
  train(environments: readonly Environment[], steps: number, lambda: number): StepMetrics {
    const { optimizer, objective: settings, augmentation, seed } = this.#config;
    const random = createRandom(seed, this.#seed('batch'));
    const draws = environments.map((environment) => drawImages(environment, optimizer.perEnvironment, random));
    const indices = Uint32Array.from(draws.flatMap((draw) => [...draw]));
    const pixels = imageBatch(this.#pool, indices, augmentation.shift, random);
    const labels = Int32Array.from(indices, (index) => this.#pool.labels[index]!);
    const learningRate = optimizer.learningRate * 0.5 * (1 + Math.cos((Math.PI * this.step) / steps));

    const metrics = tf.tidy(() => {
      const images = tf.tensor2d(pixels, [indices.length, this.#shape.inputs]);
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
      this.adam.apply(grads, this.step + 1, learningRate);
      return { loss: value.dataSync()[0]!, parts };
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
  predict(pixelsOf: (begin: number, end: number) => Float32Array, size: number): Uint8Array {
    const labels = new Uint8Array(size);
    tf.tidy(() => {
      const weights = weightsOf(this.variables, this.#shape);
      for (let begin = 0; begin < size; begin += EVALUATION_BATCH) {
        const end = Math.min(size, begin + EVALUATION_BATCH);
        const found = tf.tidy(() => {
          const images = tf.tensor2d(pixelsOf(begin, end), [end - begin, this.#shape.inputs]);
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

/** Share of `set` that the learner labels right. */
function accuracy(learner: Learner, set: ImageSet): number {
  const pool = createPool([set]);
  const random = createRandom(0);
  const range = (begin: number, end: number) => Uint32Array.from({ length: end - begin }, (_, i) => begin + i);
  const labels = learner.predict((begin, end) => imageBatch(pool, range(begin, end), 0, random), set.size);
  return labels.reduce((right, label, i) => right + (label === set.labels[i] ? 1 : 0), 0) / set.size;
}

/** Trains the network a configuration describes, on the training domains of a data set. */
export class Trainer {
  readonly config: TrainConfig;
  /** SHA-256 of configuration and data: two runs with the same one end with the same weights on one machine. */
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
      const all = everything[0]!.indices;
      while (reference.step < environments.referenceSteps) {
        yield reference.train(everything, Number.POSITIVE_INFINITY, 0);
      }
      const random = createRandom(0);
      const labels = reference.predict(
        (begin, end) => imageBatch(this.#pool, all.subarray(begin, end), 0, random),
        this.#pool.size,
      );
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
    return this.#main.train(this.#environments, optimizer.steps, penaltyWeight(settings.irm, this.#main.step));
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

  /** Goes back to a snapshot of the same run. */
  restore({ step, tensors }: Checkpoint): void {
    const read = (key: string): SavedTensor => {
      const saved = tensors.get(key);
      if (saved === undefined) throw new Error(`the checkpoint has no tensor '${key}'`);
      return saved;
    };
    const groups = { parameter: this.#main.variables, first: this.#main.adam.first, second: this.#main.adam.second };
    for (const [group, members] of Object.entries(groups)) {
      for (const [name, variable] of members) {
        const { shape, data } = read(`${group}/${name}`);
        tf.tidy(() => variable.assign(tf.tensor(data, [...shape])));
      }
    }
    this.#main.step = step;
    if (this.config.objective.environments.kind === 'inferred') {
      this.#setCorrect(read('reference/correct').data as Uint8Array);
    }
  }

  dispose(): void {
    this.#main.dispose();
  }
}
