/** The radius the certifier computes outside the graph: never beyond an exactly known one, nor beyond a label change that is found. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { Certifier } from '../../../src/certify-runtime/node.ts';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import { openDataset } from '../../../src/train/data/registry.ts';
import { SHIPPED_MODEL } from '../../support/command/glean.ts';
import { dense, sealDense } from '../../support/networks/dense-networks.ts';

const identity = (n: number, bias: readonly number[] = new Array<number>(n).fill(0)) =>
  dense(
    Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? 1 : 0))),
    bias,
  );

describe('y = x + b: the label changes at (y_c − y_j)/√2', () => {
  // A large bias makes logits round by much more than the margins: naive certificates break there.
  for (const [name, bias] of [
    ['no bias', [0, 0, 0, 0]],
    ['a large bias', [1e5, 1e5, 1e5, 1e5]],
    ['a huge bias', [2 ** 24, 2 ** 24, 2 ** 24, 2 ** 24]],
  ] as const) {
    test(name, async () => {
      const sealed = await sealDense([identity(4), identity(4, bias)]);
      sealed.judge.release();
      const certifier = await Certifier.load(sealed.bytes);
      const random = createRandom(7);
      let certified = 0;
      for (let i = 0; i < 300; i++) {
        const image = Float32Array.from({ length: 4 }, () =>
          i % 3 === 0 ? random.uniform() : 0.5 + (random.uniform() - 0.5) * 2 ** -(random.uint32() % 26),
        );
        const { label, radius } = await certifier.predict(image);
        // The nearest point that another class would claim in exact arithmetic; that of the largest pixel is the label's.
        const others = [...image].map((x, j) => (j === label ? Number.POSITIVE_INFINITY : image[label]! - x));
        const exact = Math.max(0, Math.min(...others)) / Math.SQRT2;
        assert.ok(radius <= exact, `${radius} > ${exact} at ${[...image]}`);
        if (radius > 0) certified++;
        if (name === 'no bias' && exact > 1e-3) assert.ok(radius > exact * 0.999 - 1e-5);
      }
      assert.ok(name !== 'no bias' || certified > 150);
      await certifier.dispose();
    });
  }
});

test('no float32 image on the way to another label changes it within the radius, batch or not', async () => {
  const certifier = await Certifier.load(await readFile(SHIPPED_MODEL));
  const { test: set } = await openDataset('cmnist');
  const size = certifier.imageSize;
  const pixels = (i: number) => Float32Array.from(set.read([i]), (byte) => byte / 255);
  const steps = 32;
  for (let i = 0; i < 60; i++) {
    const start = pixels(i);
    const { label, radius } = await certifier.predict(start);
    // Towards an image of the other label: the segment crosses the boundary somewhere.
    let other = (i + 1) % set.size;
    while ((await certifier.predict(pixels(other))).label === label) other = (other + 1) % set.size;
    const goal = pixels(other);
    const length = Math.hypot(...start.map((x, k) => goal[k]! - x));
    const batch = new Float32Array(steps * size);
    for (let s = 0; s < steps; s++) {
      const t = (radius / length) * (1 - s / (4 * steps));
      for (let k = 0; k < size; k++) batch[s * size + k] = start[k]! + t * (goal[k]! - start[k]!);
    }
    const answers = await certifier.predictBatch(batch);
    answers.forEach((answer, s) => {
      const moved = batch.subarray(s * size, (s + 1) * size);
      // Rounded to float32, a point meant for the boundary of the ball may lie outside it.
      if (Math.hypot(...moved.map((x, k) => x - start[k]!)) <= radius) assert.equal(answer.label, label);
    });
  }
  await certifier.dispose();
});
