/** The data set of drawn faces: label = smiling, spurious attribute = colour of the hair, as in CelebA. */
import type { DomainDataset } from '../dataset.ts';
import type { DatasetRequest } from '../options.ts';
import { type CelebaIdentity, loadCeleba } from '../sets/celeba.ts';
import { avatarFolder } from './avatars.ts';
import { DRAWN_SIDE } from './side.ts';

const AVATARS: CelebaIdentity = {
  name: 'avatars',
  title: 'Avatars (drawn faces, not CelebA), smiling against hair colour',
  licence:
    'CC BY 4.0 (Micah Lanier; Draftbit; Ashley Seo) and free for personal and commercial use (Avataaars: Pablo Stanley), drawn by DiceBear (MIT)',
  source: 'npm @dicebear/collection 9.4.3: avataaars, big-smile, micah, personas',
};

/** Draws the faces if they are not yet in the cache; `blind` is the oracle, in which the hair tells nothing. */
export async function openAvatars({ faces, ...request }: DatasetRequest, blind: boolean): Promise<DomainDataset> {
  const dir = await avatarFolder(request.cache, faces, request.onProgress);
  return loadCeleba({ side: DRAWN_SIDE, ...request, dir, blind }, AVATARS);
}
