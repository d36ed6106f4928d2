/**
 * The DiceBear styles in which a smile (an open mouth; closed mouths do not count) and the hair colour can be chosen
 * and are visible at 32×32.
 */
import { avataaars, bigSmile, micah, personas } from '@dicebear/collection';
import type { Style } from '@dicebear/core';

export interface FaceStyle {
  readonly name: string;
  readonly style: Style<never>;
  readonly smiling: readonly string[];
  readonly notSmiling: readonly string[];
  /** The other fixed options: hair that shows its colour, and nothing that hides the mouth. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The middle of the mouth, and the width of the square that shows face and hair, as shares of the drawing. */
  readonly face: { readonly mouth: readonly [x: number, y: number]; readonly width: number };
}

/** Where the mouth is in the square that is cropped, whatever the style (CelebA is aligned by the eyes). */
export const MOUTH = [0.5, 0.75] as const;

/** `rrggbb`. */
export const BACKGROUNDS = ['b6e3f4', 'c0aede', 'd1d4f9', 'ffd5dc', 'ffdfbf', 'c9e8ca', 'e6e2d8', 'a9bcd0'];

export const FACE_STYLES: readonly FaceStyle[] = [
  {
    name: 'avataaars',
    style: avataaars,
    smiling: ['smile', 'tongue'],
    notSmiling: ['sad', 'serious', 'disbelief'],
    options: {
      style: ['default'],
      facialHairProbability: 0,
      accessoriesProbability: 20,
      // No hats, scarves or shaved heads.
      top: [
        ...['bob', 'bun', 'curly', 'curvy', 'dreads', 'frida', 'fro', 'froBand', 'longButNotTooLong', 'miaWallace'],
        ...[
          'straight01',
          'straight02',
          'straightAndStrand',
          'dreads01',
          'dreads02',
          'frizzle',
          'shaggy',
          'shaggyMullet',
        ],
        ...['shortCurly', 'shortFlat', 'shortRound', 'shortWaved', 'theCaesarAndSidePart', 'bigHair'],
      ],
    },
    face: { mouth: [0.497, 0.554], width: 0.54 },
  },
  {
    name: 'big-smile',
    style: bigSmile,
    smiling: ['openedSmile', 'gapSmile', 'teethSmile'],
    notSmiling: ['unimpressed'],
    options: {
      accessories: ['glasses', 'sunglasses', 'catEars'],
      accessoriesProbability: 30,
      hair: [
        ...['shortHair', 'mohawk', 'wavyBob', 'bowlCutHair', 'curlyBob', 'straightHair', 'braids', 'bunHair', 'froBun'],
        ...['bangs', 'halfShavedHead', 'curlyShortHair'],
      ],
    },
    face: { mouth: [0.651, 0.666], width: 0.84 },
  },
  {
    name: 'micah',
    style: micah,
    smiling: ['laughing'],
    notSmiling: ['sad', 'frown', 'pucker'],
    options: { facialHairProbability: 0, hair: ['fonze', 'dannyPhantom', 'full', 'pixie'], hairProbability: 100 },
    face: { mouth: [0.556, 0.583], width: 0.62 },
  },
  {
    name: 'personas',
    style: personas,
    smiling: ['bigSmile'],
    notSmiling: ['frown'],
    options: {
      facialHairProbability: 0,
      hair: [
        ...[
          'long',
          'sideShave',
          'shortCombover',
          'curlyHighTop',
          'bobCut',
          'curly',
          'pigtails',
          'curlyBun',
          'bobBangs',
        ],
        ...['bunUndercut', 'straightBun', 'extraLong', 'shortComboverChops', 'mohawk'],
      ],
    },
    face: { mouth: [0.498, 0.638], width: 0.54 },
  },
];
