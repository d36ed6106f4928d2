/** The front matter of a model card is YAML that says what was meant, whatever the user's data are called. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { parse } from 'yaml';
import { verifyModel } from '../../../src/certify-runtime/trusted/verify.ts';
import { type ModelCard, modelCard } from '../../../src/export/seal/model-card.ts';

type FrontMatter = {
  readonly 'model-index': readonly [
    { readonly name: unknown; readonly results: readonly [{ readonly dataset: Readonly<Record<string, unknown>> }] },
  ];
};

const shipped = await readFile('models/cmnist/model.onnx');
const verified = await verifyModel(shipped);
const card = (id: string, title: string): ModelCard => ({
  id,
  title: 'A title',
  dataset: { title, sha256: '0'.repeat(64), licence: 'MIT', source: 'made' },
  seed: 0,
  environments: 'given',
  verified,
  marginTable: '',
  smoothingTable: '',
  smoothing: { sigma: 0.12, n: 1, n0: 1, alpha: 0.001 },
  testAccuracy: 0.5,
});

function frontMatter(markdown: string): FrontMatter {
  const [, yaml] = /^---\n([\s\S]*?)\n---\n/.exec(markdown)!;
  return parse(yaml!) as FrontMatter;
}

test('names of any kind come back from the front matter as they were', () => {
  const titles = [
    'Coloured MNIST',
    'cats: and dogs',
    '# no comment',
    '2024',
    'no',
    '- item',
    'it\'s "quoted"',
    'a\nb: c',
  ];
  for (const title of [...titles, ' blank ', '&anchor', 'x #y', 'é', 'x: ', '1e5', 'NULL', '~', '{a}', '', '---']) {
    for (const id of ['cmnist', '7', 'on']) {
      const [{ name, results }] = frontMatter(modelCard(card(id, title)))['model-index'];
      assert.deepEqual([name, results[0].dataset['type'], results[0].dataset['name']], [id, id, title]);
    }
  }
});

test('usual names are written plain', () => {
  assert.match(modelCard(card('cmnist', 'Coloured MNIST')), /\n {10}name: Coloured MNIST\n {10}type: cmnist\n/);
});
