/** Opens data sets by name or configuration, each once in a process. */
import { resolve } from 'node:path';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import { type DataConfig, parseData } from './config.ts';
import type { DomainDataset } from './dataset.ts';
import { avatarFolder } from './pictures/avatars.ts';
import { emojiFolder } from './pictures/emoji.ts';
import type { Progress } from './prepared/prepared.ts';
import { type CelebaIdentity, loadCeleba } from './sets/celeba.ts';
import { loadColouredMnist } from './sets/coloured-mnist.ts';
import { loadDigits } from './sets/digits.ts';
import { type DomainNetIdentity, loadDomainNet } from './sets/domainnet.ts';
import { loadFolder } from './sets/folder.ts';
import { loadStyleCue, type StyleCueIdentity } from './sets/style-cue.ts';

export { DATASET_NAMES, type DataConfig, parseData } from './config.ts';

export interface OpenDatasetOptions {
  /** Goes before the configuration's. */
  readonly dir?: string;
  readonly seed?: number;
  /** Where pictures are drawn and images prepared; by default `data` in the working directory. */
  readonly cache?: string;
  /** Hears of drawing and preparing, which take minutes the first time. */
  readonly onProgress?: Progress;
}

/** Where Debian's package `dataset-fashion-mnist` puts its files. */
const DEBIAN_FASHION = '/usr/share/datasets/fashion-mnist';

const AVATARS: CelebaIdentity = {
  name: 'avatars',
  title: 'Avatars (drawn faces, not CelebA), smiling against hair colour',
  licence:
    'CC BY 4.0 (Micah Lanier; Draftbit; Ashley Seo) and free for personal and commercial use (Avataaars: Pablo Stanley), drawn by DiceBear (MIT)',
  source: 'npm @dicebear/collection 9.4.3: avataaars, big-smile, micah, personas',
};

const EMOJI: DomainNetIdentity = {
  name: 'emoji',
  title: 'Emoji (icons, not DomainNet)',
  licence:
    'CC BY 4.0 (Twemoji: Twitter; Emoji One), CC BY-SA 4.0 (OpenMoji), Apache 2.0 (Noto: Google; FxEmoji: Mozilla), MIT (Fluent: Microsoft)',
  source: 'eight npm packages @iconify-json/*, the same subjects in each',
  heldOut: 'openmoji',
};

const EMOJI_CUE: StyleCueIdentity = {
  ...EMOJI,
  name: 'emoji-cue',
  title: 'Emoji (icons, not DomainNet), living beings against line drawing',
  kinds: ['thing', 'living'],
  positive: ['animals', 'people', 'smileys'],
  cue: ['emojione-monotone', 'fluent-emoji-high-contrast', 'openmoji'],
};

const opened = new Map<string, Promise<DomainDataset>>();

/**
 * The data set of a configuration, or of a name as `parseData` takes it; the same object when asked again in one process.
 *
 * @throws InputError for an unknown name or option, or where the source cannot be read
 */
export async function openDataset(data: string | DataConfig, options: OpenDatasetOptions = {}): Promise<DomainDataset> {
  const { onProgress, cache = 'data', dir, seed } = options;
  const asked: DataConfig & { readonly dir?: string } = typeof data === 'string' ? parseData(data) : data;
  const where = dir ?? asked.dir;
  const config = {
    ...asked,
    ...(seed === undefined ? {} : { seed }),
    ...(where === undefined ? {} : { dir: resolve(where) }),
  };
  const key = JSON.stringify([Object.entries(config).sort(), resolve(cache)]);
  let dataset = opened.get(key);
  if (dataset === undefined) {
    dataset = load(config, { cache, ...(onProgress === undefined ? {} : { onProgress }) });
    opened.set(key, dataset);
    dataset.catch(() => opened.delete(key));
  }
  return dataset;
}

async function load(
  config: DataConfig & { readonly dir?: string },
  place: { readonly cache: string; readonly onProgress?: Progress },
): Promise<DomainDataset> {
  const { name, ...rest } = config;
  const options = { ...rest, ...place };
  const needed = () => {
    if (config.dir !== undefined) return { ...options, dir: config.dir };
    throw new InputError(`${name}: found no folder of its images, expected --data-dir or "dir" in the configuration`);
  };
  switch (name) {
    case 'cmnist':
    case 'cmnist-blind':
      return loadColouredMnist({ ...options, name, source: config.dir === undefined ? 'mnist' : { idx: config.dir } });
    case 'fashion':
    case 'fashion-blind':
      return loadColouredMnist({ ...options, name, source: { idx: config.dir ?? DEBIAN_FASHION } });
    case 'mnist':
      return loadDigits({ ...options, source: config.dir === undefined ? 'mnist' : { idx: config.dir } });
    case 'avatars':
    case 'avatars-blind': {
      const { faces, ...others } = config;
      const dir = await avatarFolder(place.cache, faces, place.onProgress);
      return loadCeleba({ side: DRAWN_SIDE, ...others, ...place, dir, blind: name === 'avatars-blind' }, AVATARS);
    }
    case 'celeba':
    case 'celeba-blind':
      return loadCeleba({ ...needed(), blind: name === 'celeba-blind' });
    case 'emoji':
    case 'emoji-cue':
    case 'emoji-cue-blind': {
      const dir = await emojiFolder(place.cache, undefined, place.onProgress);
      const drawn = { side: DRAWN_SIDE, ...options, dir };
      return name === 'emoji'
        ? loadDomainNet(drawn, EMOJI)
        : loadStyleCue({ ...drawn, blind: name === 'emoji-cue-blind' }, EMOJI_CUE);
    }
    case 'domainnet':
      return loadDomainNet(needed());
    case 'domainnet-cue':
    case 'domainnet-cue-blind':
      return loadStyleCue({ ...needed(), blind: name === 'domainnet-cue-blind' });
    case 'folder':
      return loadFolder(needed());
  }
}

/** Where smiles and subjects are still seen in what is drawn; photographs are prepared larger. */
const DRAWN_SIDE = 32;
