/**
 * Drawn faces in CelebA's layout: smiling or not × blond or dark hair, in four DiceBear styles. These are not CelebA.
 */
import { createAvatar, type Style } from '@dicebear/core';
import { createRandom } from '../../../certify-runtime/smoothing/random.ts';
import { DATA_STREAMS, SEEDS } from '../../../certify-runtime/smoothing/streams.ts';
import type { Progress } from '../prepared/prepared.ts';
import { BACKGROUNDS, FACE_STYLES, MOUTH } from './face-styles.ts';
import { type FaceSet, faceFolder, partitionOf, pick, place } from './faces.ts';

/** Raise this when the pictures change, so that nobody keeps using the old ones. */
const EDITION = 3;

const HAIR = {
  Black_Hair: ['0e0e0e', '1c1614', '2c1b18'],
  Brown_Hair: ['4a312c', '562306', '724133'],
  Blond_Hair: ['e5d7a3', 'f4d150', 'ecdcbf', 'd6b370', 'ffeba4'],
} as const;

/** What varies within an identity. */
const VARIED = /^(mouth|hairColor)$|background/i;

/** The attributes are named and ordered as in CelebA. */
const AVATARS: FaceSet = {
  name: `avatars-${EDITION}`,
  columns: ['Black_Hair', 'Blond_Hair', 'Brown_Hair', 'Smiling'],
  draw: (number) => {
    const random = createRandom(SEEDS.drawing.avatars, DATA_STREAMS.avatars + number);
    const smiling = (number & 1) === 1;
    const blond = (number & 2) === 2;
    const style = FACE_STYLES[(number >> 2) % FACE_STYLES.length]!;
    const hair = blond ? 'Blond_Hair' : pick(['Black_Hair', 'Brown_Hair'] as const, random);
    const avatar = createAvatar(style.style as Style<Record<string, unknown>>, {
      ...style.options,
      seed: String(random.uint32()),
      mouth: [pick(smiling ? style.smiling : style.notSmiling, random)],
      hairColor: [pick(HAIR[hair], random)],
    });
    const { svg, extra } = avatar.toJson();
    const from = { point: style.face.mouth, width: style.face.width };
    return {
      svg: place(svg, from, MOUTH, pick(BACKGROUNDS, random), random),
      has: new Set([hair, ...(smiling ? ['Smiling'] : [])]),
      partition: partitionOf(style.name, extra, VARIED),
    };
  },
};

/**
 * The folder of these faces. The four kinds (smiling × blond) are equally frequent, and everything else is drawn
 * independently of them. A face's identity is everything that is drawn except mouth, hair colour, background and place.
 */
export function avatarFolder(cache: string, faces?: number, onProgress?: Progress): Promise<string> {
  return faceFolder(cache, AVATARS, faces, onProgress);
}
