/** Prepares COUNT links to one image, reads all of them in batches, and prints how much memory that took at most. */
import { linkSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { hashImageSets } from '../../../src/train/data/dataset.ts';
import { preparedSet, prepareImages } from '../../../src/train/data/prepared/prepared.ts';
import { writePlain } from '../../train/data/readers/image-files.ts';

const [folder, cache, count, side] = process.argv.slice(2) as [string, string, string, string];
const many = join(folder, 'many');
mkdirSync(many, { recursive: true });
const paths = Array.from({ length: Number(count) }, (_, i) => `${i}.jpg`);
await writePlain(join(many, 'original.jpg'), [10, 20, 30]);
for (const path of paths) linkSync(join(many, 'original.jpg'), join(many, path));

const before = process.resourceUsage().maxRSS * 1024;
const prepared = await prepareImages(paths, { name: 'many', folder: many, cache, side: Number(side) });
const indices = Uint32Array.from(paths.keys());
const zeros = new Uint8Array(paths.length);
const set = preparedSet(prepared, { name: 'many', indices, labels: zeros, attribute: zeros });
hashImageSets([set]);
const grownBytes = process.resourceUsage().maxRSS * 1024 - before;
console.log(JSON.stringify({ bytes: paths.length * Number(side) ** 2 * 3, grownBytes }));
