/**
 * From what a folder of images holds to a configuration to start from, with the reason for each choice. Nothing is
 * searched for: the choices are those of pipeline/configs for pictures (docs/training.md), fitted to the images.
 */
import { basename, resolve } from 'node:path';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import { parseConfig } from '../config.ts';
import { count, some } from '../data/readers/entries.ts';
import { networkFor, type Side, sideFor } from './networks.ts';
import type { Survey } from './survey.ts';

interface Choice {
  /** The field of the configuration, as a path. */
  readonly field: string;
  readonly value: unknown;
  readonly reason: string;
}

export interface Proposal {
  /** As it is to be written: `parseConfig` takes it. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly choices: readonly Choice[];
  /** What the user should know of the images before training. */
  readonly notes: readonly string[];
}

/** A tenth of each class is held out for validation: of fewer images, none would be. */
const LEAST_OF_CLASS = 10;
/** The share of unusable images that opening a data set allows. */
const MOST_UNREADABLE = 0.01;
/** Fewer images of a class in a domain than this are noted. */
const FEW_OF_CLASS = 100;
/** Images in a step, of all environments together. */
const BATCH = 128;
/** How often training sees each image, between the least and the most steps. */
const EPOCHS = 25;
const [LEAST_STEPS, MOST_STEPS] = [400, 2400];

const percent = (share: number) => `${Math.round(100 * share)} %`;
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** The last domain is held out, as the data set does it by default. */
const heldOutOf = ({ domains }: Survey) => domains.length - 1;

/** @throws InputError if nothing could be learned from the folder, with what to do about it */
function refuseHopeless(survey: Survey): void {
  const { dir, domains, classes, counts, unreadable, looked } = survey;
  if (unreadable.length > MOST_UNREADABLE * looked) {
    throw new InputError(
      `${dir}: found ${count(unreadable.length, 'file')} of ${looked} that cannot be read as images (${some(unreadable)}), expected at most ${percent(MOST_UNREADABLE)}; repair or remove them`,
      { dir, unreadable },
    );
  }
  const small = domains.flatMap((domain, d) => {
    const least = d === heldOutOf(survey) ? 1 : LEAST_OF_CLASS;
    return classes.flatMap((name, c) => {
      const found = counts[d]![c]!;
      return found < least ? [`${domain}/${name} (${found})`] : [];
    });
  });
  if (small.length > 0) {
    throw new InputError(
      `${dir}: found too few images in ${some(small)}, expected at least ${LEAST_OF_CLASS} of each class in each domain to train on; add images, merge classes, or move the domain elsewhere`,
      { dir, small },
    );
  }
}

/** A name for the model, from that of the folder. */
function idOf(dir: string): string {
  const name = basename(resolve(dir)).normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
  return name.replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-+|-+$/g, '') || 'model';
}

function notesOn({ domains, classes, counts, shorterSides, looked, images, oblong }: Survey, side: Side): string[] {
  const notes: string[] = [];
  const all = counts.flat();
  if (Math.min(...all) < FEW_OF_CLASS) {
    const d = counts.findIndex((of) => of.includes(Math.min(...all)));
    const c = counts[d]!.indexOf(Math.min(...all));
    notes.push(
      `${domains[d]}/${classes[c]} has ${count(all[d * classes.length + c]!, 'image')}: so few are soon learned by heart; more images help more than any setting`,
    );
  }
  const perClass = classes.map((_, c) => sum(counts.map((of) => of[c]!)));
  if (Math.max(...perClass) > 3 * Math.min(...perClass)) {
    const [most, least] = [Math.max(...perClass), Math.min(...perClass)];
    notes.push(
      `classes are uneven, from ${least} images of ${classes[perClass.indexOf(least)]} to ${most} of ${classes[perClass.indexOf(most)]}: compare accuracy with that of always answering the commonest`,
    );
  }
  const smaller = shorterSides.filter((found) => found < side).length / shorterSides.length;
  if (smaller > 0.05) notes.push(`${percent(smaller)} of the images are smaller than ${side} pixels and are enlarged`);
  if (oblong > 0.05) {
    notes.push(
      `${percent(oblong)} of the images are oblong: the central square is taken, and what is outside it is not seen`,
    );
  }
  if (looked < images) notes.push(`sizes are those of ${looked} of the ${images} images`);
  return notes;
}

/** Classes that mirroring could change: digits, letters, left and right. */
const HANDED = /^.$|^\d+$|^(left|right)\b|\b(left|right)$/iu;

/**
 * The configuration for these images.
 *
 * @throws InputError if there are too few images or too many that cannot be read, with what to do about it
 */
export function propose(survey: Survey, seed = 0): Proposal {
  refuseHopeless(survey);
  const { dir, domains, classes, counts, shorterSides, grey } = survey;
  const heldOut = heldOutOf(survey);
  const training = counts.filter((_, d) => d !== heldOut).map(sum);
  const middle = shorterSides[Math.floor(shorterSides.length / 2)]!;
  const side = sideFor(middle);
  const given = training.length >= 2;
  const environments = given ? training.length : 2;
  const perEnvironment = Math.max(2, Math.floor(BATCH / environments));
  const batch = given
    ? sum(training.map((images) => Math.min(images, perEnvironment)))
    : Math.min(sum(training), environments * perEnvironment);
  const rounded = 100 * Math.round((EPOCHS * sum(training)) / BATCH / 100);
  const steps = Math.min(MOST_STEPS, Math.max(LEAST_STEPS, rounded));
  const handed = classes.find((name) => HANDED.test(name));
  const flip = handed === undefined && side > 28;
  const { network, reason: why, precision } = networkFor(side);
  const commonest = Math.max(...counts[heldOut]!);

  const config = {
    id: idOf(dir),
    title: `GLEAN on ${basename(resolve(dir))}`,
    data: { name: 'folder', dir, side, heldOut: domains[heldOut]! },
    network,
    objective: {
      noise: 0.12,
      penalty: { kind: 'irm', weight: 1, before: 0, warmup: Math.round(steps / 6) },
      environments: { kind: given ? 'given' : 'inferred' },
    },
    optimizer: { steps, perEnvironment, learningRate: 0.003 },
    augmentation: { shift: Math.round(side / 16), rim: 'edge', flip },
    ...(precision === 'float64' ? { precision } : {}),
    seed,
  };
  parseConfig(config, dir);
  const choices: Choice[] = [
    {
      field: 'data.heldOut',
      value: config.data.heldOut,
      reason: `the last of the ${domains.length} domains is tested on and never trained on; name another if that one is more like what the model will meet. Always answering ${classes[counts[heldOut]!.indexOf(commonest)]} is right for ${percent(commonest / sum(counts[heldOut]!))} of it`,
    },
    {
      field: 'data.side',
      value: side,
      reason: `half of the images are at least ${middle} pixels on their shorter side (${shorterSides[0]} to ${shorterSides.at(-1)}); every image becomes ${side}×${side} with three channels${grey > 0.95 ? ', all of them the same, since they are grey' : ''}`,
    },
    { field: 'network', value: network, reason: why },
    {
      field: 'objective.environments',
      value: config.objective.environments,
      reason: given
        ? `${training.length} training domains: what tells the classes apart in one and not in another is not relied on`
        : `one training domain: a committee infers which images a spurious cue would give away, and says whether it could; with another domain to train on, "given" is the safer choice`,
    },
    {
      field: 'optimizer.steps',
      value: steps,
      reason: `${sum(training)} images to train on, in steps of ${batch}: each is seen about ${Math.round((steps * batch) / sum(training))} times`,
    },
    {
      field: 'optimizer.perEnvironment',
      value: perEnvironment,
      reason: `about ${BATCH} images a step, in equal parts of ${environments} environments`,
    },
    {
      field: 'augmentation.shift',
      value: config.augmentation.shift,
      reason: 'a sixteenth of the side each way; the rim repeats the nearest pixels',
    },
    {
      field: 'augmentation.flip',
      value: flip,
      reason: flip
        ? 'pictures mean the same when they are mirrored; set it to false if left and right matter'
        : `${handed === undefined ? 'images this small are mostly signs' : `a class is called ${handed}`}, which may mean something else when mirrored; set it to true if not`,
    },
    {
      field: 'precision',
      value: precision,
      reason:
        precision === 'float64'
          ? 'the exported network computes in float64, since float32 rounding would cost much of each radius; it takes about 1.7 times as long'
          : 'a small dense network loses little of its radius to float32 rounding',
    },
  ];
  return { config, choices, notes: notesOn(survey, side) };
}
