/** The problems of `glean paper`, by themselves: help texts need no more. */

/** The problems: what the paper has, in the place of CelebA and DomainNet, and two of our own to check things by. */
export const TASKS = ['cmnist', 'avatars', 'emoji-cue', 'emoji', 'fashion', 'mnist'] as const;
export type Task = (typeof TASKS)[number];
