/** `glean data NAME`: what a data set holds, and a picture of it. */
import type { CommandModule } from 'yargs';
import { writeContactSheet } from '../train/data/contact-sheet.ts';
import type { ImageSet } from '../train/data/dataset.ts';
import { DATASET_NAMES, openDataset } from '../train/data/registry.ts';

interface DataArguments {
  name: string;
  preview: string | undefined;
  dataDir: string | undefined;
  json: boolean;
}

function describe(split: string, set: ImageSet): Record<string, unknown> {
  const agreeing = set.attribute.reduce((count, cue, i) => count + (cue === set.labels[i] ? 1 : 0), 0);
  return { split, domain: set.name, images: set.size, cueAgrees: agreeing / set.size };
}

export const dataCommand: CommandModule<object, DataArguments> = {
  command: 'data <name>',
  describe: 'show what a data set holds',
  builder: (y) =>
    y
      .positional('name', { type: 'string', demandOption: true, describe: `one of ${DATASET_NAMES.join(', ')}` })
      .option('preview', { type: 'string', describe: 'write a contact sheet of each domain to this PNG file' })
      .option('data-dir', { type: 'string', describe: 'folder of IDX files, instead of the built-in digits' })
      .option('json', { type: 'boolean', default: false, describe: 'print the answer as JSON' }) as never,
  handler: async ({ name, preview, dataDir, json }) => {
    const dataset = await openDataset(name, dataDir === undefined ? {} : { dir: dataDir });
    const rows = [
      ...dataset.train.map((set) => describe('train', set)),
      ...dataset.validation.map((set) => describe('validation', set)),
      describe('test', dataset.test),
    ];
    if (preview !== undefined) await writeContactSheet(dataset, preview);
    if (json) {
      const { title, classes, shape, sha256, licence, source } = dataset;
      console.log(JSON.stringify({ name, title, classes, shape, sha256, licence, source, splits: rows }, null, 2));
      return;
    }
    console.log(`${dataset.title}: ${dataset.source}\nlicence ${dataset.licence}, sha256 ${dataset.sha256}`);
    for (const { split, domain, images, cueAgrees } of rows) {
      console.log(
        `  ${String(split).padEnd(10)} ${String(domain).padEnd(10)} ${String(images).padStart(6)} images, cue agrees with label in ${(100 * Number(cueAgrees)).toFixed(1)} %`,
      );
    }
    if (preview !== undefined) console.log(`contact sheet: ${preview}`);
  },
};
