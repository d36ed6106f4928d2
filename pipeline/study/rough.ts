/**
 * Quick comparison of settings: trains each in memory and prints its margin certificate on the test split, capped at CERTIFY's
 * largest radius; neither float slack nor sampling enters, so figures are some 0.002 above the report's.
 *
 *     node --import tsx pipeline/study/rough.ts CONFIG [--data NAME] [--seeds 0,1,2] [--set PATH=VALUE]...
 *
 * Settings are chosen with --data fashion:limit=4000, never on the test split of what is reported.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { parseConfig } from '../../src/train/config.ts';
import { parseData } from '../../src/train/data/config.ts';
import type { DomainDataset, ImageSet } from '../../src/train/data/dataset.ts';
import { openDataset } from '../../src/train/data/registry.ts';
import { Trainer } from '../../src/train/trainer.ts';

/** σ·Φ⁻¹(α^(1/n)) at σ = 0.12, n = 100 000, α = 0.001. */
const CAP = 0.457;

/** A copy of a configuration with the field at `path` (a.b.c) set; absent objects on the way are made. */
function withField(config: object, path: string, value: unknown): object {
  const copy = structuredClone(config) as Record<string, unknown>;
  const names = path.split('.');
  let place = copy;
  for (const name of names.slice(0, -1)) {
    place[name] ??= {};
    place = place[name] as Record<string, unknown>;
  }
  place[names[names.length - 1]!] = value;
  return copy;
}

/** min_j (y_c − y_j)/‖w_c − w_j‖ over j ≠ c for each image of label c, infinite nowhere: K ≥ 2. */
function marginsOf(trainer: Trainer, set: ImageSet): Float64Array {
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

/** In each environment, the share of images whose attribute contradicts the label: what its cue is worth there. */
function contraryShares(trainer: Trainer, { train }: DomainDataset): Record<string, number> {
  const contrary = train.flatMap(({ labels, attribute }) =>
    Array.from(labels, (label, i) => Number(label !== attribute[i])),
  );
  return Object.fromEntries(
    trainer.environments.map(({ name, indices }) => [
      name,
      indices.reduce((sum, index) => sum + contrary[index]!, 0) / indices.length,
    ]),
  );
}

/** Mean and sample standard deviation. */
function spread(values: readonly number[]): { mean: number; sd: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, sd: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 };
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: 'string' },
    seeds: { type: 'string', default: '0' },
    set: { type: 'string', multiple: true, default: [] },
  },
});
const [path] = positionals;
if (path === undefined) throw new Error('expected a configuration');
let raw: object = JSON.parse(await readFile(path, 'utf8'));
for (const assignment of values.set) {
  const at = assignment.indexOf('=');
  raw = withField(raw, assignment.slice(0, at), JSON.parse(assignment.slice(at + 1)));
}
if (values.data !== undefined) raw = { ...raw, data: parseData(values.data) };

const radii: number[] = [];
for (const seed of values.seeds.split(',').map(Number)) {
  const config = parseConfig({ ...raw, seed }, path);
  const dataset = await openDataset(config.data);
  const began = performance.now();
  const trainer = new Trainer(config, dataset);
  for (const _ of trainer.prepare());
  while (!trainer.finished) trainer.trainStep();
  const seconds = (performance.now() - began) / 1000;
  const { test } = dataset;
  const margins = marginsOf(trainer, test);
  const mean = (of: (margin: number) => number) =>
    margins.reduce((sum, margin) => sum + of(margin), 0) / margins.length;
  const acr = mean((margin) => Math.min(CAP, Math.max(0, margin)));
  radii.push(acr);
  const figures = {
    seed,
    acr,
    accuracy: mean((margin) => Number(margin > 0)),
    at45: mean((margin) => Number(margin > 0.45)),
    uncapped: mean((margin) => Math.max(0, margin)),
    validation: trainer.evaluate().validation,
    contrary: contraryShares(trainer, dataset),
    seconds,
  };
  const round = (_: string, value: unknown) => (typeof value === 'number' ? Number(value.toFixed(4)) : value);
  console.log(JSON.stringify(figures, round));
  trainer.dispose();
}
const { mean, sd } = spread(radii);
console.log(`${path} ${values.set.join(' ')}: ACR ${mean.toFixed(4)} ± ${sd.toFixed(4)} (${radii.length} seeds)`);
