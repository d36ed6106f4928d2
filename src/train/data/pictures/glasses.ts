/**
 * Drawn faces in CelebA's layout: with glasses or without × a warm or a cold background, in four DiceBear styles that
 * `avatars` does not use. These are not CelebA.
 */
import { adventurer, lorelei, openPeeps, pixelArt } from '@dicebear/collection';
import { createAvatar, type Style } from '@dicebear/core';
import { createRandom } from '../../../certify-runtime/smoothing/random.ts';
import { DATA_STREAMS, SEEDS } from '../../../certify-runtime/smoothing/streams.ts';
import type { Progress } from '../prepared/prepared.ts';
import { type FaceSet, faceFolder, type Point, partitionOf, pick, place } from './faces.ts';

/** Raise this when the pictures change, so that nobody keeps using the old ones. */
const EDITION = 1;

/** Where the eyes are in the square that is cropped, whatever the style. */
const EYES: Point = [0.5, 0.45];

const WARM = ['ffd5dc', 'ffdfbf', 'f9d8a8', 'f6c6b3'];
const COLD = ['b6e3f4', 'd1d4f9', 'a9d3e6', 'bcd0ee'];

interface GlassesStyle {
  readonly name: string;
  readonly style: Style<never>;
  /** The option with the kinds of glasses, and those that are taken: every frame that is seen at 32×32. */
  readonly option: 'glasses' | 'accessories';
  readonly glasses: readonly string[];
  /** The other fixed options: nothing that hides the eyes. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The middle of the eyes, and the width of the square that shows face and hair, as shares of the drawing. */
  readonly face: { readonly point: Point; readonly width: number };
}

/** `variant01` … `variant<count>` without those at `left`. */
const variants = (prefix: string, count: number, left: readonly number[] = []) =>
  Array.from({ length: count }, (_, i) => i + 1)
    .filter((number) => !left.includes(number))
    .map((number) => `${prefix}${String(number).padStart(2, '0')}`);

const STYLES: readonly GlassesStyle[] = [
  {
    name: 'adventurer',
    style: adventurer,
    option: 'glasses',
    glasses: variants('variant', 5, [3]),
    // Long hair 20 and 26 hang over an eye.
    options: { hair: [...variants('short', 19), ...variants('long', 26, [20, 26])] },
    face: { point: [0.41, 0.551], width: 0.78 },
  },
  {
    name: 'lorelei',
    style: lorelei,
    option: 'glasses',
    glasses: variants('variant', 5),
    options: {},
    face: { point: [0.572, 0.483], width: 0.8 },
  },
  {
    name: 'open-peeps',
    style: openPeeps,
    option: 'accessories',
    glasses: ['glasses', 'glasses2', 'glasses3', 'glasses4', 'glasses5', 'sunglasses', 'sunglasses2'],
    options: { maskProbability: 0 },
    face: { point: [0.586, 0.519], width: 0.8 },
  },
  {
    name: 'pixel-art',
    style: pixelArt,
    option: 'glasses',
    glasses: [...variants('light', 7, [4]), ...variants('dark', 7, [4])],
    options: {},
    face: { point: [0.501, 0.41], width: 0.86 },
  },
];

/** What varies within an identity. */
const VARIED = /^(glasses|accessories)|background/i;

const GLASSES: FaceSet = {
  name: `avatars-glasses-${EDITION}`,
  columns: ['Eyeglasses', 'Warm_Background'],
  draw: (number) => {
    const random = createRandom(SEEDS.drawing.avatars, DATA_STREAMS.glasses + number);
    const wearing = (number & 1) === 1;
    const warm = (number & 2) === 2;
    const style = STYLES[(number >> 2) % STYLES.length]!;
    const avatar = createAvatar(style.style as Style<Record<string, unknown>>, {
      ...style.options,
      seed: String(random.uint32()),
      [style.option]: [pick(style.glasses, random)],
      [`${style.option}Probability`]: wearing ? 100 : 0,
    });
    const { svg, extra } = avatar.toJson();
    return {
      svg: place(svg, style.face, EYES, pick(warm ? WARM : COLD, random), random),
      has: new Set([...(wearing ? ['Eyeglasses'] : []), ...(warm ? ['Warm_Background'] : [])]),
      partition: partitionOf(style.name, extra, VARIED),
    };
  },
};

/**
 * The folder of these faces. The four kinds (glasses × background) are equally frequent, and everything else is drawn
 * independently of them. A face's identity is everything that is drawn except glasses, background and place.
 */
export function glassesFolder(cache: string, faces?: number, onProgress?: Progress): Promise<string> {
  return faceFolder(cache, GLASSES, faces, onProgress);
}
