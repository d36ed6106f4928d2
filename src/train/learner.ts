/** One network in training: its parameters, its optimizer and the step it has reached. */

import { createRandom } from '../certify-runtime/smoothing/random.ts';
import { PHASES, STEP_STREAMS, stepStream } from '../certify-runtime/smoothing/streams.ts';
import { GleanError } from '../certify-runtime/trusted/errors.ts';
import { changeAppearance } from './augmentation/appearance.ts';
import type { TrainConfig } from './config.ts';
import { drawImages, type Environment } from './environments.ts';
import type { Network } from './network/network.ts';
import type { Batch, Model, Objective, StepContext } from './objective/objective.ts';
import { Adam } from './optimizer/adam.ts';
import { Average } from './optimizer/ema.ts';
import { imageBytes, type Pool } from './pool.ts';
import { statelessNormal, tf, unitInterval } from './tfjs.ts';

/** What one step reports. */
export interface StepMetrics {
  /** `main`, or the name of a network that is trained before it. */
  readonly phase: string;
  /** Steps done in this phase, of `steps`. */
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  readonly lambda: number;
  readonly penalty: number;
  readonly learningRate: number;
  readonly environments: readonly { readonly name: string; readonly size: number; readonly risk: number }[];
}

const EVALUATION_BATCH = 512;

let instances = 0;

export interface LearnerOptions {
  readonly config: TrainConfig;
  readonly network: Network;
  readonly pool: Pool;
  readonly objective: Objective;
  /** 0 for the network itself, 1 … 15 for those trained before it: each has its own random numbers. */
  readonly phase: number;
  readonly name: string;
}

export class Learner {
  readonly #options: LearnerOptions;
  readonly variables: ReadonlyMap<string, tf.Variable>;
  readonly adam: Adam;
  /** The average of the variables, if the main network's weights are averaged. */
  readonly average: Average | undefined;
  step = 0;

  constructor(options: LearnerOptions) {
    this.#options = options;
    const prefix = `learner${instances++}`;
    const initial = options.network.initialParameters(PHASES * options.config.seed + options.phase);
    this.variables = new Map(
      [...initial].map(([name, value]) => [name, tf.variable(value, true, `${prefix}/${name}`)]),
    );
    for (const value of initial.values()) value.dispose();
    this.adam = new Adam(this.variables);
    const { ema } = options.config.optimizer;
    if (ema !== undefined && options.phase === 0) this.average = new Average(this.variables, ema);
  }

  /** The weights that count: the averaged ones if there are any. */
  get weights(): ReadonlyMap<string, tf.Variable> {
    return this.average?.variables ?? this.variables;
  }

  /** The second number of the seed of a stream at this step. */
  #stream(stream: number): number {
    return stepStream(this.step, this.#options.phase, stream);
  }

  /** Sets the given parameters, by name. */
  assign(values: ReadonlyMap<string, tf.Tensor>): void {
    for (const [name, value] of values) this.variables.get(name)!.assign(value);
  }

  #model(variables = this.variables): Model {
    const { network } = this.#options;
    const weights = network.weights(variables);
    return {
      encode: (images) => network.encode(weights, images),
      classify: (latent) => network.classify(weights, latent),
    };
  }

  #batch(environments: readonly Environment[]): Omit<Batch, 'images' | 'targets'> & {
    readonly bytes: Uint8Array;
    readonly labels: Int32Array;
  } {
    const { config, pool } = this.#options;
    const random = createRandom(config.seed, this.#stream(STEP_STREAMS.batch));
    const draws = environments.map((environment) => drawImages(environment, config.optimizer.perEnvironment, random));
    const indices = Uint32Array.from(draws.flatMap((draw) => [...draw]));
    let begin = 0;
    return {
      bytes: imageBytes(pool, indices, config.augmentation, random),
      labels: Int32Array.from(indices, (index) => pool.labels[index]!),
      environments: draws.map(({ length: size }, i) => {
        begin += size;
        return { name: environments[i]!.name, begin: begin - size, size };
      }),
    };
  }

  /**
   * Networks trained before the main one look at the images as they are: they are there to find the cue, and the
   * appearance is often the cue.
   */
  #appearance(images: tf.Tensor4D): tf.Tensor4D {
    const { config, phase } = this.#options;
    if (phase > 0) return images;
    return changeAppearance(
      images,
      config.augmentation,
      createRandom(config.seed, this.#stream(STEP_STREAMS.appearance)),
    );
  }

  /**
   * One step of Adam, of `steps`, on the objective over the environments; `learningRate` is that of this step.
   *
   * @throws GleanError if the loss is no longer a finite number
   */
  train(environments: readonly Environment[], steps: number, learningRate: number): StepMetrics {
    const { config, network, objective, name } = this.#options;
    const { bytes, labels, environments: parts } = this.#batch(environments);
    const context: StepContext = {
      step: this.step,
      steps,
      normal: (shape, stream) => statelessNormal(shape, [config.seed, this.#stream(stream)]),
    };
    const metrics = tf.tidy(() => {
      const images = this.#appearance(unitInterval(bytes, [labels.length, ...network.shape]) as tf.Tensor4D);
      const targets = tf.oneHot(tf.tensor1d(labels, 'int32'), network.classes).toFloat() as tf.Tensor2D;
      const clean: Batch = { images, targets, environments: parts };
      const batch =
        objective.perturb === undefined
          ? clean
          : { ...clean, images: tf.tidy(() => objective.perturb!(this.#model(), clean, context)) };
      let found = { lambda: 0, risks: [] as number[], penalty: 0 };
      const { value, grads } = tf.variableGrads(() => {
        const { loss, lambda, risks, penalty } = objective.loss(this.#model(), batch, context);
        found = {
          lambda,
          risks: risks.map((risk) => risk.dataSync()[0]!),
          penalty: penalty?.dataSync()[0] ?? 0,
        };
        return loss;
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
      this.average?.update(this.step + 1);
      return { loss, ...found };
    });
    this.step++;
    const { risks, ...rest } = metrics;
    return {
      phase: name,
      step: this.step,
      steps,
      ...rest,
      learningRate,
      environments: parts.map(({ name: environment, size }, i) => ({ name: environment, size, risk: risks[i]! })),
    };
  }

  /** y of images without noise or augmentation, a batch at a time: [size, K], row-major. */
  logits(read: (begin: number, end: number) => Uint8Array, size: number): Float32Array {
    const { network } = this.#options;
    const logits = new Float32Array(size * network.classes);
    tf.tidy(() => {
      const model = this.#model(this.weights);
      for (let begin = 0; begin < size; begin += EVALUATION_BATCH) {
        const end = Math.min(size, begin + EVALUATION_BATCH);
        const found = tf.tidy(() => {
          const images = unitInterval(read(begin, end), [end - begin, ...network.shape]) as tf.Tensor4D;
          return model.classify(model.encode(images)).dataSync<'float32'>();
        });
        logits.set(found, begin * network.classes);
      }
    });
    return logits;
  }

  /** The label given to each image: the class of the largest logit, the first one in a tie. */
  predict(read: (begin: number, end: number) => Uint8Array, size: number): Uint16Array {
    const { classes } = this.#options.network;
    const logits = this.logits(read, size);
    return Uint16Array.from({ length: size }, (_, i) => {
      const row = logits.subarray(i * classes, (i + 1) * classes);
      return row.indexOf(Math.max(...row));
    });
  }

  dispose(): void {
    this.adam.dispose();
    this.average?.dispose();
    for (const variable of this.variables.values()) variable.dispose();
  }
}
