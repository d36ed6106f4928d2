/** The margins of a trainer's network, and what a set of them is worth. */
import type { ImageSet } from '../../src/train/data/dataset.ts';
import type { Trainer } from '../../src/train/trainer.ts';

/** σ·Φ⁻¹(α^(1/n)) at σ = 0.12, n = 100 000, α = 0.001: the largest radius CERTIFY can give. */
const CAP = 0.457;

/** min_j (y_c − y_j)/‖w_c − w_j‖₂ over j ≠ c for each image, where c is its label: negative if the answer is wrong. */
export function marginsOf(trainer: Trainer, set: ImageSet): Float64Array {
  const { inputs, outputs, weights } = trainer.condense().head;
  const distance = (c: number, j: number) => {
    let square = 0;
    for (let i = 0; i < inputs; i++) square += (weights[i * outputs + c]! - weights[i * outputs + j]!) ** 2;
    return Math.sqrt(square);
  };
  const classes = [...Array(outputs).keys()];
  const distances = classes.map((c) => classes.map((j) => distance(c, j)));
  const logits = trainer.logits(set);
  return Float64Array.from({ length: set.size }, (_, n) => {
    const row = logits.subarray(n * outputs, (n + 1) * outputs);
    const c = set.labels[n]!;
    return Math.min(...classes.filter((j) => j !== c).map((j) => (row[c]! - row[j]!) / distances[c]![j]!));
  });
}

export interface Worth {
  readonly acr: number;
  readonly accuracy: number;
  /** The share certified at r = 0.45. */
  readonly at45: number;
  /** ACR without the cap. */
  readonly uncapped: number;
}

export function worthOf(margins: ArrayLike<number>): Worth {
  const mean = (of: (margin: number) => number) =>
    Array.from(margins, of).reduce((sum, value) => sum + value, 0) / margins.length;
  return {
    acr: mean((margin) => Math.min(CAP, Math.max(0, margin))),
    accuracy: mean((margin) => Number(margin > 0)),
    at45: mean((margin) => Number(margin > 0.45)),
    uncapped: mean((margin) => Math.max(0, margin)),
  };
}

/** The mean of each field. */
export function meanWorth(all: readonly Worth[]): Worth {
  const mean = (of: (worth: Worth) => number) => all.reduce((sum, worth) => sum + of(worth), 0) / all.length;
  return {
    acr: mean(({ acr }) => acr),
    accuracy: mean(({ accuracy }) => accuracy),
    at45: mean(({ at45 }) => at45),
    uncapped: mean(({ uncapped }) => uncapped),
  };
}
