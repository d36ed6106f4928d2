/** The known vectors of an exported run: those of the delivered model, and found wherever a data set has its images. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Certifier } from '../../src/certify-runtime/node.ts';
import { knownVectors } from '../../src/export/run/export-run.ts';
import { type DomainDataset, type ImageSet, memoryImages } from '../../src/train/data/dataset.ts';
import { openDataset } from '../../src/train/data/registry.ts';

test('those of the delivered model of Coloured MNIST, byte for byte', async () => {
  const certifier = await Certifier.load(fileURLToPath(new URL('../../models/cmnist/model.onnx', import.meta.url)));
  try {
    const found = knownVectors(await openDataset('cmnist')).map((bytes) => Buffer.from(bytes).toString('base64'));
    assert.deepEqual(
      found,
      certifier.certificate.vectors.map(({ image }) => image),
    );
  } finally {
    await certifier.dispose();
  }
});

/** Images of one pixel, whose bytes are the set's number, the label and their place. */
function images(number: number, labels: readonly number[]): ImageSet {
  return memoryImages({
    name: `set ${number}`,
    shape: [1, 1, 3],
    pixels: Uint8Array.from(labels.flatMap((label, i) => [number, label, i])),
    labels: Uint8Array.from(labels),
    attribute: new Uint8Array(labels.length),
    source: Uint32Array.from(labels.keys()),
  });
}

test('of the first domain that has the label held out, else of training, and of the labels that there are', async () => {
  const base = await openDataset('cmnist');
  const known = (validation: readonly ImageSet[], train: readonly ImageSet[]) => {
    const dataset: DomainDataset = { ...base, classes: ['a', 'b', 'c'], shape: [1, 1, 3], train, validation };
    return knownVectors(dataset).map((bytes) => [...bytes]);
  };
  const noise = known([], [images(9, [])]);
  assert.equal(noise.length, 2);
  for (const [validation, train, expected] of [
    [
      [[], [1, 0]],
      [[0, 1]],
      [
        [1, 0, 1],
        [1, 1, 0],
      ],
    ],
    [
      [[1], [2, 0]],
      [[0, 1]],
      [
        [1, 0, 1],
        [0, 1, 0],
      ],
    ],
    [
      [[2], [1]],
      [[1], [0, 0]],
      [
        [3, 0, 0],
        [1, 1, 0],
      ],
    ],
    [
      [[2, 2, 1]],
      [[1]],
      [
        [0, 1, 2],
        [0, 2, 0],
      ],
    ],
    [[[2]], [[2]], [[0, 2, 0]]],
  ] as const) {
    const sets = [...validation, ...train].map((labels, number) => images(number, labels));
    assert.deepEqual(known(sets.slice(0, validation.length), sets.slice(validation.length)), [...expected, ...noise]);
  }
});
