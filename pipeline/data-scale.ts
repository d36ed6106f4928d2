/**
 * Shows whether large data sets fit: makes IMAGES files in CelebA's layout, opens them as `celeba`, trains a few steps,
 * and prints how long that took, the largest memory, and which share of a step was spent on reading images.
 *
 *     node --import tsx pipeline/data-scale.ts [IMAGES] [FOLDER]
 */
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { createRandom } from '../src/certify-runtime/smoothing/random.ts';
import { parseConfig } from '../src/train/config.ts';
import type { ImageSet } from '../src/train/data/dataset.ts';
import { openDataset } from '../src/train/data/registry.ts';

const [images = '200000', folder = join(tmpdir(), 'glean-data-scale')] = process.argv.slice(2);
const count = Number(images);
const WARM_UP = 5;
const STEPS = 40;
const IN_FLIGHT = 8;

const seconds = (since: number) => +((performance.now() - since) / 1000).toFixed(1);
/** The largest memory of the process so far. */
const largestMiB = () => Math.round(process.resourceUsage().maxRSS / 1024);

/** Writes blurred noise of CelebA's size, one file per image; both attributes are fair coins. */
async function generate(dir: string): Promise<void> {
  if (await stat(join(dir, 'list_eval_partition.txt')).catch(() => undefined)) return;
  await mkdir(join(dir, 'img_align_celeba'), { recursive: true });
  const name = (i: number) => `${String(i + 1).padStart(6, '0')}.jpg`;
  const one = async (i: number) => {
    const random = createRandom(1, i);
    const noise = Uint8Array.from({ length: 8 * 10 * 3 }, () => random.uint32() & 255);
    const file = await sharp(noise, { raw: { width: 8, height: 10, channels: 3 } })
      .resize(178, 218, { fit: 'fill' })
      .jpeg({ quality: 90 })
      .toBuffer();
    await writeFile(join(dir, 'img_align_celeba', name(i)), file);
  };
  for (let begin = 0; begin < count; begin += IN_FLIGHT) {
    await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, count - begin) }, (_, i) => one(begin + i)));
  }
  const random = createRandom(2);
  const coin = () => ((random.uint32() & 1) === 1 ? ' 1' : '-1');
  const rows = Array.from({ length: count }, (_, i) => `${name(i)} ${coin()} ${coin()}`);
  await writeFile(join(dir, 'list_attr_celeba.txt'), `${[count, 'Blond_Hair Smiling', ...rows].join('\n')}\n`);
  const parts = Array.from({ length: count }, (_, i) => `${name(i)} ${i % 10 === 8 ? 1 : i % 10 === 9 ? 2 : 0}`);
  await writeFile(join(dir, 'list_eval_partition.txt'), `${parts.join('\n')}\n`);
}

const dir = join(folder, `celeba-${count}`);
let since = performance.now();
await generate(dir);
const generating = seconds(since);

const config = {
  id: 'data-scale',
  title: 'Data at scale',
  data: { name: 'celeba', dir, side: 32, limit: count },
  network: { hidden: [128, 128, 128] },
  objective: {
    noise: 0.12,
    penalty: { kind: 'irm', weight: 10, before: 10, warmup: 0 },
    environments: { kind: 'given' },
  },
  optimizer: { steps: WARM_UP + STEPS, perEnvironment: 64, learningRate: 0.001 },
  augmentation: { shift: 2 },
  seed: 0,
};
const open = async () => openDataset(parseConfig(config, 'data-scale').data, { cache: join(folder, 'cache') });
since = performance.now();
const dataset = await open();
const opening = seconds(since);
const openedMiB = largestMiB();

// From here on, TensorFlow's own memory is added.
const { Trainer } = await import('../src/train/trainer.ts');
let reading = 0;
const timed = (set: ImageSet): ImageSet => ({
  ...set,
  read: (indices) => {
    const start = performance.now();
    const bytes = set.read(indices);
    reading += performance.now() - start;
    return bytes;
  },
});
const trainer = new Trainer(parseConfig(config, 'data-scale'), { ...dataset, train: dataset.train.map(timed) });
for (let step = 0; step < WARM_UP; step++) trainer.trainStep();
reading = 0;
since = performance.now();
for (let step = 0; step < STEPS; step++) trainer.trainStep();
const training = performance.now() - since;
trainer.dispose();

console.log(
  JSON.stringify(
    {
      images: count,
      trainingImages: dataset.train.reduce((sum, set) => sum + set.size, 0),
      generatingSeconds: generating,
      openingSeconds: opening,
      largestMiBAfterOpening: openedMiB,
      largestMiBAfterTraining: largestMiB(),
      stepMs: +(training / STEPS).toFixed(1),
      readingShareOfStep: +(reading / training).toFixed(4),
    },
    null,
    2,
  ),
);
