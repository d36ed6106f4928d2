/** Emoji in DomainNet's layout: the same subjects as drawn by eight families of icons. This is not DomainNet. */
import type { Progress } from '../prepared/prepared.ts';
import { pictureFolder } from './folder.ts';
import { drawIcons, type Icons, iconOf, orderOf, readCategories, readIcons, type Subject } from './icons.ts';

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

/** Which categories make up which class. Flags are left out because few families have them. */
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
export const NOT_ANIMALS: ReadonlySet<string> = new Set(
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

/**
 * The folder `FAMILY/CLASS/SUBJECT.jpg` with at most `most` subjects per class, `FAMILY_train.txt` and
 * `FAMILY_test.txt`; it is made if it does not exist.
 *
 * A subject is in the training part of all families or in the test part of all, so a held-out family's test pictures
 * show subjects that were in no training picture; a hash of the subject's name decides which.
 */
export async function emojiFolder(cache: string, most = MOST_SUBJECTS, onProgress?: Progress): Promise<string> {
  return pictureFolder(cache, `emoji-${EDITION}-${most}`, async (folder) => {
    const families = await Promise.all(FAMILIES.map(async (name) => ({ name, icons: await readIcons(name) })));
    const subjects = chooseSubjects(
      families.map(({ icons }) => icons),
      await readCategories(),
      most,
    );
    const classes = CLASSES.map(({ name }) => name);
    await drawIcons(folder, families, subjects, classes, onProgress);
  });
}

function chooseSubjects(
  families: readonly Icons[],
  categories: Readonly<Record<string, readonly string[]>>,
  most: number,
): Subject[] {
  return CLASSES.flatMap((entry, label) => {
    const names = entry.categories
      .flatMap((category) => categories[category] ?? [])
      .filter((name) => !VARIANT.test(name) && !(entry.name === 'animals' && NOT_ANIMALS.has(name)))
      .filter((name) => families.filter((icons) => iconOf(icons, name) !== undefined).length >= LEAST_FAMILIES)
      .map((name) => ({ name, order: orderOf(name) }))
      .sort((a, b) => (a.order < b.order ? -1 : 1))
      .slice(0, most);
    const tested = Math.round(TEST_SHARE * names.length);
    return names.map(
      ({ name }, i): Subject => ({ icon: name, file: name, label, part: i < tested ? 'test' : 'train' }),
    );
  });
}
