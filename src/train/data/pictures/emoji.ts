/** Emoji in DomainNet's layout: the same subjects as drawn by eight families of icons. This is not DomainNet. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import sharp from 'sharp';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';
import { inParallel } from '../prepared/parallel.ts';
import type { Progress } from '../prepared/prepared.ts';
import { pictureFolder } from './folder.ts';

/** Raise this when the pictures change, so that nobody keeps using the old ones. */
const EDITION = 1;

/** The domains: npm `@iconify-json/<family>`. The last two are black on white. */
const FAMILIES = [
  'emojione',
  'fluent-emoji-flat',
  'fxemoji',
  'noto',
  'openmoji',
  'twemoji',
  'emojione-monotone',
  'fluent-emoji-high-contrast',
] as const;

/**
 * Which categories (noto's, which are Unicode's) make up which class. Flags are left out because few families have
 * them.
 */
const CLASSES: readonly { readonly name: string; readonly categories: readonly string[] }[] = [
  { name: 'animals', categories: ['Animals & Nature'] },
  { name: 'food', categories: ['Food & Drink'] },
  { name: 'objects', categories: ['Activities', 'Objects'] },
  { name: 'people', categories: ['People & Body'] },
  { name: 'smileys', categories: ['Smileys & Emotion'] },
  { name: 'symbols', categories: ['Symbols'] },
  { name: 'travel', categories: ['Travel & Places'] },
];

/** Plants and parts of animals, which Unicode counts among the animals. */
const NOT_ANIMALS = new Set(
  `bouquet cherry-blossom white-flower lotus rosette rose wilted-flower hibiscus sunflower blossom tulip hyacinth seedling
  potted-plant evergreen-tree deciduous-tree palm-tree cactus sheaf-of-rice herb shamrock four-leaf-clover maple-leaf
  fallen-leaf leaf-fluttering-in-wind empty-nest nest-with-eggs mushroom leafless-tree paw-prints feather spider-web
  spiral-shell coral wing`.split(/\s+/),
);

/** Subjects that differ from another one only in skin tone or sex; their pictures are often the same. */
const VARIANT = /skin-tone|^(man|men|woman|women|boy|girl)-|-(man|men|woman|women)-|couple-with|family|^kiss-|keycap/;

/** A subject is taken if at least this many families draw it. */
const LEAST_FAMILIES = 5;
/** The most subjects that a class has. */
const MOST_SUBJECTS = 240;
/** The share of each class's subjects that is in `_test.txt`. */
const TEST_SHARE = 0.4;

const SIDE = 96;
const MARGIN = 4;
const IN_FLIGHT = 4;

/** The part of an icon package that is used here. */
interface Icons {
  readonly icons: Readonly<
    Record<string, { readonly body: string; readonly width?: number; readonly height?: number }>
  >;
  readonly width?: number;
  readonly height?: number;
}

interface Subject {
  readonly name: string;
  readonly label: number;
  readonly part: 'train' | 'test';
}

/**
 * The folder `FAMILY/CLASS/SUBJECT.jpg` with at most `most` subjects per class, `FAMILY_train.txt` and
 * `FAMILY_test.txt`; it is made if it does not exist.
 *
 * A subject is in the training part of all families or in the test part of all, so a held-out family's test pictures
 * show subjects that were in no training picture; a hash of the subject's name decides which. A picture with the same
 * bytes as an earlier one of the same family is left out.
 */
export async function emojiFolder(cache: string, most = MOST_SUBJECTS, onProgress?: Progress): Promise<string> {
  return pictureFolder(cache, `emoji-${EDITION}-${most}`, async (folder) => {
    const families = await Promise.all(FAMILIES.map(async (name) => ({ name, icons: await readIcons(name) })));
    const subjects = chooseSubjects(
      families.map(({ icons }) => icons),
      await readCategories('noto'),
      most,
    );
    for (const [f, { name: family, icons }] of families.entries()) {
      onProgress?.('drawing emoji', f, FAMILIES.length);
      const pictures: (Buffer | undefined)[] = [];
      await inParallel(subjects.length, IN_FLIGHT, async (i) => {
        const icon = icons.get(plainName(subjects[i]!.name));
        if (icon !== undefined) pictures[i] = await draw(icon);
      });
      for (const { name } of CLASSES) await mkdir(join(folder, family, name), { recursive: true });
      const lists: Record<Subject['part'], string[]> = { train: [], test: [] };
      const seen = new Set<string>();
      for (const [i, { name, label, part }] of subjects.entries()) {
        const picture = pictures[i];
        if (picture === undefined) continue;
        const digest = createHash('sha256').update(picture).digest('base64');
        if (seen.has(digest)) continue;
        seen.add(digest);
        const path = `${family}/${CLASSES[label]!.name}/${name}.jpg`;
        await writeFile(join(folder, path), picture);
        lists[part].push(`${path} ${label}`);
      }
      for (const part of ['train', 'test'] as const) {
        await writeFile(join(folder, `${family}_${part}.txt`), `${lists[part].join('\n')}\n`);
      }
    }
    onProgress?.('drawing emoji', FAMILIES.length, FAMILIES.length);
  });
}

/** `green-apple` and `greenapple` are one subject. */
function plainName(name: string): string {
  return name.replaceAll(/[^a-z0-9]/g, '');
}

function packageFile(family: string, file: string): string {
  try {
    return createRequire(import.meta.url).resolve(`@iconify-json/${family}/${file}`);
  } catch (cause) {
    throw new InputError(`npm package '@iconify-json/${family}' is not installed: run \`make setup\``, {}, { cause });
  }
}

/** A family's icons by plain name, each as the inside of an SVG. */
async function readIcons(
  family: string,
): Promise<ReadonlyMap<string, { body: string; width: number; height: number }>> {
  const set = JSON.parse(await readFile(packageFile(family, 'icons.json'), 'utf8')) as Icons;
  return new Map(
    Object.entries(set.icons).map(([name, { body, width, height }]) => [
      plainName(name),
      { body, width: width ?? set.width ?? 16, height: height ?? set.height ?? 16 },
    ]),
  );
}

async function readCategories(family: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const metadata = JSON.parse(await readFile(packageFile(family, 'metadata.json'), 'utf8')) as {
    categories: Record<string, string[]>;
  };
  return metadata.categories;
}

function chooseSubjects(
  families: readonly ReadonlyMap<string, unknown>[],
  categories: Readonly<Record<string, readonly string[]>>,
  most: number,
): Subject[] {
  return CLASSES.flatMap((entry, label) => {
    const names = entry.categories
      .flatMap((category) => categories[category] ?? [])
      .filter((name) => !VARIANT.test(name) && !(entry.name === 'animals' && NOT_ANIMALS.has(name)))
      .filter((name) => families.filter((icons) => icons.has(plainName(name))).length >= LEAST_FAMILIES)
      .map((name) => ({ name, order: createHash('sha256').update(name).digest('hex') }))
      .sort((a, b) => (a.order < b.order ? -1 : 1))
      .slice(0, most);
    const tested = Math.round(TEST_SHARE * names.length);
    return names.map(({ name }, i): Subject => ({ name, label, part: i < tested ? 'test' : 'train' }));
  });
}

/** The icon on white; parts drawn in `currentColor` are black. */
async function draw({ body, width, height }: { body: string; width: number; height: number }): Promise<Buffer> {
  const inner = SIDE - 2 * MARGIN;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${SIDE}" height="${SIDE}" color="#000"><rect width="100%" height="100%" fill="#fff"/><svg x="${MARGIN}" y="${MARGIN}" width="${inner}" height="${inner}" viewBox="0 0 ${width} ${height}">${body}</svg></svg>`;
  return sharp(Buffer.from(svg)).jpeg({ quality: 92, chromaSubsampling: '4:4:4' }).toBuffer();
}
