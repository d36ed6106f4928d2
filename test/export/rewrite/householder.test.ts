/** Householder activations of order 1 and 2, in the spellings that exporters write. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GraphBuilder } from '../../support/networks/graph-builder.ts';
import { Random } from '../../support/numbers/random.ts';
import { operators, rewritten } from './rewritten.ts';

const ANGLES = [0.3, 1.5707963267948966, 2.8, 4.5, -0.7];
const PAIRS = ANGLES.length;

/** (a, b) ↦ itself or its reflection, whichever side of a line through 0 it is on. */
function reflections(b: GraphBuilder, x: string, axis: number, rank: number, choose: (cond: Choice) => string): string {
  const dims = Array.from({ length: rank - 1 }, (_, i) => (i + 1 === axis ? PAIRS : 1));
  const constant = (of: (angle: number) => number) => b.floats(dims, ANGLES.map(of));
  const [first, second] = b.nodeWith('Split', [x], 2, { axis, num_outputs: 2 }) as [string, string];
  const mul = (value: string, of: (angle: number) => number) => b.node('Mul', [value, constant(of)]);
  const height = b.node('Sub', [mul(first, (t) => Math.sin(t / 2)), mul(second, (t) => Math.cos(t / 2))]);
  const mirrored = [
    b.node('Add', [mul(first, Math.cos), mul(second, Math.sin)]),
    b.node('Sub', [mul(first, Math.sin), mul(second, Math.cos)]),
  ];
  const parts = [first, second].map((own, i) => choose({ builder: b, height, own, mirrored: mirrored[i]! }));
  return b.node('Concat', parts, { axis });
}

interface Choice {
  readonly builder: GraphBuilder;
  readonly height: string;
  readonly own: string;
  readonly mirrored: string;
}

const zero = (b: GraphBuilder) => b.floats([], [0]);

function byWhere({ builder: b, height, own, mirrored }: Choice): string {
  return b.node('Where', [b.node('Less', [zero(b), height]), mirrored, own]);
}

function byMasks({ builder: b, height, own, mirrored }: Choice): string {
  const low = b.node('LessOrEqual', [height, zero(b)]);
  const mask = (condition: string) => b.node('Cast', [condition], { to: 1 });
  const parts = [b.node('Mul', [own, mask(low)]), b.node('Mul', [mirrored, mask(b.node('Not', [low]))])];
  return b.node('Add', parts);
}

test('reflections become one residual block on the channels', async () => {
  for (const choose of [byWhere, byMasks]) {
    for (const [sample, axis, form] of [
      [[2 * PAIRS, 5, 4], 1, 'Conv Relu Conv Add'],
      [[2 * PAIRS, 30], 1, 'Conv Relu Conv Add'],
      [[5, 4, 2 * PAIRS], 3, 'MatMul Relu MatMul Add'],
      [[2 * PAIRS], 1, 'MatMul Relu MatMul Add'],
    ] as [number[], number, string][]) {
      const builder = new GraphBuilder(['N', ...sample]);
      const output = reflections(builder, 'image', axis, sample.length + 1, choose);
      const nodes = await rewritten(builder, builder.node('Div', [output, builder.floats([], [1.5])]), { sample });
      assert.equal(operators(nodes), `${form} Div`);
    }
  }
});

test('what only resembles them stays', async () => {
  const sample = [2 * PAIRS, 5, 4];
  const scaled: (choice: Choice) => string = ({ builder: b, height, own, mirrored }) =>
    byWhere({ builder: b, height, own: b.node('Mul', [own, b.floats([], [1.01])]), mirrored });
  const swapped: (choice: Choice) => string = ({ builder: b, height, own, mirrored }) =>
    byWhere({ builder: b, height, own: mirrored, mirrored: b.node('Neg', [own]) });
  for (const choose of [scaled, swapped]) {
    const builder = new GraphBuilder(['N', ...sample]);
    const nodes = await rewritten(builder, reflections(builder, 'image', 1, 4, choose), { sample });
    assert(operators(nodes).includes('Where'), operators(nodes));
  }
});

/** Order 2: four sectors of the angle from a ray, of a, b, π − a and π − b: what stays, is mirrored, turned, mirrored. */
test('an activation of order 2 becomes the min and max of linear functions', async () => {
  const random = new Random(7);
  const sample = [2 * PAIRS, 5, 4];
  const builder = new GraphBuilder(['N', ...sample]);
  const b = builder;
  const first = ANGLES.map(() => 6 * random.next());
  const [a, c] = [ANGLES.map(() => 0.1 + 2.9 * random.next()), ANGLES.map(() => 0.1 + 2.9 * random.next())];
  const constant = (values: readonly number[]) => b.floats([PAIRS, 1, 1], values);
  const [x, y] = b.nodeWith('Split', ['image'], 2, { axis: 1, num_outputs: 2 }) as [string, string];
  // atan2(y, x), and from it the angle from the first ray, in [0, 2π).
  const half = b.node('Atan', [b.node('Div', [y, x])]);
  const pi = b.floats([], [Math.PI]);
  const left = b.node('Where', [b.node('Greater', [y, zero(b)]), b.node('Add', [half, pi]), b.node('Sub', [half, pi])]);
  const angle = b.node('Where', [b.node('Less', [x, zero(b)]), left, half]);
  const shifted = b.node('Sub', [angle, constant(first)]);
  const turn = b.floats([], [2 * Math.PI]);
  const from = b.node('Sub', [shifted, b.node('Mul', [b.node('Floor', [b.node('Div', [shifted, turn])]), turn])]);
  const ends = [a, a.map((own, i) => own + c[i]!), c.map((own) => Math.PI + own), a.map(() => 7)];
  // The direction of the result: φ, then down from the end of the first sector, up again, and down to the first ray.
  const offsets = [
    a.map(() => 0),
    a.map((own, i) => 2 * (first[i]! + own)),
    c.map((own) => -2 * own),
    first.map((own) => 2 * own),
  ];
  const masks = ends.map((end, i) => {
    const below = b.node('Less', [from, constant(end)]);
    const inside = i === 0 ? below : b.node('And', [b.node('GreaterOrEqual', [from, constant(ends[i - 1]!)]), below]);
    return b.node('Cast', [inside], { to: 1 });
  });
  const output = [0, 1].map((which) => {
    const terms = offsets.map((offset, i) => {
      const sign = i % 2 === 0 ? 1 : -1;
      const times = (value: string, of: (t: number) => number) => b.node('Mul', [value, constant(offset.map(of))]);
      const rows = [
        [Math.cos, (t: number) => -sign * Math.sin(t)],
        [Math.sin, (t: number) => sign * Math.cos(t)],
      ] as const;
      const [p, q] = rows[which]!;
      return b.node('Mul', [b.node('Add', [times(x, p), times(y, q)]), masks[i]!]);
    });
    return terms.reduce((p, q) => b.node('Add', [p, q]));
  });
  const nodes = await rewritten(b, b.node('Neg', [b.node('Concat', output, { axis: 1 })]), { sample });
  assert.equal(operators(nodes), 'Conv Reshape ReduceMin ReduceMax Neg');
});
