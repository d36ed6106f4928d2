/**
 * Every stream of random numbers that has a name, and its number: `createRandom(seed, stream)` gives different numbers
 * for every pair. Numbers never change, because published results depend on them. A new name gets a number that its
 * group does not have.
 */

/** How many streams of its seed a data set may use, from its first one on. */
export const STREAMS_PER_DATASET = 2 ** 16;

/** The first stream of each data set, for the data set's seed: two letters of its name in ASCII, times 2¹⁶. */
export const DATA_STREAMS = {
  /** One for each face. */
  avatars: 0x41560000,
  celeba: 0x43410000,
  colouredMnist: 0x434d0000,
  digits: 0x44490000,
  domainNet: 0x444e0000,
  folder: 0x464f0000,
  /** One for each face with glasses or without. */
  glasses: 0x474c0000,
  styleCue: 0x53430000,
} as const;

/**
 * How many phases a run has, each with its own streams: 0 for the network itself, the others for those trained before
 * it.
 */
export const PHASES = 16;
/** How many streams a training step has for the seed of its run. */
export const STREAMS_PER_STEP = 64;

/** The streams of a training step. Those below 32 are the objective's, on TensorFlow's generator. */
export const STEP_STREAMS = {
  /** The noise on z, or on the images: no objective has both. */
  noise: 0,
  /** Which images are drawn, and how they are moved and mirrored. */
  batch: 32,
  /** Which part of the images a member of a committee judges; drawn at its step 0. */
  folds: 33,
  /** How the appearance of the images is changed. */
  appearance: 34,
} as const;

/** The stream of a step of a phase, as the second number of a seed. */
export function stepStream(step: number, phase: number, stream: number): number {
  return (step * PHASES + phase) * STREAMS_PER_STEP + stream;
}

/** The stream in which the initial parameters of a layer are drawn: negative, and so no step's. */
export function layerStream(layer: number): number {
  return -1 - layer;
}

/** The streams of the noise on images, for the seed of sampling. */
export const SAMPLING_STREAMS = {
  selection: 0,
  /** The first of as many as there are blocks of draws. */
  count: 1,
} as const;

/** The seeds of what nobody chooses a seed for; no two of one group are the same. */
export const SEEDS = {
  /** Images of noise among a model's known vectors: those of an exported run, and those of a brought network. */
  knownVectors: { noise: 0 },
  /** Images on which a sealed network is compared with the one that was brought. */
  comparison: { noise: 0 },
  secondOpinion: { images: 11, power: 12, subspaces: 13, columns: 14 },
  page: { worst: 0 },
  drawing: { avatars: 2020 },
  split: { colouredMnist: 2020 },
} as const;
