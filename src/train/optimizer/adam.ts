/**
 * Adam (Kingma & Ba 2015) with its whole state in named tensors.
 *
 * tfjs has an Adam of its own, but it restores β₁ᵗ by another route than it computes it, so a resumed run ends
 * elsewhere than an unbroken one, and its learning rate cannot be scheduled.
 */
import { tf } from '../tfjs.ts';

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

export class Adam {
  readonly variables: ReadonlyMap<string, tf.Variable>;
  readonly first: ReadonlyMap<string, tf.Variable>;
  readonly second: ReadonlyMap<string, tf.Variable>;

  constructor(variables: ReadonlyMap<string, tf.Variable>) {
    this.variables = variables;
    const zeros = () => new Map([...variables].map(([name, v]) => [name, tf.tidy(() => tf.variable(tf.zerosLike(v)))]));
    this.first = zeros();
    this.second = zeros();
  }

  /** One update with the gradients of step t = 1, 2, …: θ ← θ − η·m̂/(√v̂ + ε). */
  apply(gradients: Readonly<Record<string, tf.Tensor>>, t: number, learningRate: number): void {
    const rate = (learningRate * Math.sqrt(1 - BETA2 ** t)) / (1 - BETA1 ** t);
    const epsilon = EPSILON * Math.sqrt(1 - BETA2 ** t);
    tf.tidy(() => {
      for (const [name, variable] of this.variables) {
        const gradient = gradients[variable.name];
        const m = this.first.get(name);
        const v = this.second.get(name);
        if (gradient === undefined || m === undefined || v === undefined) throw new Error(`no gradient for '${name}'`);
        m.assign(tf.add(tf.mul(m, BETA1), tf.mul(gradient, 1 - BETA1)));
        v.assign(tf.add(tf.mul(v, BETA2), tf.mul(tf.square(gradient), 1 - BETA2)));
        variable.assign(tf.sub(variable, tf.mul(tf.div(m, tf.add(tf.sqrt(v), epsilon)), rate)));
      }
    });
  }

  dispose(): void {
    for (const state of [this.first, this.second]) for (const tensor of state.values()) tensor.dispose();
  }
}
