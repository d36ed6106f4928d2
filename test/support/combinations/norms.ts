/** Roots of sums of squares: moved, reduced, weighted, shifted and joined, by constants of every shape that has one element. */

import { factorised, type Grown, type Growth, MOST_ELEMENTS, sizeOf } from './growth.ts';

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

const moved: Step = (g, q) => {
  const { chance } = g;
  if (chance.is(0.4)) {
    const dims = factorised(chance, sizeOf(q.dims));
    return g.node('Reshape', [q.name, g.int64([0, ...dims])], dims);
  }
  if (chance.is(0.5)) {
    const order = chance.order(q.dims.length);
    const dims = order.map((axis) => q.dims[axis]!);
    return g.node('Transpose', [q.name], dims, { perm: [0, ...order.map((axis) => axis + 1)] });
  }
  const at = chance.below(q.dims.length + 1);
  return g.node('Unsqueeze', [q.name, g.int64([at + 1])], q.dims.toSpliced(at, 0, 1));
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

const pooled: Step = (g, q) => {
  const { chance } = g;
  if (q.dims.length !== 3) return reduced(g, q);
  if (chance.is(0.3)) return g.node('GlobalAveragePool', [q.name], [q.dims[0]!, 1, 1]);
  const kernel = q.dims.slice(1).map((dim) => 1 + chance.below(dim));
  const strides = kernel.map((k) => 1 + chance.below(k));
  const out = q.dims.slice(1).map((dim, i) => Math.floor((dim - kernel[i]!) / strides[i]!) + 1);
  return g.node('AveragePool', [q.name], [q.dims[0]!, ...out], { kernel_shape: kernel, strides });
};

const STEPS: readonly Step[] = [scaled, scaled, shifted, moved, moved, reduced, reduced, joined, beside, pooled];

/** Some entries of the last axis, counted from either end. */
const sliced: Step = (g, x) => {
  const last = x.dims.at(-1)!;
  const count = 1 + g.chance.below(last);
  const first = g.chance.below(last - count + 1);
  const from = g.chance.is(0.5) ? first : first - last;
  const to = g.chance.is(0.5) || first + count === last ? first + count : first + count - last;
  const inputs = [x.name, g.int64([from]), g.int64([to]), g.int64([-1])];
  return g.node('Slice', inputs, x.dims.with(-1, count));
};

export function growNorms(g: Growth): readonly Grown[] {
  const { chance, image } = g;
  const last = image.dims.at(-1)!;
  const x = chance.is(0.5) ? g.like(image, 'MatMul', [g.weights([last, last])]) : image;
  const dims = chance.is(0.5) ? x.dims : factorised(chance, sizeOf(x.dims));
  const shaped = dims === x.dims ? x : g.node('Reshape', [x.name, g.int64([0, ...dims])], dims);
  let q = g.like(shaped, 'Mul', [shaped.name]);
  for (let left = 1 + chance.below(4); left > 0; left--) q = chance.pick(STEPS)(g, q);
  const root = g.like(q, 'Sqrt');
  return [chance.is(0.5) ? sliced(g, root) : root];
}
