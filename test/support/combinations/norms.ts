/** Roots of sums of squares: moved, reduced, weighted, shifted and joined, by constants of every shape that has one element. */

import { type Grown, type Growth, MOST_ELEMENTS, sizeOf } from './growth.ts';
import { refactorised, sliced, transposed } from './moving.ts';
import { averagePooled } from './scales.ts';

type Step = (g: Growth, q: Grown) => Grown;

/** One number of some rank; of too high a rank it gives the product more axes, which the shapes here do not follow. */
function oneNumber(g: Growth, q: Grown, value: number): string {
  const rank = g.chance.below(q.dims.length + 4);
  return g.builder.floats(Array<number>(rank).fill(1), [value]);
}

const scaled: Step = (g, q) => {
  const { chance } = g;
  return g.like(q, chance.pick(['Mul', 'Div']), [oneNumber(g, q, 2 ** chance.between(-6, 6))]);
};

const shifted: Step = (g, q) => {
  const { chance } = g;
  const last = q.dims.at(-1)!;
  const c = chance.is(0.5)
    ? oneNumber(g, q, chance.next())
    : g.builder.floats(
        [last],
        Array.from({ length: last }, () => chance.next()),
      );
  return g.like(q, 'Add', [c]);
};

const reduced: Step = (g, q) => {
  const { chance } = g;
  const axis = chance.below(q.dims.length);
  const keeps = chance.is(0.5) || q.dims.length === 1;
  const dims = keeps ? q.dims.with(axis, 1) : q.dims.toSpliced(axis, 1);
  const place = chance.is(0.5) ? axis + 1 : axis - q.dims.length;
  return g.node(chance.pick(['ReduceSum', 'ReduceMean']), [q.name, g.int64([place])], dims, {
    keepdims: Number(keeps),
  });
};

const joined: Step = (g, q) => {
  const other = scaled(g, q);
  return g.like(q, g.chance.pick(['Add', 'Sum']), [other.name]);
};

const beside: Step = (g, q) => {
  const axis = g.chance.below(q.dims.length);
  const dims = q.dims.with(axis, 2 * q.dims[axis]!);
  if (sizeOf(dims) > MOST_ELEMENTS) return q;
  return g.node('Concat', [q.name, scaled(g, q).name], dims, { axis: axis + 1 });
};

const pooled: Step = (g, q) => (q.dims.length === 3 ? averagePooled(g, q) : reduced(g, q));

const STEPS: readonly Step[] = [
  ...[scaled, scaled, shifted, joined, beside],
  ...[reduced, reduced, pooled, refactorised, transposed, sliced],
];

export function growNorms(g: Growth): readonly Grown[] {
  const { chance, image } = g;
  const last = image.dims.at(-1)!;
  const x = chance.is(0.5) ? g.like(image, 'MatMul', [g.weights([last, last])]) : image;
  const shaped = chance.is(0.5) ? x : refactorised(g, x);
  let q = g.like(shaped, 'Mul', [shaped.name]);
  for (let left = 1 + chance.below(4); left > 0; left--) q = chance.pick(STEPS)(g, q);
  const root = g.like(q, 'Sqrt');
  return [chance.is(0.5) ? sliced(g, root) : root];
}
