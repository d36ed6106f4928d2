/** Ties, NaN, infinities and images longer than any on [0, 1]: radius 0 in the graph, InputError from the certifier. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Certifier } from '../../../src/certify-runtime/node.ts';
import { InputError } from '../../../src/certify-runtime/trusted/errors.ts';
import { imageNorms, marginCertificate } from '../../../src/certify-runtime/trusted/margin.ts';
import { dense, type SealedNetwork, sealDense } from '../../support/networks/dense-networks.ts';

const IDENTITY = dense(
  [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  [0, 0, 0],
);

describe('y = x: three pixels, three classes', () => {
  let sealed: SealedNetwork;
  before(async () => {
    sealed = await sealDense([IDENTITY, IDENTITY]);
  });
  after(() => sealed.judge.release());

  const radiusOf = async (...image: number[]): Promise<{ label: number; radius: number }> => {
    const { labels, radii } = await sealed.judge.evaluate(Float32Array.from(image));
    return { label: labels[0]!, radius: radii[0]! };
  };

  test('a tie of the largest logits gives radius 0 and the first label', async () => {
    for (const [image, label] of [
      [[0.5, 0.5, 0.25], 0],
      [[0.25, 0.5, 0.5], 1],
      [[0.5, 0.25, 0.5], 0],
      [[0.5, 0.5, 0.5], 0],
      [[0, 0, 0], 0],
      [[1, 1, 1], 0],
      [[-0, 0, -0], 0],
    ] as const) {
      assert.deepEqual(await radiusOf(...image), { label, radius: 0 }, `${image}`);
      const { terms } = sealed.verified;
      assert.deepEqual(marginCertificate(image, imageNorms(Float32Array.from(image)), terms), { label, radius: 0 });
    }
  });

  test('a tie below the largest logit does not matter, one ulp above a tie is not certified', async () => {
    assert.ok((await radiusOf(0.75, 0.25, 0.25)).radius > 0.35);
    assert.deepEqual(await radiusOf(0.5 + 2 ** -24, 0.5, 0), { label: 0, radius: 0 });
  });

  test('NaN, infinities and images longer than √3 give radius 0, wherever they are', async () => {
    const bad = [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      1.8,
      -1.8,
      2,
      255,
      1e20,
      3.4e38,
      -3.4e38,
    ];
    for (const value of bad) {
      for (let place = 0; place < 3; place++) {
        for (const others of [
          [0, 0],
          [0.25, 0.875],
          [value, 0.5],
          [value, value],
        ]) {
          const image = others.toSpliced(place, 0, value);
          assert.equal((await radiusOf(...image)).radius, 0, `${image}`);
        }
      }
    }
    assert.equal((await radiusOf(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY)).radius, 0);
  });

  test('a pixel outside [0, 1] in a shorter image has the radius that it has: half the difference of two pixels', async () => {
    for (const [image, exact] of [
      [[1 + 2 ** -23, 0.5, 0], 0.5 * Math.SQRT1_2],
      [[1.5, 0.5, -0.5], Math.SQRT1_2],
      [[-(2 ** -149), 0.5, 0], 0.5 * Math.SQRT1_2],
      [[-1.25, -0.5, -1], 0.5 * Math.SQRT1_2],
    ] as const) {
      const { radius } = await radiusOf(...image);
      assert.ok(radius <= exact && radius > exact * (1 - 1e-4), `${image}: ${radius}`);
    }
  });

  test('a bad image in a batch does not touch its neighbours', async () => {
    const good = [0.75, 0.25, 0.125];
    const alone = await radiusOf(...good);
    assert.ok(alone.radius > 0);
    const { labels, radii } = await sealed.judge.evaluate(
      Float32Array.from([...good, Number.NaN, 0, 0, ...good, 0, Number.POSITIVE_INFINITY, 2, ...good]),
    );
    assert.deepEqual(Array.from(radii), [alone.radius, 0, alone.radius, 0, alone.radius]);
    assert.deepEqual([labels[0], labels[2], labels[4]], [alone.label, alone.label, alone.label]);
  });

  test('the certifier refuses them by pixel', async () => {
    const certifier = await Certifier.load(sealed.bytes);
    try {
      for (const value of [
        Number.NaN,
        Number.POSITIVE_INFINITY,
        Number.NEGATIVE_INFINITY,
        1 + 2 ** -23,
        -(2 ** -149),
      ]) {
        await assert.rejects(
          certifier.predictBatch(Float32Array.of(0.5, value, 0)),
          (error) => error instanceof InputError && /pixel 1/.test(error.message),
        );
      }
      const [edge] = await certifier.predictBatch(Float32Array.of(1, 0, -0));
      assert.ok(edge!.radius > 0.7);
      await assert.rejects(certifier.predictBatch(Float32Array.of(0.5, 0.5)), InputError);
      await assert.rejects(certifier.predictBatch(new Float32Array(0)), InputError);
    } finally {
      await certifier.dispose();
    }
  });

  test('the core refuses logits and norms that are not finite', () => {
    const { terms } = sealed.verified;
    const norms = { l2: 1, l1: 1 };
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      assert.throws(() => marginCertificate([0, value, 1], norms, terms), InputError);
      assert.throws(() => marginCertificate([0, 1, 2], { l2: value, l1: 1 }, terms), InputError);
      assert.throws(() => marginCertificate([0, 1, 2], { l2: 1, l1: value }, terms), InputError);
    }
    assert.throws(() => marginCertificate([0, 1], norms, terms), InputError);
  });
});

describe('networks that can tie everywhere or overflow', () => {
  test('two classes with the same weights tie everywhere: label 0 or 2, never certified against each other', async () => {
    const head = dense(
      [
        [1, 0, 0],
        [1, 0, 0],
        [0, 1, 0],
      ],
      [0, 0, 0],
    );
    const { judge } = await sealDense([IDENTITY, head]);
    try {
      const { labels, radii } = await judge.evaluate(Float32Array.from([0.75, 0.25, 0, 0.25, 0.75, 0]));
      assert.deepEqual(labels, [0, 2]);
      assert.equal(radii[0], 0);
    } finally {
      await judge.release();
    }
  });

  test('a head without weights: constant logits', async () => {
    const zero = dense(
      [
        [0, 0, 0],
        [0, 0, 0],
      ],
      [0, 0],
    );
    const { judge } = await sealDense([IDENTITY, zero]);
    try {
      const { labels, radii } = await judge.evaluate(Float32Array.from([0.75, 0.25, 0]));
      assert.deepEqual([labels[0], radii[0]], [0, 0]);
    } finally {
      await judge.release();
    }
  });
});
