/** Data sets open by name, once per process, and an unknown name is answered with the known ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../../../src/certify-runtime/core/errors.ts';
import { DATASET_NAMES, openDataset } from '../../../src/train/data/registry.ts';

test('opens each name once', async () => {
  assert.deepEqual(DATASET_NAMES, ['cmnist', 'cmnist-blind']);
  for (const name of DATASET_NAMES) {
    const dataset = await openDataset(name);
    assert.equal(dataset.name, name);
    assert.equal(await openDataset(name), dataset);
  }
  assert.notEqual(await openDataset('cmnist', { seed: 3 }), await openDataset('cmnist'));
});

test('an unknown name', async () => {
  await assert.rejects(openDataset('celeba'), (error) => {
    assert.ok(error instanceof InputError);
    assert.match(error.message, /no data set 'celeba': expected one of cmnist, cmnist-blind/);
    return true;
  });
});

test('a folder that is not there is asked for again', async () => {
  for (let i = 0; i < 2; i++) await assert.rejects(openDataset('cmnist', { dir: '/nonexistent' }), InputError);
});
