/** The names of data sets, by themselves: help texts need no more. */
export const DATASET_NAMES = [
  'cmnist',
  'cmnist-blind',
  'fashion',
  'fashion-blind',
  'mnist',
  'avatars',
  'avatars-blind',
  'celeba',
  'celeba-blind',
  'emoji',
  'emoji-cue',
  'emoji-cue-blind',
  'domainnet',
  'domainnet-cue',
  'domainnet-cue-blind',
  'folder',
] as const;
