/** The radius as a graph, against the corollary of Theorem 2 in exact arithmetic. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MOST_IN_PAIRS } from '../../../../src/certify-runtime/trusted/head-graph.ts';
import { formerHead } from '../../../../src/certify-runtime/trusted/head-graph-2.ts';
import { marginTerms } from '../../../../src/certify-runtime/trusted/margin.ts';
import { NONE, openHead, pixels, randomTerms } from '../../../support/networks/head-session.ts';
import { exactRadius } from '../../../support/numbers/exact-radius.ts';
import { Random } from '../../../support/numbers/random.ts';

/** The neighbour of a float32, up or down. */
function neighbour(value: number, up: boolean): number {
  const float = Float32Array.of(value);
  const bits = new Int32Array(float.buffer);
  if (value === 0) return up ? 2 ** -149 : -(2 ** -149);
  bits[0]! += value > 0 === up ? 1 : -1;
  return float[0]!;
}

describe('the radius of the head', () => {
  for (const classes of [2, 3, 10, MOST_IN_PAIRS, MOST_IN_PAIRS + 1, 100]) {
    test(`is never above the exact one, and hardly below: ${classes} classes`, async () => {
      const random = new Random(classes);
      let certified = 0;
      for (let k = 0; k < 6; k++) {
        const inputs = random.pick([1, 3, 7, 48, 300]);
        const largest = 10 ** random.pick([-2, 0, 1, 3, 6]);
        const latentSize = random.pick([1, 4, 128]);
        const terms = randomTerms(random, { classes, latentSize, inputs, largest });
        const head = await openHead(terms, inputs);
        const images = Array.from({ length: 40 }, () => pixels(random, inputs));
        const logits = images.map(() => {
          const row = Float32Array.from(random.normals(classes, largest / 8)).map((y) =>
            Math.max(-largest, Math.min(largest, y)),
          );
          // Half of them with a runner-up that is near, down to a tie.
          const [best, other] = [row.indexOf(Math.max(...row)), random.below(classes)];
          if (random.next() < 0.5) row[other] = row[best]! - largest * 10 ** (-9 * random.next());
          return row;
        });
        const answers = await head.run(images, logits);
        answers.forEach(({ label, radius }, i) => {
          const exact = exactRadius(logits[i]!, images[i]!, terms);
          assert.equal(label, logits[i]!.indexOf(Math.max(...logits[i]!)));
          assert.ok(radius >= 0 && radius <= exact.most, `${radius} > ${exact.most}`);
          if (radius > 0) certified++;
          // What it loses: ‖x‖₁ ≤ √n‖x‖₂ in one of δ's bounds, and roundings of the size of ρ.
          const room = exact.slack + 6 * exact.doubt + 1e-6 * exact.most;
          assert.ok(radius >= exact.most - room, `${radius} against ${exact.most}, room ${room}`);
        });
        await head.close();
      }
      assert.ok(certified > 50, `${certified}`);
    });
  }

  test('turns 0 where the exact one does, one unit in the last place after the other', async () => {
    for (const classes of [2, 3, MOST_IN_PAIRS + 1]) {
      const random = new Random(3 + classes);
      const terms = randomTerms(random, { classes, latentSize: 16, inputs: 12, largest: 2 });
      const head = await openHead(terms, 12);
      const image = pixels(random, 12);
      const base = new Float32Array(classes).fill(-1);
      base[1] = 1.5;
      // The runner-up is moved up to the label, by ever smaller steps around the place where the radius vanishes.
      let [low, high] = [0, 1.5];
      const rowOf = (value: number) => base.with(0, value);
      while (neighbour(low, true) < high) {
        const middle = Math.fround((low + high) / 2);
        const value = middle === low ? neighbour(low, true) : middle;
        const [answer] = await head.run([image], [rowOf(value)]);
        if (answer!.radius > 0) low = value;
        else high = value;
      }
      const row: number[] = [low];
      for (let i = 0; i < 20; i++) row.unshift(neighbour(row[0]!, false));
      for (let i = 0; i < 20; i++) row.push(neighbour(row.at(-1)!, true));
      const answers = await head.run(
        row.map(() => image),
        row.map(rowOf),
      );
      let positive = 0;
      answers.forEach(({ radius }, i) => {
        const { most } = exactRadius(rowOf(row[i]!), image, terms);
        assert.ok(radius <= most, `${radius} > ${most} at ${row[i]}`);
        if (radius > 0) positive++;
      });
      assert.ok(positive > 0 && positive < row.length, `${positive}`);
      await head.close();
    }
  });

  test('is 0 in every tie', async () => {
    for (const classes of [2, 3, MOST_IN_PAIRS + 1, 200]) {
      const random = new Random(classes);
      const terms = randomTerms(random, { classes, latentSize: 1, inputs: 1, largest: 2 ** -60 });
      const head = await openHead(terms, 1);
      const logits = Array.from({ length: 40 }, () => {
        const [a, b] = [random.below(classes), random.below(classes)];
        return new Float32Array(classes)
          .fill(-1)
          .with(a, 1)
          .with(b === a ? (a + 1) % classes : b, 1);
      });
      const answers = await head.run(
        logits.map(() => [0]),
        logits,
      );
      assert.ok(answers.every(({ radius, label }, i) => radius === 0 && label === logits[i]!.indexOf(1)));
      await head.close();
    }
  });

  test('is at most cap, and 0 rather than cap where it would be more', async () => {
    for (const classes of [2, 3, MOST_IN_PAIRS + 1]) {
      const random = new Random(1);
      const large = randomTerms(random, { classes, latentSize: 2, inputs: 4, largest: 8 });
      const terms = marginTerms(
        { ...large.constants, maxImageNorm: 8 },
        {
          classes,
          latentSize: 2,
          weights: Float32Array.from({ length: 2 * classes }, (_, i) => (i + (i % 3)) / 4),
          bias: new Float32Array(classes),
        },
      );
      const head = await openHead(terms, 4);
      const rows = [0, 0.1, 1, 2, 4, 8].map((y) => new Float32Array(classes).fill(-y).with(classes - 1, y));
      for (const { radius } of await head.run(
        rows.map(() => [0.25, 0.5, 0, 1]),
        rows,
      ))
        assert.ok(radius <= 2);
      await head.close();
    }
  });
});

test('rows that are nearly equal cost their own pair only', async () => {
  const weights = Float32Array.of(1, 0, 0, 0, 1, 0, 2 ** -20, 1, 0);
  const head = { classes: 3, latentSize: 3, weights, bias: new Float32Array(3) };
  const error = { constant: 1e-6, l2: 0, l1: 0 };
  const terms = marginTerms(
    {
      ...{ lipschitz: 1, latentError: [NONE], logitError: error, latentErrorSlope: 0, logitErrorSlope: 0 },
      maxImageNorm: 2 ** 60,
    },
    head,
  );
  const session = await openHead(terms, 3);
  const [answer] = await session.run([[1, 0.25, 0]], [[1, 0.25, 0.25]]);
  assert.ok(answer!.radius > (0.75 / Math.SQRT2) * (1 - 1e-4) && answer!.radius < 0.75 / Math.SQRT2);
  await session.close();
});

test('1000 classes', async () => {
  const random = new Random(1000);
  const terms = randomTerms(random, { classes: 1000, latentSize: 64, inputs: 12, largest: 30 });
  const head = await openHead(terms, 12);
  const images = Array.from({ length: 8 }, () => pixels(random, 12));
  const logits = images.map(() => Float32Array.from(random.normals(1000, 3)));
  const answers = await head.run(images, logits);
  answers.forEach(({ radius, label }, i) => {
    const { most } = exactRadius(logits[i]!, images[i]!, terms);
    assert.equal(label, logits[i]!.indexOf(Math.max(...logits[i]!)));
    assert.ok(radius <= most && (most < 0.01 || radius > most * 0.9), `${radius} against ${most}`);
  });
  await head.close();
});

test('it costs little against the head of format 2', async () => {
  const random = new Random(2);
  for (const classes of [2, 10, 40]) {
    const terms = randomTerms(random, { classes, latentSize: 128, inputs: 300, largest: 4 });
    const [now, then] = [await openHead(terms, 300), await openHead(terms, 300, 'cpu', formerHead)];
    const images = Array.from({ length: 30 }, () => pixels(random, 300));
    const logits = images.map(() => Float32Array.from(random.normals(classes, 1)));
    const before = await then.run(images, logits);
    (await now.run(images, logits)).forEach(({ radius, label }, i) => {
      assert.equal(label, before[i]!.label);
      const { slack, doubt } = exactRadius(logits[i]!, images[i]!, terms);
      assert.ok(radius >= before[i]!.radius - slack - doubt, `${radius} against ${before[i]!.radius}`);
    });
    await Promise.all([now.close(), then.close()]);
  }
});
