/**
 * More emoji in DomainNet's layout, of cleaner classes than emoji.ts has: living beings that show a face or a body, and
 * things that do not, in ten families.
 */
import type { Progress } from '../prepared/prepared.ts';
import { NOT_ANIMALS } from './emoji.ts';
import { pictureFolder } from './folder.ts';
import { drawIcons, iconOf, orderOf, readCategories, readIcons, type Subject } from './icons.ts';

/** The domains: npm `@iconify-json/<family>`. */
const IN_COLOUR = ['emojione', 'fluent-emoji-flat', 'fxemoji', 'noto', 'twemoji'] as const;
/** The first two are black on white as they come; the others can be drawn in grey. */
export const WITHOUT_COLOUR = [
  'emojione-monotone',
  'fluent-emoji-high-contrast',
  'noto-v1',
  'openmoji',
  'streamline-emojis',
] as const;

interface Class {
  readonly name: string;
  readonly categories: readonly string[];
  /** Which of the categories' subjects belong to the class; all by default. */
  readonly has?: (subject: string) => boolean;
}

/** Among smileys: faces, not hearts, speech balloons, skulls or robots. */
const FACE = /face|cat|monkey|alien|ogre|goblin|star-struck|head-shaking|rolling-on-the-floor|exploding-head/;

/** Among people: hands and other parts of a body, busts, families and couples of which each family has dozens. */
const NO_PERSON =
  /^(anatomical|backhand|biting|bone|brain|busts?|call-me|clapping|couple|crossed-fingers|ears?|eyes?|family|fingerprint|flexed|folded|foot|footprints|hairy|hand|handshake|heart|index|kiss|left|leftwards|leg|love-you|lungs|mechanical|middle|mouth|nail|nose|ok-hand|oncoming|open|palms?|pinched|pinching|raised|raising|right|rightwards|selfie|sign|speaking|thumbs|tongue|tooth|troll|victory|vulcan|waving|writing)(-|$)|^person-in-bed$/;

/** Among things: what shows a face, a body or an animal, and the 24 clocks. */
const NO_THING =
  /face|doll|teddy-bear|moai|statue|performing-arts|jack-o-lantern|carousel|pinata|flower-playing|joker|snowman|carp-streamer|fishing-pole|identification-card|mouse-trap|x-ray|oclock|thirty/;

const isThing = (subject: string) => !NO_THING.test(subject);

const CLASSES: readonly Class[] = [
  { name: 'animals', categories: ['Animals & Nature'], has: (name) => !NOT_ANIMALS.has(name) && name !== 'pig-nose' },
  { name: 'faces', categories: ['Smileys & Emotion'], has: (name) => FACE.test(name) },
  { name: 'food', categories: ['Food & Drink'], has: isThing },
  { name: 'objects', categories: ['Activities', 'Objects'], has: isThing },
  { name: 'people', categories: ['People & Body'], has: (name) => !NO_PERSON.test(name) },
  { name: 'travel', categories: ['Travel & Places'], has: isThing },
];

/** The classes of living beings. */
export const LIVING = ['animals', 'faces', 'people'] as const;

/** Pictures that differ from another one in skin tone only, or are its mirror image. */
const COPY = /skin-tone|-facing-right$/;

interface Edition {
  /** Its folder's name. Raise the number when the pictures change, so that nobody keeps using the old ones. */
  readonly folder: string;
  /** Whether the families of `WITHOUT_COLOUR` are drawn in grey. */
  readonly grey: boolean;
  /** The most subjects that a class has. */
  readonly most: number;
  /** The share of each class's subjects that is in `_test.txt`. */
  readonly testShare: number;
  /** Whether `_test.txt` has every variant of a subject, or one, so that a class of many variants is no larger. */
  readonly allTested: boolean;
}

const EDITIONS = {
  /** For a cue: colour or none. */
  cue: { folder: 'emoji-large-1', grey: true, most: Number.POSITIVE_INFINITY, testShare: 0.2, allTested: true },
  /** For a family that is held out: classes of about the same size. */
  families: { folder: 'emoji-large-families-1', grey: false, most: 170, testShare: 0.3, allTested: false },
} as const satisfies Record<string, Edition>;

/**
 * The folder `FAMILY/CLASS/SUBJECT.jpg` or `SUBJECT.VARIANT.jpg`, `FAMILY_train.txt` and `FAMILY_test.txt`; it is made
 * if it does not exist.
 *
 * A subject, with all its variants, is in the training part of all families or in the test part of all; a hash of its
 * name decides which.
 *
 * @param most the most subjects that a class has; by default what the edition says
 */
export async function largeEmojiFolder(
  cache: string,
  name: keyof typeof EDITIONS,
  most?: number,
  onProgress?: Progress,
): Promise<string> {
  const edition = { ...EDITIONS[name], ...(most === undefined ? {} : { most }) };
  const size = most === undefined ? '' : `-${most}`;
  return pictureFolder(cache, `${edition.folder}${size}`, async (folder) => {
    const families = await Promise.all([
      ...IN_COLOUR.map(async (name) => ({ name, icons: await readIcons(name) })),
      ...WITHOUT_COLOUR.map(async (name) => ({ name, icons: await readIcons(name), grey: edition.grey })),
    ]);
    const categories = await readCategories();
    const subjects = CLASSES.flatMap((entry, label) => chooseSubjects(entry, label, categories, edition)).filter(
      ({ icon }) => families.some(({ icons }) => iconOf(icons, icon) !== undefined),
    );
    const classes = CLASSES.map(({ name }) => name);
    await drawIcons(folder, families, subjects, classes, onProgress);
  });
}

/**
 * What an icon is a variant of: `man-cook` and `woman-cook` of `cook`, `cat-face` of `cat`. A variant whose subject has
 * no icon of its own belongs to a subject all the same: `person-biking` is one of `biking`.
 */
function subjectOfIcon(name: string): string {
  return name.replace(/^(man|men|woman|women|person|people)-/, '').replace(/-face$/, '');
}

function chooseSubjects(
  { categories, has = () => true }: Class,
  label: number,
  all: Readonly<Record<string, readonly string[]>>,
  { most, testShare, allTested }: Edition,
): Subject[] {
  const variants = new Map<string, string[]>();
  for (const icon of categories.flatMap((category) => all[category] ?? [])) {
    if (COPY.test(icon) || !has(icon)) continue;
    const subject = subjectOfIcon(icon);
    variants.set(subject, [...(variants.get(subject) ?? []), icon]);
  }
  const names = [...variants.keys()]
    .map((name) => ({ name, order: orderOf(name) }))
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .slice(0, most);
  const tested = Math.round(testShare * names.length);
  return names.flatMap(({ name }, i) => {
    const part = i < tested ? 'test' : 'train';
    const icons = part === 'train' || allTested ? variants.get(name)! : [mainVariant(name, variants.get(name)!)];
    return icons.map((icon): Subject => ({ icon, file: icon === name ? icon : `${name}.${icon}`, label, part }));
  });
}

/** The subject's own icon; if it has none, the person of no stated sex, and else its first. */
function mainVariant(subject: string, variants: readonly string[]): string {
  const own = variants.find((icon) => icon === subject);
  return own ?? variants.find((icon) => /^(person|people)-/.test(icon)) ?? variants[0]!;
}
