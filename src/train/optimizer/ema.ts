/**
 * Averaged weights: an exponential moving average of the parameters over the steps, which is what is evaluated and
 * exported. Polyak & Juditsky 1992; Izmailov et al. 2018 on why averages generalise better; the decay that grows at
 * first is TensorFlow's (tf.train.ExponentialMovingAverage).
 *
 * What is averaged are free parameters, so a Cayley layer of averaged parameters is orthogonal like any other.
 */
import { tf } from '../tfjs.ts';

export class Average {
  readonly variables: ReadonlyMap<string, tf.Variable>;
  readonly #of: ReadonlyMap<string, tf.Variable>;
  readonly #decay: number;

  /** @param decay in (0, 1): about 1/(1 − decay) steps count */
  constructor(of: ReadonlyMap<string, tf.Variable>, decay: number) {
    this.#of = of;
    this.#decay = decay;
    this.variables = new Map([...of].map(([name, variable]) => [name, tf.variable(variable, false)]));
  }

  /**
   * After step t = 1, 2, …: θ̄ ← d·θ̄ + (1 − d)·θ with d = min(decay, (t − 1)/(t + 8)), which forgets the weights of the
   * start: θ̄ is θ after the first step.
   */
  update(t: number): void {
    const decay = Math.min(this.#decay, (t - 1) / (t + 8));
    tf.tidy(() => {
      for (const [name, average] of this.variables) {
        average.assign(tf.add(tf.mul(average, decay), tf.mul(this.#of.get(name)!, 1 - decay)));
      }
    });
  }

  dispose(): void {
    for (const variable of this.variables.values()) variable.dispose();
  }
}
