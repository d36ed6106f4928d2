/**
 * Compares settings: trains each in memory and prints what its margins are worth, capped at CERTIFY's largest radius.
 * Neither float slack nor sampling is included, so the figures are a little above the report's.
 *
 *     node --import tsx pipeline/study/settings.ts CONFIG [--data NAME] [--seeds 0,1] [--set PATH=JSON]...
 *         [--folds K | --leave-out D,E]
 *
 * - CONFIG is a file, or the name of an experiment of `glean paper` (emoji-large-gaussian). A baseline has no margins;
 *   it is exported and has CERTIFY's radii, as in the report.
 * - By default, the test split is used; settings are chosen with --data fashion:limit=4000, never on the split that is
 *   reported.
 * - With --folds 4 --seeds 0,1, it cross-validates on the training images, of which fold `seed` of K is held out. The
 *   environments, given or inferred on all training images, have equal weight: with inferred ones, that estimates a
 *   domain in which the cue says nothing. No test image is read.
 * - With --leave-out D,E, each of these training domains in turn is left out of training, and its validation images are
 *   the test, which estimates a domain of another style (Gulrajani & Lopez-Paz 2021). No test image is read.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { createRandom, shuffle } from '../../src/certify-runtime/smoothing/random.ts';
import { parseConfig, type TrainConfig } from '../../src/train/config.ts';
import { parseData } from '../../src/train/data/config.ts';
import { type DomainDataset, type ImageSet, selectImages } from '../../src/train/data/dataset.ts';
import { openDataset } from '../../src/train/data/registry.ts';
import { Trainer } from '../../src/train/trainer.ts';
import { fullPlan } from '../paper/plan.ts';
import { marginsOf, meanWorth, type Worth, worthOf } from './margins.ts';
import { sampledRadii } from './sampled-radii.ts';

/** A copy of a configuration with the field at `path` (a.b.c) set; missing objects on the way are made. */
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

/** Trains to the end and gives what `of` reads from the trainer. */
async function trained<T>(
  config: TrainConfig,
  dataset: DomainDataset,
  of: (trainer: Trainer) => T | Promise<T>,
): Promise<T> {
  const trainer = new Trainer(config, dataset);
  try {
    for (const _ of trainer.prepare());
    while (!trainer.finished) trainer.trainStep();
    return await of(trainer);
  } finally {
    trainer.dispose();
  }
}

/** The share of images in each environment whose attribute contradicts the label: what the cue is worth there. */
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

/** The images of the training domains outside one fold of `folds`, and those in it, with their positions. */
function splitFold(dataset: DomainDataset, fold: number, folds: number) {
  let offset = 0;
  const parts = dataset.train.map((set) => {
    const order = shuffle(
      Uint32Array.from({ length: set.size }, (_, i) => i),
      createRandom(folds, offset),
    );
    const begin = offset;
    offset += set.size;
    const held = [...order].filter((_, i) => i % folds === fold);
    return { set, held, kept: [...order].filter((_, i) => i % folds !== fold), begin };
  });
  return {
    rest: { ...dataset, train: parts.map(({ set, kept }) => selectImages(set, kept)) },
    held: parts.map(({ set, held, begin }) => ({
      images: selectImages(set, held),
      places: held.map((index) => begin + index),
    })),
  };
}

/** The data set as if one of its training domains were the held-out one, tested on that domain's validation images. */
function leaveOut(dataset: DomainDataset, name: string): DomainDataset {
  const test = dataset.validation.find((set) => set.name === name);
  if (test === undefined) {
    throw new Error(`no domain ${name}; expected some of ${dataset.validation.map((set) => set.name).join(', ')}`);
  }
  const others = (sets: readonly ImageSet[]) => sets.filter((set) => set.name !== name);
  return { ...dataset, train: others(dataset.train), validation: others(dataset.validation), test };
}

/** Trains without one fold; gives the mean over the environments of what the margins are worth in it. */
function heldOut(config: TrainConfig, dataset: DomainDataset, fold: number, folds: number): Promise<Worth> {
  const whole = new Trainer(config, dataset);
  for (const _ of whole.prepare());
  const environments = whole.environments.map(({ indices }) => new Set(indices));
  whole.dispose();
  const { rest, held } = splitFold(dataset, fold, folds);
  return trained(config, rest, (trainer) => {
    const margins = held.flatMap(({ images, places }: { images: ImageSet; places: number[] }) =>
      Array.from(marginsOf(trainer, images), (margin, i) => ({ margin, place: places[i]! })),
    );
    return meanWorth(
      environments.map((members) =>
        worthOf(margins.filter(({ place }) => members.has(place)).map(({ margin }) => margin)),
      ),
    );
  });
}

/** The configuration in a file, or of an experiment of the plan. */
async function configAt(name: string): Promise<object> {
  if (name.endsWith('.json')) return JSON.parse(await readFile(name, 'utf8')) as object;
  const experiment = (await fullPlan()).find(({ id }) => id === name);
  if (experiment === undefined) throw new Error(`no experiment ${name} in the plan, and not the name of a .json file`);
  return experiment.config;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: 'string' },
    seeds: { type: 'string', default: '0' },
    set: { type: 'string', multiple: true, default: [] },
    folds: { type: 'string' },
    'leave-out': { type: 'string' },
  },
});
const [path] = positionals;
if (path === undefined) throw new Error('expected a configuration');
if (values.folds !== undefined && values['leave-out'] !== undefined) {
  throw new Error('found --folds and --leave-out, expected one of them: each says what is held out');
}
let raw = await configAt(path);
for (const assignment of values.set) {
  const at = assignment.indexOf('=');
  raw = withField(raw, assignment.slice(0, at), JSON.parse(assignment.slice(at + 1)));
}
if (values.data !== undefined) raw = { ...raw, data: parseData(values.data) };

const rounded = (value: object) =>
  JSON.stringify(value, (_, field: unknown) => (typeof field === 'number' ? Number(field.toFixed(4)) : field));

const found: Worth[] = [];
const left = values['leave-out']?.split(',') ?? [undefined];
for (const seed of values.seeds.split(',').map(Number)) {
  const config = parseConfig({ ...raw, seed }, path);
  if (values.folds !== undefined && 'baseline' in config.objective) throw new Error('--folds is for GLEAN only');
  const all = await openDataset(config.data);
  for (const domain of left) {
    const dataset = domain === undefined ? all : leaveOut(all, domain);
    const began = performance.now();
    const { worth, ...more } =
      values.folds === undefined
        ? await trained(config, dataset, async (trainer) => ({
            worth: worthOf(
              'baseline' in config.objective
                ? await sampledRadii(trainer, dataset, config.objective.sigma)
                : marginsOf(trainer, dataset.test),
            ),
            validation: trainer.evaluate().validation,
            contrary: contraryShares(trainer, dataset),
          }))
        : { worth: await heldOut(config, dataset, seed, Number(values.folds)) };
    found.push(worth);
    const seconds = (performance.now() - began) / 1000;
    console.log(rounded({ seed, ...(domain === undefined ? {} : { left: domain }), ...worth, ...more, seconds }));
  }
}
const { acr } = meanWorth(found);
const squares = found.reduce((sum, worth) => sum + (worth.acr - acr) ** 2, 0);
const deviation = Math.sqrt(squares / Math.max(1, found.length - 1));
console.log(`${path} ${values.set.join(' ')}: ACR ${acr.toFixed(4)} ± ${deviation.toFixed(4)} (${found.length})`);
