/** DomainNet's layout: the held-out domain is only tested on, classes are relabelled, the style can be the cue; wrong lists are named. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { InputError } from '../../../../src/certify-runtime/trusted/errors.ts';
import { type ImageSet, readAll } from '../../../../src/train/data/dataset.ts';
import { loadDomainNet } from '../../../../src/train/data/sets/domainnet.ts';
import { loadStyleCue } from '../../../../src/train/data/sets/style-cue.ts';
import { colourOf, numberOf, writePlain } from '../readers/image-files.ts';

const DOMAINS = ['clipart', 'quickdraw', 'sketch'] as const;
const CLASSES = ['anvil', 'bear', 'cat', 'drums'] as const;
/** Of each class in each domain, the first 88 are for training. */
const EACH = 108;
const TRAINED = 88;

/** Image number of a domain's class: its colour tells all three. */
const numberAt = (d: number, label: number, i: number) => (d * CLASSES.length + label) * EACH + i;

let folder: string;
let cache: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'glean-domainnet-'));
  cache = await mkdtemp(join(tmpdir(), 'glean-cache-'));
  for (const [d, domain] of DOMAINS.entries()) {
    const lists: Record<'train' | 'test', string[]> = { train: [], test: [] };
    for (const [label, name] of CLASSES.entries()) {
      for (let i = 0; i < EACH; i++) {
        const path = `${domain}/${name}/${domain}_${label}_${i}.jpg`;
        await writePlain(join(folder, path), colourOf(numberAt(d, label, i)));
        lists[i < TRAINED ? 'train' : 'test'].push(`${path} ${label}`);
      }
    }
    for (const part of ['train', 'test'] as const) {
      await writeFile(join(folder, `${domain}_${part}.txt`), `${lists[part].join('\n')}\n`);
    }
  }
});
after(() => Promise.all([folder, cache].map((path) => rm(path, { recursive: true }))));

/** What each image of a set is, read from its pixels. */
function contents(set: ImageSet) {
  const pixels = readAll(set);
  return Array.from({ length: set.size }, (_, n) => {
    const number = numberOf(pixels.subarray(n * 192, n * 192 + 3));
    const [rest, i] = [Math.floor(number / EACH), number % EACH];
    const [d, label] = [Math.floor(rest / CLASSES.length), rest % CLASSES.length];
    return {
      domain: DOMAINS[d]!,
      class: CLASSES[label]!,
      part: i < TRAINED ? 'train' : 'test',
      label: set.labels[n]!,
      cue: set.attribute[n],
    };
  });
}

const refused = (promise: Promise<unknown>, expected: RegExp) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof InputError);
    assert.match(error.message, expected);
    return true;
  });

test('training, validation and test are the lists they should be, each image its own', async () => {
  for (const heldOut of [undefined, 'clipart'] as const) {
    const held = heldOut ?? 'sketch';
    const dataset = await loadDomainNet({ dir: folder, cache, side: 8, ...(heldOut === undefined ? {} : { heldOut }) });
    assert.deepEqual(dataset.classes, CLASSES);
    const others = DOMAINS.filter((domain) => domain !== held);
    assert.deepEqual(
      dataset.train.map((set) => set.name),
      others,
    );
    assert.deepEqual(
      dataset.validation.map((set) => set.name),
      others,
    );
    assert.equal(dataset.test.name, held);
    for (const [sets, part, each] of [
      [dataset.train, 'train', TRAINED],
      [dataset.validation, 'test', EACH - TRAINED],
      [[dataset.test], 'test', EACH - TRAINED],
    ] as const) {
      for (const set of sets) {
        const images = contents(set);
        assert.equal(images.length, each * CLASSES.length);
        for (const image of images) {
          assert.deepEqual([image.domain, image.part, CLASSES[image.label]], [set.name, part, image.class]);
        }
        assert.equal(new Set(set.source).size, set.size);
        // In random order: the lists are sorted by class.
        assert.ok(images.slice(0, 20).some((image) => image.class !== images[0]!.class));
      }
    }
  }
});

test('some classes, in the order asked for, and at most so many images', async () => {
  const dataset = await loadDomainNet({ dir: folder, cache, side: 8, classes: ['cat', 'anvil'], limit: 30 });
  assert.deepEqual(dataset.classes, ['cat', 'anvil']);
  assert.deepEqual(
    dataset.train.map((set) => set.size),
    [30, 30],
  );
  for (const set of [...dataset.train, dataset.test]) {
    for (const image of contents(set)) assert.equal(dataset.classes[image.label], image.class);
  }
});

test('the style as cue: label 1 is an animal, attribute 1 the style, both as the pixels say', async () => {
  const dataset = await loadStyleCue({ dir: folder, cache, side: 8, labelNoise: 0 });
  assert.deepEqual([dataset.name, dataset.classes, dataset.cue], ['domainnet-cue', ['no animal', 'animal'], 'style']);
  for (const set of [...dataset.train, ...dataset.validation, dataset.test]) {
    for (const image of contents(set)) {
      assert.equal(image.label, image.class === 'bear' || image.class === 'cat' ? 1 : 0);
      assert.equal(image.cue, image.domain === 'clipart' ? 1 : 0);
      assert.equal(image.part, set === dataset.test ? 'test' : 'train');
    }
  }
  const sources = [...dataset.train, ...dataset.validation, dataset.test].flatMap((set) => [...set.source]);
  assert.equal(new Set(sources).size, sources.length);
  for (const cue of [['oil'], [...DOMAINS]]) {
    await refused(loadStyleCue({ dir: folder, cache, side: 8, cue }), /expected some but not all of them as cue/);
  }
});

test('an unknown domain or class, and a folder that is none, are named', async () => {
  const load = (more: object) => loadDomainNet({ dir: folder, cache, side: 8, ...more });
  await refused(load({ heldOut: 'oil' }), /found the domains clipart, quickdraw, sketch, expected oil \(heldOut\)/);
  await refused(load({ classes: ['cat', 'dog'] }), /found no class dog, expected some of anvil, bear, cat, drums/);
  await refused(load({ classes: ['cat'] }), /expected at least two different ones/);
  await refused(load({ dir: '/nonexistent' }), /\/nonexistent: found no such folder/);
  await refused(load({ dir: join(folder, 'clipart') }), /found 0 files \*_train\.txt/);
});

test('wrong lists are named with line, found and expected', async () => {
  const file = join(folder, 'quickdraw_train.txt');
  const text = await readFile(file, 'utf8');
  const first = 'quickdraw/anvil/quickdraw_0_0.jpg';
  const cases: [string, RegExp][] = [
    [text.replace(`${first} 0`, first), /line 1: found .*, expected quickdraw\/class\/file and a label/],
    [text.replace(`${first} 0`, `${first} 12345`), /line 1: found/],
    [
      text.replace(first, 'anvil/quickdraw_0_0.jpg'),
      /line 1: found anvil\/quickdraw_0_0\.jpg, expected quickdraw\/class/,
    ],
    [text.replace(first, 'quickdraw/../x.jpg'), /line 1: found quickdraw\/\.\.\/x\.jpg/],
    [text.replace(first, 'quickdraw/anvil/quickdraw_0_1.jpg'), /line 2: found .*_0_1\.jpg again/],
    [text.replace(`${first} 0`, `${first} 1`), /line 1: found label 1 for anvil, expected bear/],
    [
      text.replace(`${first} 0`, `quickdraw/new/1.jpg 6`),
      /found no image with label 4, 5, expected every label up to 6/,
    ],
    ['', /found an empty list/],
  ];
  try {
    for (const [wrong, expected] of cases) {
      await writeFile(file, wrong);
      await refused(loadDomainNet({ dir: folder, cache, side: 8 }), expected);
    }
    await rm(file);
    await refused(
      loadDomainNet({ dir: folder, cache, side: 8 }),
      /found quickdraw_test\.txt without quickdraw_train\.txt/,
    );
    await symlink(join(folder, 'gone.txt'), file);
    await refused(
      loadDomainNet({ dir: folder, cache, side: 8 }),
      /found a link to .*gone\.txt, where there is nothing/,
    );
    await rm(file);
  } finally {
    await writeFile(file, text);
  }
});

test('a class without a usable image is named', async () => {
  const file = join(folder, 'sketch_test.txt');
  const text = await readFile(file, 'utf8');
  try {
    await writeFile(file, text.replaceAll(/^sketch\/cat.*\n/gm, ''));
    await refused(
      loadDomainNet({ dir: folder, cache, side: 8 }),
      /found no usable image of cat in the test part of sketch/,
    );
  } finally {
    await writeFile(file, text);
  }
});

test('a training domain without an image to train or validate on is named', async () => {
  const file = join(folder, 'quickdraw_test.txt');
  const text = await readFile(file, 'utf8');
  const load = (classes: readonly string[]) => loadDomainNet({ dir: folder, cache, side: 8, classes });
  try {
    await writeFile(file, text.replaceAll(/^quickdraw\/(cat|bear).*\n/gm, ''));
    await refused(
      load(['cat', 'bear']),
      /found no usable image of the 2 classes in quickdraw_test\.txt, .* other classes/,
    );
    // One class is enough: the other has no image to validate on in this domain.
    const { validation } = await load(['cat', 'drums']);
    assert.deepEqual(
      validation.map((set) => new Set(set.labels).size),
      [2, 1],
    );
  } finally {
    await writeFile(file, text);
  }
});

test('lists in splits/, with a byte order mark or other ends of line, and folders that are links, are the same data set', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'glean-domainnet-links-'));
  const load = (from: string) => loadDomainNet({ dir: from, cache, side: 8 });
  try {
    await mkdir(join(dir, 'splits'));
    for (const domain of DOMAINS) await symlink(join(folder, domain), join(dir, domain));
    for (const list of (await readdir(folder)).filter((name) => name.endsWith('.txt'))) {
      const text = await readFile(join(folder, list), 'utf8');
      const written = list.startsWith('clipart')
        ? `\uFEFF${text.replaceAll('\n', '\r\n')}`
        : text.replaceAll('\n', '\r');
      await writeFile(join(dir, 'splits', list), written);
    }
    await symlink(dir, `${dir}-link`);
    const expected = await load(folder);
    for (const from of [dir, `${dir}-link`]) {
      const found = await load(from);
      assert.deepEqual([found.sha256, found.classes, found.skipped], [expected.sha256, expected.classes, {}]);
    }
    await writeFile(join(dir, 'splits', 'sketch_test.txt'), Buffer.from('\uFEFFsketch/bear/1.jpg 1\n', 'utf16le'));
    await refused(load(dir), /sketch_test\.txt: found UTF-16 text, expected UTF-8/);
  } finally {
    await rm(dir, { recursive: true });
    await rm(`${dir}-link`);
  }
});

test('a domain that is not there, an archive, or a folder too deep is named', async () => {
  const load = () => loadDomainNet({ dir: folder, cache, side: 8 });
  const [place, away] = [join(folder, 'quickdraw'), join(folder, '.away')];
  await rename(place, away);
  try {
    await refused(load(), /quickdraw: found no such folder, expected the images that quickdraw_train\.txt lists/);
    await writeFile(join(folder, 'quickdraw.zip'), '');
    await refused(load(), /quickdraw: found no such folder but the archive quickdraw\.zip \(unpack it\)/);
    await symlink('quickdraw', place);
    await refused(load(), /quickdraw: found a link that leads to itself/);
    await rm(place);
    await symlink(join(folder, 'gone'), place);
    await refused(load(), /quickdraw: found a link to .*gone, where there is nothing/);
    await rm(place);
    await mkdir(join(place, 'quickdraw'), { recursive: true });
    await refused(load(), /quickdraw: found a folder of the same name in it/);
  } finally {
    await rm(place, { recursive: true, force: true });
    await rm(join(folder, 'quickdraw.zip'), { force: true });
    await rename(away, place);
  }
  // An image that is a link to itself is no reason to stop without a word on which.
  const image = join(place, 'bear', 'quickdraw_1_0.jpg');
  const bytes = await readFile(image);
  await rm(image);
  await symlink(image, image);
  try {
    await refused(load(), /quickdraw_1_0\.jpg: cannot be read \(ELOOP\)/);
  } finally {
    await rm(image);
    await writeFile(image, bytes);
  }
});
