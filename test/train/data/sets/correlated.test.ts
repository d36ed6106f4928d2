/** Domains by subsampling: shares, sizes and noise are exact, nobody is in two, and given the label nothing else changes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRandom, uniformInt } from '../../../../src/certify-runtime/smoothing/random.ts';
import { InputError } from '../../../../src/certify-runtime/trusted/errors.ts';
import {
  type CorrelatedOptions,
  correlatedDomains,
  type Population,
} from '../../../../src/train/data/sets/correlated.ts';

/** Label and attribute dependent, splits of 60, 20 and 20 %. */
function population(size: number, seed: number): Population {
  const random = createRandom(seed);
  const labels = Uint8Array.from({ length: size }, () => (random.uniform() < 0.4 ? 1 : 0));
  return {
    labels,
    attribute: Uint8Array.from(labels, (label) => (random.uniform() < (label === 1 ? 0.7 : 0.5) ? 1 : 0)),
    split: Int8Array.from({ length: size }, () => Math.max(0, uniformInt(5, random) - 2)),
  };
}

const OPTIONS: CorrelatedOptions = {
  seed: 5,
  stream: 1,
  labelNoise: 0.25,
  limits: { train: 10_000, validation: 10_000, test: 10_000 },
  names: { labels: ['no smile', 'a smile'], attribute: ['blond hair', 'dark hair'] },
};

const SPLIT_OF = { train: 0, validation: 1, test: 2 };

test('shares are exact, domains disjoint and of their split, whatever the population', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1500, max: 4000 }),
      fc.nat(),
      fc.constantFrom(0, 0.1, 0.25),
      (size, seed, labelNoise) => {
        const people = population(size, seed);
        const domains = correlatedDomains(people, { ...OPTIONS, seed, labelNoise });
        const everybody = new Set<number>();
        let total = 0;
        for (const split of ['train', 'validation', 'test'] as const) {
          const list = split === 'test' ? [domains.test] : domains[split];
          for (const { name, indices, labels } of list) {
            const contrary = { 'train-10': 0.1, 'train-20': 0.2, 'test-90': 0.9 }[name]!;
            const counts = [0, 0, 0, 0];
            indices.forEach((i, n) => {
              assert.equal(people.split[i], SPLIT_OF[split]);
              counts[2 * labels[n]! + people.attribute[i]!]!++;
              everybody.add(i);
            });
            const n = indices.length;
            const expected = [1 - contrary, contrary, contrary, 1 - contrary].map((share) =>
              Math.round((share * n) / 2),
            );
            assert.deepEqual(counts, expected, name);
            total += n;
          }
        }
        assert.equal(everybody.size, total);
      },
    ),
    { numRuns: 30 },
  );
});

test('without noise every label is the true one; with noise a quarter is wrong, whatever the attribute and the domain', () => {
  const people = population(200_000, 3);
  const clean = correlatedDomains(people, { ...OPTIONS, labelNoise: 0 });
  for (const { indices, labels } of [...clean.train, clean.test]) {
    assert.ok(indices.every((i, n) => people.labels[i] === labels[n]));
  }
  const noisy = correlatedDomains(people, OPTIONS);
  for (const { name, indices, labels } of [...noisy.train, noisy.test]) {
    for (const kind of [0, 1, 2, 3]) {
      let [all, wrong] = [0, 0];
      indices.forEach((i, n) => {
        if (2 * labels[n]! + people.attribute[i]! !== kind) return;
        all++;
        if (labels[n] !== people.labels[i]) wrong++;
      });
      const deviation = Math.sqrt((0.25 * 0.75) / all);
      assert.ok(Math.abs(wrong / all - 0.25) < 4.5 * deviation, `${name}, kind ${kind}: ${wrong} of ${all}`);
    }
  }
});

test('blind: in training and validation every kind as often; the test is the same', () => {
  const people = population(5000, 8);
  const domains = correlatedDomains(people, { ...OPTIONS, blind: true });
  for (const { indices, labels } of [...domains.train, ...domains.validation]) {
    const kinds = [0, 0, 0, 0];
    indices.forEach((i, n) => {
      kinds[2 * labels[n]! + people.attribute[i]!]!++;
    });
    assert.ok(indices.length > 0);
    assert.deepEqual(kinds, Array(4).fill(indices.length / 4));
  }
  assert.deepEqual(domains.test, correlatedDomains(people, OPTIONS).test);
});

test('limits hold, and the first images of a domain are a mixture', () => {
  const limits = { train: 430, validation: 99, test: 200 };
  const domains = correlatedDomains(population(20_000, 4), { ...OPTIONS, limits });
  assert.deepEqual(
    [...domains.train, ...domains.validation, domains.test].map(({ indices }) => indices.length),
    [420, 420, 80, 80, 200],
  );
  const first = domains.test.labels.subarray(0, 50).reduce((sum, label) => sum + label, 0);
  // 25 ± 5 standard deviations.
  assert.ok(Math.abs(first - 25) < 18, `${first} of the first 50`);
});

test('a limit below the smallest domain is refused as such, not for want of images', () => {
  const limits = { train: 10, validation: 100, test: 100 };
  assert.throws(
    () => correlatedDomains(population(20_000, 4), { ...OPTIONS, limits }),
    /^InputError: limit 10: a domain has at least 20 images, and a multiple of that/,
  );
});

test('the same seed draws the same, another one other images', () => {
  const people = population(5000, 6);
  const indices = (seed: number) => [...correlatedDomains(people, { ...OPTIONS, seed }).test.indices];
  assert.deepEqual(indices(1), indices(1));
  assert.notDeepEqual(indices(1), indices(2));
});

test('a kind that is short is named', () => {
  const people = population(5000, 7);
  const split = people.split.map((value, i) =>
    people.labels[i] === 1 && people.attribute[i] === 0 && value === 1 ? -1 : value,
  );
  assert.throws(
    () => correlatedDomains({ ...people, split }, OPTIONS),
    (error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, /validation: found 0 images of a smile with blond hair, too few/);
      return true;
    },
  );
});
