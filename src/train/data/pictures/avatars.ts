/**
 * Drawn faces in CelebA's layout: smiling or not × blond or dark hair, in four DiceBear styles. These are not CelebA.
 */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAvatar, type Style } from '@dicebear/core';
import sharp from 'sharp';
import { createRandom, type Random, uniformInt } from '../../../certify-runtime/smoothing/random.ts';
import { DATA_STREAMS, SEEDS } from '../../../certify-runtime/smoothing/streams.ts';
import { inParallel } from '../prepared/parallel.ts';
import type { Progress } from '../prepared/prepared.ts';
import { ATTRIBUTES, IMAGES, PARTITION } from '../sets/celeba-lists.ts';
import { FACE_STYLES, type FaceStyle } from './face-styles.ts';
import { pictureFolder } from './folder.ts';

const FACES = 16_000;

/** Raise this when the pictures change, so that nobody keeps using the old ones. */
const EDITION = 3;

const WIDTH = 178;
const HEIGHT = 218;
/** The square in the middle that `celeba` crops. */
const SQUARE = 128;
/**
 * Where the mouth is in that square, whatever the style (CelebA is aligned by the eyes), and by how many pixels it may
 * be off.
 */
const MOUTH = [0.5, 0.75] as const;
const JITTER = 4;

const BACKGROUNDS = ['b6e3f4', 'c0aede', 'd1d4f9', 'ffd5dc', 'ffdfbf', 'c9e8ca', 'e6e2d8', 'a9bcd0'];
const HAIR = {
  Black_Hair: ['0e0e0e', '1c1614', '2c1b18'],
  Brown_Hair: ['4a312c', '562306', '724133'],
  Blond_Hair: ['e5d7a3', 'f4d150', 'ecdcbf', 'd6b370', 'ffeba4'],
} as const;
/** The attributes that are known of every face, named and ordered as in CelebA. */
const COLUMNS = ['Black_Hair', 'Blond_Hair', 'Brown_Hair', 'Smiling'] as const;

/** Partition 0 (training) for 75 % of the identities, 1 (validation) for 10 %, 2 (test) for 15 %. */
const VALIDATION_FROM = 0.75;
const TEST_FROM = 0.85;

const CHUNK = 256;
const IN_FLIGHT = 4;

interface Face {
  readonly svg: string;
  readonly has: ReadonlySet<string>;
  readonly partition: 0 | 1 | 2;
}

/**
 * A folder with `faces` faces, less the duplicates, which is made if it does not exist: `img_align_celeba/*.jpg`,
 * `list_attr_celeba.txt` with the four attributes that are known, and `list_eval_partition.txt`.
 *
 * The four kinds (smiling × blond) are equally frequent and everything else is drawn independently of them. A face's
 * identity is everything that is drawn except mouth, hair colour, background and place; its hash decides the partition,
 * so that no identity is in two of them. Pictures with the same bytes as an earlier one are left out.
 */
export async function avatarFolder(cache: string, faces = FACES, onProgress?: Progress): Promise<string> {
  return pictureFolder(cache, `avatars-${EDITION}-${faces}`, async (folder) => {
    await mkdir(join(folder, IMAGES));
    const attributes: string[] = [];
    const partitions: string[] = [];
    const seen = new Set<string>();
    for (let begin = 0; begin < faces; begin += CHUNK) {
      onProgress?.('drawing avatars', begin, faces);
      const drawn = Array.from({ length: Math.min(CHUNK, faces - begin) }, (_, i) => drawFace(begin + i));
      const pictures: Buffer[] = [];
      await inParallel(drawn.length, IN_FLIGHT, async (i) => {
        pictures[i] = await sharp(Buffer.from(drawn[i]!.svg))
          .jpeg({ quality: 92, chromaSubsampling: '4:4:4' })
          .toBuffer();
      });
      for (const [i, { has, partition }] of drawn.entries()) {
        const digest = createHash('sha256').update(pictures[i]!).digest('base64');
        if (seen.has(digest)) continue;
        seen.add(digest);
        const file = `${String(seen.size).padStart(6, '0')}.jpg`;
        await writeFile(join(folder, IMAGES, file), pictures[i]!);
        attributes.push(`${file} ${COLUMNS.map((name) => (has.has(name) ? ' 1' : '-1')).join(' ')}`);
        partitions.push(`${file} ${partition}`);
      }
    }
    onProgress?.('drawing avatars', faces, faces);
    const lines = [String(attributes.length), COLUMNS.join(' '), ...attributes];
    await writeFile(join(folder, ATTRIBUTES), `${lines.join('\n')}\n`);
    await writeFile(join(folder, PARTITION), `${partitions.join('\n')}\n`);
  });
}

function pick<T>(values: readonly T[], random: Random): T {
  return values[uniformInt(values.length, random)]!;
}

/** Face `number`: its style, kind and features follow from the number alone. */
function drawFace(number: number): Face {
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
  const jitter = () => uniformInt(2 * JITTER + 1, random) - JITTER;
  return {
    svg: place(svg, style, pick(BACKGROUNDS, random), jitter(), jitter()),
    has: new Set([hair, ...(smiling ? ['Smiling'] : [])]),
    partition: partitionOf(JSON.stringify([style.name, identityOf(extra)])),
  };
}

/** What DiceBear drew, without the features that vary within an identity. */
function identityOf(extra: Record<string, unknown>): [string, unknown][] {
  return Object.entries(extra)
    .filter(([name]) => !/^(mouth|hairColor)$|background/i.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function partitionOf(identity: string): 0 | 1 | 2 {
  const share = createHash('sha256').update(identity).digest().readUInt32BE(0) / 2 ** 32;
  return share < VALIDATION_FROM ? 0 : share < TEST_FROM ? 1 : 2;
}

/**
 * The drawing on a picture of CelebA's size, placed so that its mouth is at its position in the square that is cropped.
 */
function place(svg: string, style: FaceStyle, background: string, dx: number, dy: number): string {
  const scale = SQUARE / style.face.width;
  const x = (WIDTH - SQUARE) / 2 + MOUTH[0] * SQUARE - style.face.mouth[0] * scale + dx;
  const y = (HEIGHT - SQUARE) / 2 + MOUTH[1] * SQUARE - style.face.mouth[1] * scale + dy;
  const inner = svg.replace(/^<svg /, `<svg x="${x}" y="${y}" width="${scale}" height="${scale}" `);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}"><rect width="100%" height="100%" fill="#${background}"/>${inner}</svg>`;
}
