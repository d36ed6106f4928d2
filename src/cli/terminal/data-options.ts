/** The options of every command that opens a data set. */
import { DATASET_NAMES } from '../../train/data/table.ts';
import { text } from './options.ts';

/** The possible names of a data set, for help texts. */
export const DATA_NAMES = `one of ${DATASET_NAMES.join(', ')}; with options as in emoji:heldOut=noto,side=64`;

export const DATA_OPTIONS = {
  dataDir: text('folder of the originals: IDX files, CelebA, DomainNet, your own images'),
  cacheDir: text('where pictures and prepared images go (default: data)'),
};
