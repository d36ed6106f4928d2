/** Drawn faces in CelebA's layout; what is drawn is up to the set of faces. These are not CelebA. */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { type Random, uniformInt } from '../../../certify-runtime/smoothing/random.ts';
import { inParallel } from '../prepared/parallel.ts';
import type { Progress } from '../prepared/prepared.ts';
import { ATTRIBUTES, IMAGES, PARTITION } from '../sets/celeba-lists.ts';
import { pictureFolder } from './folder.ts';

const FACES = 16_000;

const WIDTH = 178;
const HEIGHT = 218;
/** The square in the middle that `celeba` crops. */
const SQUARE = 128;
/** By how many pixels a face may be off its place. */
const JITTER = 4;

/** Partition 0 (training) for 75 % of the identities, 1 (validation) for 10 %, 2 (test) for 15 %. */
const VALIDATION_FROM = 0.75;
const TEST_FROM = 0.85;

const CHUNK = 256;
const IN_FLIGHT = 4;

interface Face {
  readonly svg: string;
  /** The attributes it has, of the set's columns. */
  readonly has: ReadonlySet<string>;
  readonly partition: 0 | 1 | 2;
}

export interface FaceSet {
  /** The folder's name without the number of faces; it changes when the pictures do. */
  readonly name: string;
  /** The attributes that are known of every face. */
  readonly columns: readonly string[];
  /** A face, which follows from its number alone. */
  readonly draw: (number: number) => Face;
}

/** A point and a width, as shares of the drawing or of the square that is cropped. */
export type Point = readonly [x: number, y: number];

/**
 * A folder with `faces` faces, less the duplicates, which is made if it does not exist: `img_align_celeba/*.jpg`,
 * `list_attr_celeba.txt` with the set's columns, and `list_eval_partition.txt`. Pictures with the same bytes as an
 * earlier one are left out.
 */
export async function faceFolder(
  cache: string,
  { name, columns, draw }: FaceSet,
  faces = FACES,
  onProgress?: Progress,
): Promise<string> {
  return pictureFolder(cache, `${name}-${faces}`, async (folder) => {
    await mkdir(join(folder, IMAGES));
    const attributes: string[] = [];
    const partitions: string[] = [];
    const seen = new Set<string>();
    for (let begin = 0; begin < faces; begin += CHUNK) {
      onProgress?.('drawing avatars', begin, faces);
      const drawn = Array.from({ length: Math.min(CHUNK, faces - begin) }, (_, i) => draw(begin + i));
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
        attributes.push(`${file} ${columns.map((column) => (has.has(column) ? ' 1' : '-1')).join(' ')}`);
        partitions.push(`${file} ${partition}`);
      }
    }
    onProgress?.('drawing avatars', faces, faces);
    const lines = [String(attributes.length), columns.join(' '), ...attributes];
    await writeFile(join(folder, ATTRIBUTES), `${lines.join('\n')}\n`);
    await writeFile(join(folder, PARTITION), `${partitions.join('\n')}\n`);
  });
}

export function pick<T>(values: readonly T[], random: Random): T {
  return values[uniformInt(values.length, random)]!;
}

/**
 * The partition of an identity: of the style and everything that DiceBear drew, without the features that vary within
 * an identity. Its hash decides, so that no identity is in two partitions.
 */
export function partitionOf(style: string, drawn: Record<string, unknown>, varied: RegExp): 0 | 1 | 2 {
  const features = Object.entries(drawn)
    .filter(([name]) => !varied.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const digest = createHash('sha256')
    .update(JSON.stringify([style, features]))
    .digest();
  const share = digest.readUInt32BE(0) / 2 ** 32;
  return share < VALIDATION_FROM ? 0 : share < TEST_FROM ? 1 : 2;
}

/**
 * The drawing on a picture of CelebA's size. `from.point` of the drawing comes to the point `to` of the square that is
 * cropped, a few pixels off, and `from.width` of the drawing fills the square.
 */
export function place(
  svg: string,
  from: { readonly point: Point; readonly width: number },
  to: Point,
  background: string,
  random: Random,
): string {
  const jitter = () => uniformInt(2 * JITTER + 1, random) - JITTER;
  const scale = SQUARE / from.width;
  const x = (WIDTH - SQUARE) / 2 + to[0] * SQUARE - from.point[0] * scale + jitter();
  const y = (HEIGHT - SQUARE) / 2 + to[1] * SQUARE - from.point[1] * scale + jitter();
  const inner = svg.replace(/^<svg /, `<svg x="${x}" y="${y}" width="${scale}" height="${scale}" `);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}"><rect width="100%" height="100%" fill="#${background}"/>${inner}</svg>`;
}
