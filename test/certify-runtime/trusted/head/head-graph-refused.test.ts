/** What the head answers outside [0, 1], and where something is not finite. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MOST_IN_PAIRS } from '../../../../src/certify-runtime/trusted/head-graph.ts';
import { openHead, pixels, RUNTIMES, randomTerms } from '../../../support/networks/head-session.ts';
import { exactRadius } from '../../../support/numbers/exact-radius.ts';
import { Random } from '../../../support/numbers/random.ts';

describe('images outside [0, 1]', () => {
  test('have a radius as long as their norm is one of an image, and it is true', async () => {
    for (const classes of [2, 5, MOST_IN_PAIRS + 1]) {
      const random = new Random(9);
      const inputs = 3072;
      const terms = randomTerms(random, { classes, latentSize: 32, inputs, largest: 4 });
      const head = await openHead(terms, inputs);
      const fill = (value: number) => new Float32Array(inputs).fill(value);
      const bytes = Float32Array.from({ length: inputs }, () => random.below(256));
      const images = [fill(1), fill(-1), fill(0), fill(1).with(0, -0.5), pixels(random, inputs).map((x) => 0.9 - x)];
      const beyond = [
        fill(1.01),
        fill(-1.01),
        bytes,
        fill(255),
        fill(0).with(7, 1e4),
        fill(1e30),
        fill(0).with(3071, -1e38),
      ];
      const row = new Float32Array(classes).fill(-4).with(1, 4);
      const answers = await head.run(
        [...images, ...beyond],
        [...images, ...beyond].map(() => row),
      );
      answers.forEach(({ radius }, i) => {
        if (i >= images.length) assert.equal(radius, 0, `beyond ${i - images.length}`);
        else assert.ok(radius > 0 && radius <= exactRadius(row, images[i]!, terms).most, `${i}: ${radius}`);
      });
      await head.close();
    }
  });

  test('and networks that are proven for small images alone: 0 beyond cap', async () => {
    for (const classes of [2, 3, MOST_IN_PAIRS + 1]) {
      const random = new Random(4);
      const ordinary = randomTerms(random, { classes, latentSize: 2, inputs: 4, largest: 4 });
      for (const cap of [1e-3, 0.5, 1.5]) {
        const terms = { ...ordinary, cap };
        const head = await openHead(terms, 4);
        const norms = [0, cap / 2, cap, cap * (1 + 2 ** -20), cap * 1.5, cap * 3, 3.9e3, 1e18, 1e19, 1e20];
        const rows = [4, 1e10, 3e38].map((y) => new Float32Array(classes).fill(-y).with(1, y));
        for (const row of rows) {
          const answers = await head.run(
            norms.map((norm) => [0, norm, 0, 0]),
            norms.map(() => row),
          );
          answers.forEach(({ radius }, i) => {
            assert.ok(radius <= cap);
            if (norms[i]! > cap * 1.0001) assert.equal(radius, 0, `${norms[i]} beyond ${cap}, logits ${row[1]}`);
          });
        }
        await head.close();
      }
    }
  });
});

const BAD = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

for (const where of Object.keys(RUNTIMES)) {
  test(`NaN and infinities give 0 on ${where}, and their neighbours in a batch keep theirs`, async () => {
    for (const classes of [2, 3, MOST_IN_PAIRS + 1]) {
      const random = new Random(classes);
      const inputs = 9;
      const terms = randomTerms(random, { classes, latentSize: 8, inputs, largest: 4 });
      const head = await openHead(terms, inputs, where);
      const images: Float32Array[] = [];
      const logits: Float32Array[] = [];
      const good = pixels(random, inputs);
      const row = Float32Array.from(random.normals(classes, 0.5)).with(1, 4);
      const bad = new Set<number>();
      const add = (image: Float32Array, y: Float32Array) => {
        bad.add(images.length);
        images.push(image, good);
        logits.push(y, row);
      };
      for (const value of BAD) {
        for (let i = 0; i < inputs; i++) add(good.with(i, value), row);
        for (let j = 0; j < classes; j++) {
          add(good, row.with(j, value));
          for (const other of BAD) add(good, row.with(j, value).with((j + 1) % classes, other));
        }
        add(good, new Float32Array(classes).fill(value));
        add(good.with(0, value), row.with(0, value));
      }
      const answers = await head.run(images, logits);
      const [alone] = await head.run([good], [row]);
      answers.forEach(({ radius }, i) => {
        if (bad.has(i)) assert.equal(radius, 0, `${classes} classes: ${images[i]} and ${logits[i]}`);
        else assert.ok(Math.abs(radius - alone!.radius) <= 1e-6 * alone!.radius, `${radius}`);
      });
      assert.ok(alone!.radius > 0.01);
      await head.close();
    }
  });
}
