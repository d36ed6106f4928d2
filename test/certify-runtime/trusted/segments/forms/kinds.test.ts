/** Forms of every kind: what they have to do with each other, their adjoints, and their norms. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { added } from '../../../../../src/certify-runtime/trusted/segments/add.ts';
import { adjoint, columns } from '../../../../../src/certify-runtime/trusted/segments/adjoint.ts';
import { composed } from '../../../../../src/certify-runtime/trusted/segments/compose.ts';
import {
  type Blocks,
  diagonal,
  type Form,
  IDENTITY,
  type Kernel,
  ZERO,
} from '../../../../../src/certify-runtime/trusted/segments/form.ts';
import { formNorm, frobenius } from '../../../../../src/certify-runtime/trusted/segments/forms.ts';
import { Chance } from '../../../../support/reference/chance.ts';
import { siteOf, walkOf } from '../../conditions/site.ts';
import {
  apart,
  geometryOf,
  matrixOf,
  measured,
  normOf,
  type Plan,
  picks,
  plus,
  someBlocks,
  someFactors,
  someGeometry,
  someKernel,
  sums,
  times,
  turned,
} from '../linear.ts';
import { blocksOf, centring, elements, holds, type Layout, product, seeds, sizeBefore } from './some.ts';

/** Every kind, of two elements. */
const EACH: readonly Form[] = [
  measured(diagonal(Float64Array.of(2)), 2),
  measured(diagonal(Float64Array.of(2, 3)), 2),
  someKernel(new Chance(1), 1, geometryOf({ input: [1, 2] })),
  someBlocks(new Chance(2), [1, 1, 1, 2, 1], 2),
  picks([1, 0], 2),
  sums([1, 0], 2, 3),
  centring([0, 0], 2, 3),
];

test('forms of different kinds have a product and a sum of the right entries, or none', () => {
  for (const b of EACH) {
    for (const a of EACH) {
      const [first, second] = [matrixOf(a, 2), matrixOf(b, 2)];
      const [whole, sum] = [composed(b, a), added(a, b, 1)];
      if (whole !== null) holds(whole, times(second, first), 2);
      if (sum !== null) holds(sum, plus(first, second), 2);
      const kinds = [a.kind, b.kind];
      const simple = kinds.some((kind) => kind === 'diagonal') || a.kind === b.kind;
      if (!simple) assert.equal(sum, null);
    }
  }
});

test('blocks of any two layouts have a product and a sum of the right entries, or none', () => {
  const chance = new Chance(7);
  const layouts = elements(4 ** 5)
    .map((e) => [0, 1, 2, 3, 4].map((axis) => 2 ** (Math.floor(e / 4 ** axis) % 4)) as unknown as Layout)
    .filter((dims) => product(dims) === 8);
  for (const one of layouts) {
    for (const other of layouts) {
      const [a, b] = [one, other].map((dims) => someBlocks(chance, dims, dims[3])) as [Blocks, Blocks];
      const [first, second] = [matrixOf(a, 8), matrixOf(b, 8)];
      const [whole, sum] = [composed(b, a), added(a, b, 1)];
      if (whole !== null) holds(whole, times(second, first), 8);
      if (sum !== null) holds(sum, plus(first, second), 8);
      if (one === other) assert.ok(whole !== null && sum !== null);
    }
  }
});

test('what is exactly 0 or 1 changes nothing, and what is so but for an error does', () => {
  for (const a of EACH) {
    assert.equal(composed(IDENTITY, a), a);
    assert.equal(composed(a, IDENTITY), a);
    assert.equal(composed(a, ZERO), ZERO);
    assert.equal(added(a, ZERO, 1), a);
    assert.equal(added(ZERO, a, 1), a);
    for (const value of [0, 1]) {
      const nearly = diagonal(Float64Array.of(value), 0.5);
      const [before, behind, sum] = [composed(a, nearly), composed(nearly, a), added(a, nearly, 1)];
      if (before !== null) assert.ok(before.error >= 0.5 * a.absolute);
      if (behind !== null) assert.ok(behind.error >= 0.5 * a.absolute);
      if (sum !== null) assert.ok(sum.error >= 0.5);
      const turnedSum = added(nearly, a, 1);
      if (turnedSum !== null) assert.ok(turnedSum.error >= 0.5);
    }
  }
  // Zeros that differ in their error, or in another element, are no zero.
  assert.equal(added(picks([0], 1), diagonal(Float64Array.of(0), 0.5), 1), null);
  assert.equal(added(picks([0, 1], 2), diagonal(Float64Array.of(0, 1)), 1), null);
  assert.equal(added(picks([0, 1], 2), diagonal(Float64Array.of(0, 0)), 1), null);
});

test('adjoints, and their columns', () => {
  let plain = 0;
  fc.assert(
    fc.property(seeds, (seed) => {
      const chance = new Chance(seed);
      const small = { kernel: [chance.between(1, 3), chance.between(1, 3)], stride: [1, 1], dilation: [1, 1] } as const;
      const at = [chance.below(small.kernel[0]), chance.below(small.kernel[1])] as const;
      const same = {
        ...small,
        padBegin: at,
        padEnd: [small.kernel[0] - 1 - at[0], small.kernel[1] - 1 - at[1]],
      } as const;
      const isPlain = chance.is(0.5);
      const change = isPlain ? { ...same, groups: 1, outputChannels: chance.between(1, 3) } : {};
      const g = someGeometry(chance, chance.between(1, 3), [3, 4], change);
      const form = chance.is(0.4)
        ? blocksOf(chance).blocks
        : someKernel(chance, chance.between(1, 2), g, isPlain && chance.is(0.5));
      const inputs = form.kind === 'kernel' ? sizeBefore(form) : 0;
      const back = adjoint(form);
      if (form.kind === 'kernel' && isPlain) assert.notEqual(back, null);
      if (back !== null) {
        plain++;
        const n =
          form.kind === 'kernel'
            ? inputs
            : 2 * form.matrices.length * form.before * form.after * form.matrices[0]!.cols;
        const own = matrixOf(form, n);
        assert.equal(apart(matrixOf(back, own.length), turned(own)), 0);
        assert.deepEqual([back.error, back.absolute], [form.error, form.absolute]);
      }
      const found = columns(form);
      assert.equal(found === null, form.kind === 'kernel' && form.geometry.groups > 1);
      if (found !== null) columnsHold(form, found);
    }),
    { numRuns: 80 },
  );
  assert.ok(plain > 40);
});

/** Every entry of column h multiplies an element of channel h, whatever is multiplied. */
function columnsHold(
  form: Blocks | Kernel,
  { count, length, at, columnOf }: NonNullable<ReturnType<typeof columns>>,
): void {
  const inputs =
    form.kind === 'kernel'
      ? sizeBefore(form)
      : form.matrices.length * form.before * form.after * form.matrices[0]!.cols;
  const own = elements(count).map((h) => elements(length).map((k) => at(h, k)));
  // A scale of each channel of the input scales the columns.
  const factors = elements(count).map((h) => h + 2);
  const scaled = composed(form, diagonal(Float64Array.from({ length: inputs }, (_, e) => factors[columnOf(e)]!)));
  assert.ok(scaled !== null && (scaled.kind === 'kernel' || scaled.kind === 'blocks'));
  const after = columns(scaled)!;
  own.forEach((column, h) => {
    column.forEach((w, k) => {
      assert.equal(after.at(h, k), w * factors[h]!);
    });
  });
  const all = form.kind === 'kernel' ? [...form.weights] : form.matrices.flatMap(({ values }) => [...values]);
  assert.deepEqual(own.flat().sort(), all.sort());
}

test('a Conv that changes the size, or skips, or is in groups, or begins beyond its kernel, has no adjoint here', () => {
  const chance = new Chance(4);
  const square = { inputChannels: 2, outputChannels: 2, kernel: [2, 2], padEnd: [1, 1], input: [4, 4] } as const;
  const none: readonly Partial<Plan>[] = [
    ...[{ stride: [2, 1], padEnd: [5, 1] }, { stride: [1, 2], padEnd: [1, 5] }, { groups: 2 }],
    ...[
      { dilation: [2, 1], padEnd: [2, 1] },
      { dilation: [1, 2], padEnd: [1, 2] },
    ],
    ...[{ padEnd: [0, 1] }, { padEnd: [1, 0] }, { padEnd: [2, 1] }],
    ...([
      { padBegin: [2, 0], padEnd: [-1, 1] },
      { padBegin: [0, 3], padEnd: [1, -2] },
    ] as const),
  ] as never;
  for (const wraps of [false, true]) {
    assert.notEqual(adjoint(someKernel(chance, 1, geometryOf(square), wraps)), null);
    for (const change of none)
      assert.equal(adjoint(someKernel(chance, 1, geometryOf({ ...square, ...change }), wraps)), null);
  }
});

test('groups of one element are no sum of a centred tensor and a sum', () => {
  const into = Int32Array.of(1, 0);
  const a = { ...sums([1, 0], 2, 3), into };
  const b = { ...centring([1, 0], 2, 3), into } as Form;
  assert.equal(added(a, b, 1), null);
  assert.equal(added(b, a, 1), null);
});

test('norms are those of the matrix', () => {
  const chance = new Chance(3);
  for (let run = 0; run < 60; run++) {
    const g = someGeometry(chance, chance.between(1, 2), [2, 3]);
    // Only a Conv that keeps the size of a circle is one.
    const circular = g.stride[0] * g.stride[1] === 1 && g.output[0] === 2 && g.output[1] === 3;
    const kernel = someKernel(chance, 1, g, circular && chance.is(0.7));
    const { inputs, blocks } = blocksOf(chance);
    const centred = centring([0, 1, 1, 0], chance.between(-3, 3), chance.between(-4, 4));
    const some = someFactors(chance, 4);
    for (const [form, size] of [
      [kernel, sizeBefore(kernel)],
      [blocks, inputs],
      [centred, 4],
      [some, 4],
    ] as const) {
      const site = siteOf('Identity', walkOf([]));
      const truth = normOf(matrixOf(form, size));
      const bound = formNorm(site, form);
      assert.ok(bound >= truth * (1 - 1e-14), `${form.kind}: ${bound} < ${truth}`);
      assert.ok(form.kind === 'kernel' || bound <= truth * 1.001 + 1e-300, `${form.kind}: ${bound} > ${truth}`);
      assert.ok(formNorm(site, { ...form, error: 0.5 }) >= (truth + 0.5) * (1 - 1e-14));
      const cheap = frobenius(form);
      if (form === centred || form === some) assert.equal(cheap, Number.POSITIVE_INFINITY);
      else assert.ok(cheap >= truth * (1 - 1e-14) && cheap < Number.POSITIVE_INFINITY);
      assert.ok(frobenius({ ...form, error: 0.5 }) >= truth + 0.49);
    }
  }
});

test('means that are spread to fewer places, or to one wrong place, are no centring', () => {
  const means = sums([0, 1, 1, 0], 2, 0.5);
  assert.notEqual(composed(picks([0, 1, 1, 0], 2), means), null);
  assert.equal(composed(picks([0, 1, 1], 2), means), null);
  assert.equal(composed(picks([0, 1, 1, 1], 2), means), null);
});
