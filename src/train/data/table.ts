/**
 * Every data set by name, with the options it takes and the function that opens it. Nothing is loaded before it is
 * opened, so that help texts can list the names at once.
 *
 * A new data set needs a file with such a function, which gives a `DomainDataset` (dataset.ts), and an entry in this
 * table. Its name, its configuration and the commands' help follow. Options are declared in options.ts, random streams
 * in certify-runtime/smoothing/streams.ts.
 */
import type { DomainDataset } from './dataset.ts';
import type { DatasetRequest, OptionName } from './options.ts';

interface DatasetEntry {
  /** Any other option is refused. */
  readonly options: readonly OptionName[];
  /** @throws InputError if the source cannot be read */
  readonly open: (request: DatasetRequest) => Promise<DomainDataset>;
}

const IDX = ['dir', 'seed', 'limit'] as const;
const PREPARED = ['side', 'seed', 'limit'] as const;
const ORIGINALS = [...PREPARED, 'dir', 'maxSkipped'] as const;

const colouredMnist = (name: 'cmnist' | 'cmnist-blind' | 'fashion' | 'fashion-blind') => ({
  options: IDX,
  open: async (request: DatasetRequest) =>
    (await import('./sets/coloured-mnist.ts')).openColouredMnist({ ...request, name }),
});

const avatars = (blind: boolean) => ({
  options: [...PREPARED, 'labelNoise', 'faces'] as const,
  open: async (request: DatasetRequest) => (await import('./pictures/avatars-set.ts')).openAvatars(request, blind),
});

const glasses = (blind: boolean) => ({
  options: [...PREPARED, 'labelNoise', 'faces'] as const,
  open: async (request: DatasetRequest) => (await import('./pictures/avatars-set.ts')).openGlasses(request, blind),
});

const celeba = (blind: boolean) => ({
  options: [...ORIGINALS, 'labelNoise'] as const,
  open: async (request: DatasetRequest) => (await import('./sets/celeba.ts')).openCeleba(request, blind),
});

const emojiCue = (blind: boolean) => ({
  options: [...PREPARED, 'labelNoise', 'cue'] as const,
  open: async (request: DatasetRequest) => (await import('./pictures/emoji-set.ts')).openEmojiCue(request, blind),
});

const largeEmojiCue = (blind: boolean) => ({
  options: [...PREPARED, 'labelNoise', 'cue'] as const,
  open: async (request: DatasetRequest) => (await import('./pictures/emoji-set.ts')).openLargeEmojiCue(request, blind),
});

const domainNetCue = (blind: boolean) => ({
  options: [...ORIGINALS, 'labelNoise', 'cue'] as const,
  open: async (request: DatasetRequest) => (await import('./sets/style-cue.ts')).openStyleCue(request, blind),
});

export const DATASETS = {
  cmnist: colouredMnist('cmnist'),
  'cmnist-blind': colouredMnist('cmnist-blind'),
  fashion: colouredMnist('fashion'),
  'fashion-blind': colouredMnist('fashion-blind'),
  mnist: { options: IDX, open: async (request) => (await import('./sets/digits.ts')).openDigits(request) },
  avatars: avatars(false),
  'avatars-blind': avatars(true),
  'avatars-glasses': glasses(false),
  'avatars-glasses-blind': glasses(true),
  celeba: celeba(false),
  'celeba-blind': celeba(true),
  emoji: {
    options: [...PREPARED, 'heldOut', 'classes'],
    open: async (request) => (await import('./pictures/emoji-set.ts')).openEmoji(request),
  },
  'emoji-large': {
    options: [...PREPARED, 'heldOut', 'classes'],
    open: async (request) => (await import('./pictures/emoji-set.ts')).openLargeEmoji(request),
  },
  'emoji-cue': emojiCue(false),
  'emoji-cue-blind': emojiCue(true),
  'emoji-cue-large': largeEmojiCue(false),
  'emoji-cue-large-blind': largeEmojiCue(true),
  domainnet: {
    options: [...ORIGINALS, 'heldOut', 'classes'],
    open: async (request) => (await import('./sets/domainnet.ts')).openDomainNet(request),
  },
  'domainnet-cue': domainNetCue(false),
  'domainnet-cue-blind': domainNetCue(true),
  folder: {
    options: [...ORIGINALS, 'heldOut', 'validation'],
    open: async (request) => (await import('./sets/folder.ts')).openFolder(request),
  },
} as const satisfies Readonly<Record<string, DatasetEntry>>;

export type DatasetName = keyof typeof DATASETS;

export const DATASET_NAMES = Object.keys(DATASETS) as readonly DatasetName[];
