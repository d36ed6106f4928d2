/** The work of `glean data`: opens the data set and reports what it holds. */

import { openData } from '../../evaluate/open-data.ts';
import { cueAgreement, type DomainDataset, type ImageSet } from '../../train/data/dataset.ts';
import { writeContactSheet } from '../../train/data/pictures/contact-sheet.ts';
import type { DataCommandArguments } from '../commands/data.ts';

interface Row {
  readonly split: string;
  readonly domain: string;
  readonly images: number;
  /** The number of images of each label. */
  readonly classCounts: readonly number[];
  /** The share of images whose attribute equals the label; absent if the data set has no cue. */
  readonly cueAgrees?: number;
}

function describe(dataset: DomainDataset, split: string, set: ImageSet): Row {
  const classCounts = dataset.classes.map(() => 0);
  for (const label of set.labels) classCounts[label]!++;
  const agreement = dataset.cue === undefined ? {} : { cueAgrees: cueAgreement(set) };
  return { split, domain: set.name, images: set.size, classCounts, ...agreement };
}

/** @throws InputError if the data set cannot be opened */
export async function runData({ name, preview, json, ...place }: DataCommandArguments): Promise<void> {
  const dataset = await openData(name, place);
  const rows = [
    ...dataset.train.map((set) => describe(dataset, 'train', set)),
    ...dataset.validation.map((set) => describe(dataset, 'validation', set)),
    describe(dataset, 'test', dataset.test),
  ];
  if (preview !== undefined) await writeContactSheet(dataset, preview);
  if (json) {
    const { name, title, classes, shape, sha256, licence, source, skipped = {} } = dataset;
    const answer = { name, title, classes, shape, sha256, licence, source, skipped, splits: rows };
    console.log(JSON.stringify(answer, null, 2));
    return;
  }
  print(dataset, rows);
  if (preview !== undefined) console.log(`contact sheet: ${preview}`);
}

/** The most classes that a line lists. If there are more, only the smallest and the largest count are shown. */
const CLASSES_LISTED = 12;

function print(dataset: DomainDataset, rows: readonly Row[]): void {
  const { title, source, licence, sha256, classes, shape, skipped = {} } = dataset;
  console.log(`${title}: ${source}\nlicence ${licence}, sha256 ${sha256}`);
  console.log(
    `${shape.join('×')}, ${classes.length} classes${classes.length <= CLASSES_LISTED ? `: ${classes.join(', ')}` : ''}`,
  );
  const width = Math.max(...rows.map(({ domain }) => domain.length));
  for (const { split, domain, images, classCounts, cueAgrees } of rows) {
    const counts =
      classes.length <= CLASSES_LISTED
        ? `by class ${classCounts.join(', ')}`
        : `by class ${Math.min(...classCounts)} to ${Math.max(...classCounts)}`;
    const cue =
      cueAgrees === undefined ? '' : `; ${dataset.cue} agrees with label in ${(100 * cueAgrees).toFixed(1)} %`;
    console.log(`  ${split.padEnd(10)} ${domain.padEnd(width)} ${String(images).padStart(6)} images, ${counts}${cue}`);
  }
  for (const [reason, count] of Object.entries(skipped)) console.log(`  skipped    ${count} ${reason}`);
}
