/** The problems of `glean paper`, in a file of their own because help texts need nothing more. */

/** The paper's problem, the substitutes for CelebA and DomainNet, and two of our own that serve as checks. */
export const TASKS = ['cmnist', 'avatars', 'emoji-cue', 'emoji', 'fashion', 'mnist'] as const;
export type Task = (typeof TASKS)[number];
