/** Icons of npm `@iconify-json/*` as pictures in DomainNet's layout: a family is a domain, a subject is in one class. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import sharp from 'sharp';
import { InputError } from '../../../certify-runtime/trusted/errors.ts';
import { inParallel } from '../prepared/parallel.ts';
import type { Progress } from '../prepared/prepared.ts';

const SIDE = 96;
const MARGIN = 4;
const IN_FLIGHT = 4;

/** The part of an icon package that is used here. */
interface IconPackage {
  readonly icons: Readonly<
    Record<string, { readonly body: string; readonly width?: number; readonly height?: number }>
  >;
  readonly width?: number;
  readonly height?: number;
}

/** The inside of an SVG. */
interface Icon {
  readonly body: string;
  readonly width: number;
  readonly height: number;
}

/** A family's icons by plain name. */
export type Icons = ReadonlyMap<string, Icon>;

interface Family {
  /** The domain's name: npm `@iconify-json/<name>`. */
  readonly name: string;
  readonly icons: Icons;
  /** Whether its pictures are drawn without their colours. */
  readonly grey?: boolean;
}

export interface Subject {
  /** The icon's name, as noto has it. */
  readonly icon: string;
  /** The name of its files, without their ending. */
  readonly file: string;
  /** The index of its class. */
  readonly label: number;
  readonly part: 'train' | 'test';
}

/** `green-apple` and `greenapple` are one subject. */
function plainName(name: string): string {
  return name.replaceAll(/[^a-z0-9]/g, '');
}

/** The family's icon of a subject; if it draws the subject more than once (`apple-1`, `apple-2`), the first. */
export function iconOf(icons: Icons, subject: string): Icon | undefined {
  const name = plainName(subject);
  return icons.get(name) ?? icons.get(`${name}1`);
}

function packageFile(family: string, file: string): string {
  try {
    return createRequire(import.meta.url).resolve(`@iconify-json/${family}/${file}`);
  } catch (cause) {
    throw new InputError(`npm package '@iconify-json/${family}' is not installed: run \`make setup\``, {}, { cause });
  }
}

/** @throws InputError if the family's package is not installed */
export async function readIcons(family: string): Promise<Icons> {
  const set = JSON.parse(await readFile(packageFile(family, 'icons.json'), 'utf8')) as IconPackage;
  return new Map(
    Object.entries(set.icons).map(([name, { body, width, height }]) => [
      plainName(name),
      { body, width: width ?? set.width ?? 16, height: height ?? set.height ?? 16 },
    ]),
  );
}

/** The names of noto's icons by category; its categories are Unicode's. */
export async function readCategories(): Promise<Readonly<Record<string, readonly string[]>>> {
  const metadata = JSON.parse(await readFile(packageFile('noto', 'metadata.json'), 'utf8')) as {
    categories: Record<string, string[]>;
  };
  return metadata.categories;
}

/** A subject's place in an order that its name alone decides. */
export function orderOf(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}

/**
 * Draws `FAMILY/CLASS/FILE.jpg` into `folder`, and writes `FAMILY_train.txt` and `FAMILY_test.txt`. A picture with the
 * same bytes as an earlier one of the same family is left out.
 */
export async function drawIcons(
  folder: string,
  families: readonly Family[],
  subjects: readonly Subject[],
  classes: readonly string[],
  onProgress?: Progress,
): Promise<void> {
  for (const [f, { name: family, icons, grey = false }] of families.entries()) {
    onProgress?.('drawing emoji', f, families.length);
    const pictures: (Buffer | undefined)[] = [];
    await inParallel(subjects.length, IN_FLIGHT, async (i) => {
      const icon = iconOf(icons, subjects[i]!.icon);
      if (icon !== undefined) pictures[i] = await draw(icon, grey);
    });
    for (const name of classes) await mkdir(join(folder, family, name), { recursive: true });
    const lists: Record<Subject['part'], string[]> = { train: [], test: [] };
    const seen = new Set<string>();
    for (const [i, { file, label, part }] of subjects.entries()) {
      const picture = pictures[i];
      if (picture === undefined) continue;
      const digest = createHash('sha256').update(picture).digest('base64');
      if (seen.has(digest)) continue;
      seen.add(digest);
      const path = `${family}/${classes[label]}/${file}.jpg`;
      await writeFile(join(folder, path), picture);
      lists[part].push(`${path} ${label}`);
    }
    for (const part of ['train', 'test'] as const) {
      await writeFile(join(folder, `${family}_${part}.txt`), `${lists[part].join('\n')}\n`);
    }
  }
  onProgress?.('drawing emoji', families.length, families.length);
}

/** The icon on white; parts drawn in `currentColor` are black. */
async function draw({ body, width, height }: Icon, grey: boolean): Promise<Buffer> {
  const inner = SIDE - 2 * MARGIN;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${SIDE}" height="${SIDE}" color="#000"><rect width="100%" height="100%" fill="#fff"/><svg x="${MARGIN}" y="${MARGIN}" width="${inner}" height="${inner}" viewBox="0 0 ${width} ${height}">${body}</svg></svg>`;
  const picture = sharp(Buffer.from(svg));
  return (grey ? picture.greyscale() : picture).jpeg({ quality: 92, chromaSubsampling: '4:4:4' }).toBuffer();
}
