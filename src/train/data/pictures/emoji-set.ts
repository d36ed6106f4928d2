/**
 * The data sets of drawn icons: their styles as domains, and living beings against the style, in few icons and in many.
 */
import type { DomainDataset } from '../dataset.ts';
import type { DatasetRequest } from '../options.ts';
import { type DomainNetIdentity, loadDomainNet } from '../sets/domainnet.ts';
import { loadStyleCue, type StyleCueIdentity } from '../sets/style-cue.ts';
import { emojiFolder } from './emoji.ts';
import { LIVING, largeEmojiFolder, WITHOUT_COLOUR } from './emoji-large.ts';
import { DRAWN_SIDE } from './side.ts';

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

const LARGE = {
  licence: `${EMOJI.licence}, CC BY 4.0 (Streamline)`,
  source: 'ten npm packages @iconify-json/*, all subjects of each',
};

const EMOJI_LARGE: DomainNetIdentity = {
  ...LARGE,
  name: 'emoji-large',
  title: 'Emoji (icons, not DomainNet), more families and cleaner classes',
  source: 'ten npm packages @iconify-json/*, up to 170 subjects of each class',
  heldOut: EMOJI.heldOut,
};

const EMOJI_CUE_LARGE: StyleCueIdentity = {
  ...LARGE,
  name: 'emoji-cue-large',
  title: 'Emoji (icons, not DomainNet), living beings against pictures without colour',
  kinds: ['thing', 'living'],
  positive: LIVING,
  cue: WITHOUT_COLOUR,
  limit: 2000,
};

/** Draws the icons if they are not yet in the cache. */
async function drawn(request: DatasetRequest) {
  const dir = await emojiFolder(request.cache, undefined, request.onProgress);
  return { side: DRAWN_SIDE, ...request, dir };
}

export async function openEmoji(request: DatasetRequest): Promise<DomainDataset> {
  return loadDomainNet(await drawn(request), EMOJI);
}

/** More families, cleaner classes of about the same size; a family is held out. */
export async function openLargeEmoji(request: DatasetRequest): Promise<DomainDataset> {
  const dir = await largeEmojiFolder(request.cache, 'families', undefined, request.onProgress);
  return loadDomainNet({ side: DRAWN_SIDE, ...request, dir }, EMOJI_LARGE);
}

/** `blind` is the oracle, in which the style tells nothing. */
export async function openEmojiCue(request: DatasetRequest, blind: boolean): Promise<DomainDataset> {
  return loadStyleCue({ ...(await drawn(request)), blind }, EMOJI_CUE);
}

/** The same task on more icons of cleaner classes; the cue is whether a picture has colours. */
export async function openLargeEmojiCue(request: DatasetRequest, blind: boolean): Promise<DomainDataset> {
  const dir = await largeEmojiFolder(request.cache, 'cue', undefined, request.onProgress);
  return loadStyleCue({ side: DRAWN_SIDE, ...request, dir, blind }, EMOJI_CUE_LARGE);
}
