/**
 * The data sets of drawn faces: smiling against the colour of the hair, as in CelebA, and glasses against the colour of
 * the background.
 */
import type { DomainDataset } from '../dataset.ts';
import type { DatasetRequest } from '../options.ts';
import { type CelebaIdentity, loadCeleba, SMILING } from '../sets/celeba.ts';
import { avatarFolder } from './avatars.ts';
import { glassesFolder } from './glasses.ts';
import { DRAWN_SIDE } from './side.ts';

const AVATARS: CelebaIdentity = {
  name: 'avatars',
  title: 'Avatars (drawn faces, not CelebA), smiling against hair colour',
  licence:
    'CC BY 4.0 (Micah Lanier; Draftbit; Ashley Seo) and free for personal and commercial use (Avataaars: Pablo Stanley), drawn by DiceBear (MIT)',
  source: 'npm @dicebear/collection 9.4.3: avataaars, big-smile, micah, personas',
  task: SMILING,
};

const GLASSES: CelebaIdentity = {
  name: 'avatars-glasses',
  title: 'Avatars (drawn faces, not CelebA), glasses against the background',
  licence:
    'CC BY 4.0 (Adventurer: Lisa Wischofsky) and CC0 1.0 (Lorelei: Lisa Wischofsky; Open Peeps: Pablo Stanley; Pixel Art: DiceBear), drawn by DiceBear (MIT)',
  source: 'npm @dicebear/collection 9.4.3: adventurer, lorelei, open-peeps, pixel-art',
  task: {
    label: 'Eyeglasses',
    classes: ['no glasses', 'glasses'],
    cue: 'Warm_Background',
    cueName: 'background',
    names: { labels: ['no glasses', 'glasses'], attribute: ['a warm background', 'a cold background'] },
  },
};

/** Draws the faces if they are not yet in the cache; `blind` is the oracle, in which the hair tells nothing. */
export async function openAvatars({ faces, ...request }: DatasetRequest, blind: boolean): Promise<DomainDataset> {
  const dir = await avatarFolder(request.cache, faces, request.onProgress);
  return loadCeleba({ side: DRAWN_SIDE, ...request, dir, blind }, AVATARS);
}

/** The same, with glasses against the background; `blind` is the oracle, in which the background tells nothing. */
export async function openGlasses({ faces, ...request }: DatasetRequest, blind: boolean): Promise<DomainDataset> {
  const dir = await glassesFolder(request.cache, faces, request.onProgress);
  return loadCeleba({ side: DRAWN_SIDE, ...request, dir, blind }, GLASSES);
}
