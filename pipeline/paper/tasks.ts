/** The problems of `glean paper`, in a file of their own because help texts need nothing more. */

/**
 * The paper's problem; the substitutes for CelebA and DomainNet, the latter also with larger sets of icons, of which
 * three families are held out in turn; one that nobody tuned on; and two of our own that serve as checks.
 */
export const TASKS = [
  'cmnist',
  'avatars',
  'emoji-cue',
  'emoji-cue-large',
  'emoji',
  'emoji-large',
  'emoji-large-noto',
  'emoji-large-high-contrast',
  'avatars-glasses',
  'fashion',
  'mnist',
] as const;
export type Task = (typeof TASKS)[number];
