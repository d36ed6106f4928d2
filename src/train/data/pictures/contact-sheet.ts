/**
 * A contact sheet of a data set: one block per domain, rows per class, and the measured agreement of the cue with the
 * label.
 */
import sharp from 'sharp';
import { writeFileAtomic } from '../../../files/atomic-file.ts';
import { cueAgreement, type DomainDataset, type ImageSet } from '../dataset.ts';
import { useTemporaryFontCache } from './fonts.ts';

const COLUMNS = 16;
const ROWS_PER_CLASS = 2;
/** If there are more classes, only the first are shown. */
const CLASSES_SHOWN = 12;
const SCALE = 2;
const GAP = 3;
/** The gap between the rows of one class and those of the next. */
const CLASS_GAP = 10;
const MARGIN = 24;
const HEADER = 64;
const BLOCK_TITLE = 44;
const ROW_LABEL = 104;
const PAPER = 250;
const FONT = 'DejaVu Sans, Liberation Sans, Helvetica, Arial, sans-serif';

/** Writes the sheet as a PNG, atomically. */
export async function writeContactSheet(dataset: DomainDataset, file: string): Promise<void> {
  await writeFileAtomic(file, await drawContactSheet(dataset));
}

/** The sheet's size in pixels. */
export function contactSheetSize(dataset: DomainDataset): { width: number; height: number } {
  const [tileHeight, tileWidth] = tileSize(dataset);
  const blocks = dataset.train.length + 1;
  return {
    width: 2 * MARGIN + ROW_LABEL + COLUMNS * (tileWidth + GAP) - GAP,
    height: HEADER + blocks * blockHeight(dataset, tileHeight) + MARGIN,
  };
}

/**
 * The sheet as a PNG: the first 16·2 images of each class in every training domain and in the test domain, drawn at
 * twice their size with nearest neighbour. Titles are SVG text: a machine without fonts shows boxes.
 */
async function drawContactSheet(dataset: DomainDataset): Promise<Buffer> {
  await useTemporaryFontCache();
  const { width, height } = contactSheetSize(dataset);
  const [tileHeight, tileWidth] = tileSize(dataset);
  const page = new Uint8Array(width * height * 3).fill(PAPER);
  const text = [
    svgText(MARGIN, 36, 20, '#111', dataset.title, 'bold'),
    svgText(MARGIN, 56, 12, '#666', dataset.source),
  ];
  for (const [i, set] of [...dataset.train, dataset.test].entries()) {
    const top = HEADER + i * blockHeight(dataset, tileHeight);
    const role = set === dataset.test ? 'test domain' : 'training domain';
    text.push(svgText(MARGIN, top + 30, 15, '#111', set.name, 'bold'));
    text.push(
      svgText(afterName(set.name), top + 30, 13, '#333', `${role}, ${set.size} images${agreement(dataset, set)}`),
    );
    for (const [label, name] of dataset.classes.slice(0, CLASSES_SHOWN).entries()) {
      const first = top + BLOCK_TITLE + label * classHeight(tileHeight);
      const middle = first + (classHeight(tileHeight) - CLASS_GAP) / 2 + 4;
      text.push(svgText(MARGIN, middle - 9, 11, '#888', 'labelled'), svgText(MARGIN, middle + 7, 13, '#333', name));
      for (const [place, image] of firstOfClass(set, label).entries()) {
        const x = MARGIN + ROW_LABEL + (place % COLUMNS) * (tileWidth + GAP);
        const y = first + Math.floor(place / COLUMNS) * (tileHeight + GAP);
        drawTile(page, width, x, y, set.shape, set.read([image]));
      }
    }
  }
  const overlay = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${text.join('')}</svg>`;
  return sharp(page, { raw: { width, height, channels: 3 } })
    .composite([{ input: Buffer.from(overlay), left: 0, top: 0 }])
    .png()
    .toBuffer();
}

/**
 * Where a line continues after a domain's name in bold: at the first column of tiles, or further right after a long
 * name.
 */
function afterName(name: string): number {
  return MARGIN + Math.max(ROW_LABEL, 10 * name.length + 12);
}

/** The agreement computed from the set itself, not the one it was asked to have. */
function agreement({ cue }: DomainDataset, set: ImageSet): string {
  return cue === undefined ? '' : `; ${cue} agrees with the label for ${(100 * cueAgreement(set)).toFixed(1)} %`;
}

function tileSize(dataset: DomainDataset): [height: number, width: number] {
  return [dataset.shape[0] * SCALE, dataset.shape[1] * SCALE];
}

function classHeight(tileHeight: number): number {
  return ROWS_PER_CLASS * (tileHeight + GAP) - GAP + CLASS_GAP;
}

function blockHeight(dataset: DomainDataset, tileHeight: number): number {
  return BLOCK_TITLE + Math.min(CLASSES_SHOWN, dataset.classes.length) * classHeight(tileHeight);
}

function firstOfClass(set: ImageSet, label: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < set.size && found.length < COLUMNS * ROWS_PER_CLASS; i++) {
    if (set.labels[i] === label) found.push(i);
  }
  return found;
}

function drawTile(
  page: Uint8Array,
  pageWidth: number,
  left: number,
  top: number,
  [height, width, channels]: ImageSet['shape'],
  image: Uint8Array,
): void {
  for (let y = 0; y < height * SCALE; y++) {
    for (let x = 0; x < width * SCALE; x++) {
      const from = (Math.floor(y / SCALE) * width + Math.floor(x / SCALE)) * channels;
      const to = ((top + y) * pageWidth + left + x) * 3;
      for (let c = 0; c < 3; c++) page[to + c] = image[from + (channels === 3 ? c : 0)]!;
    }
  }
}

function svgText(x: number, y: number, size: number, fill: string, content: string, weight = 'normal'): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x}" y="${y}" font-family="${FONT}" font-size="${size}" font-weight="${weight}" fill="${fill}">${escaped}</text>`;
}
