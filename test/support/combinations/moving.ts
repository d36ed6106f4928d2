/** Steps that move elements and nothing else: what a tag has to be carried through, or be dropped at. */

import { factorised, type Grown, type Growth, MOST_ELEMENTS, sizeOf } from './growth.ts';

/** The same elements in the shape `dims`, in one of the ways that exporters write it. */
export function reshaped(g: Growth, x: Grown, dims: readonly number[]): Grown {
  const { chance } = g;
  if (`${dims}` === `${x.dims}` && x.rows === 1) return chance.is(0.8) ? x : g.like(x, 'Identity');
  if (x.rows === 1 && dims.length === 1 && chance.is(0.4)) {
    return g.node('Flatten', [x.name], dims, { axis: chance.is(0.5) ? 1 : -x.dims.length });
  }
  const spread = x.rows === 1 ? unsqueezed(g, x, dims) : null;
  if (spread !== null) return spread;
  const target = [-1, ...dims];
  if (x.rows === 1 && chance.is(0.3)) {
    target[0] = 0;
    const free = chance.below(dims.length);
    if (chance.is(0.5)) target[1 + free] = -1;
  }
  return g.node('Reshape', [x.name, g.int64(target)], dims);
}

/** By Squeeze or Unsqueeze, where the shapes differ by dimensions of 1. */
function unsqueezed(g: Growth, x: Grown, dims: readonly number[]): Grown | null {
  const [few, many] = dims.length < x.dims.length ? [dims, x.dims] : [x.dims, dims];
  if (few.length === many.length || g.chance.is(0.3)) return null;
  const axes: number[] = [];
  let i = 0;
  many.forEach((dim, axis) => {
    if (i < few.length && few[i] === dim) i++;
    else axes.push(axis + 1);
  });
  if (i < few.length || axes.some((axis) => many[axis - 1] !== 1)) return null;
  const signed = g.chance.is(0.3) ? axes.map((axis) => axis - many.length - 1) : axes;
  return g.node(many === dims ? 'Unsqueeze' : 'Squeeze', [x.name, g.int64(signed)], dims);
}

export function transposed(g: Growth, x: Grown): Grown {
  const order = g.chance.order(x.dims.length);
  const perm = [0, ...order.map((axis) => axis + 1)];
  const dims = order.map((axis) => x.dims[axis]!);
  return g.node('Transpose', [x.name], dims, { perm }, x.rows);
}

/** Elements of one axis in any order, some of them perhaps twice or never. */
export function gathered(g: Growth, x: Grown, kind = g.chance.below(3)): Grown {
  const { chance } = g;
  if (x.dims.length === 0) return reshaped(g, x, [x.rows]);
  const axis = chance.below(x.dims.length);
  const dim = x.dims[axis]!;
  const room = Math.max(1, Math.floor(MOST_ELEMENTS / (sizeOf(x.dims) / dim)));
  let taken = chance.order(dim);
  if (kind === 1) taken = taken.slice(0, 1 + chance.below(dim));
  if (kind === 2) taken = Array.from({ length: Math.min(room, 1 + chance.below(dim + 1)) }, () => chance.below(dim));
  const indices = taken.map((i) => (chance.is(0.1) ? i - dim : i));
  const dims = x.dims.with(axis, taken.length);
  return g.node('Gather', [x.name, g.int64(indices)], dims, { axis: axis + 1 }, x.rows);
}

export function sliced(g: Growth, x: Grown): Grown {
  const { chance } = g;
  if (x.dims.length === 0) return reshaped(g, x, [x.rows]);
  const axis = chance.below(x.dims.length);
  const dim = x.dims[axis]!;
  const step = chance.pick([1, 1, 1, 2, -1]);
  const from = chance.below(dim);
  const length = step > 0 ? 1 + Math.floor((dim - 1 - from) / step) : 1 + from;
  const count = 1 + chance.below(length);
  const end = from + step * count;
  const inputs = [[from], [end < 0 ? end - dim : end], [axis + 1], [step]].map((list) => g.int64(list));
  const given = step === 1 && chance.is(0.5) ? inputs.slice(0, 3) : inputs;
  return g.node('Slice', [x.name, ...given], x.dims.with(axis, count), {}, x.rows);
}

/** Two or more parts of one axis. */
export function splitUp(g: Growth, x: Grown, most = 3): Grown[] {
  const { chance } = g;
  const axes = x.dims.flatMap((dim, i) => (dim > 1 ? [i] : []));
  if (axes.length === 0) return [x];
  const axis = chance.pick(axes);
  const dim = x.dims[axis]!;
  const count = 2 + chance.below(Math.min(most, dim) - 1);
  let sizes: number[];
  let inputs = [x.name];
  let attributes: Record<string, number> = { axis: axis + 1 };
  if (dim % count === 0 && chance.is(0.7)) {
    sizes = new Array<number>(count).fill(dim / count);
    attributes = { ...attributes, num_outputs: count };
  } else {
    sizes = new Array<number>(count).fill(1);
    for (let i = count; i < dim; i++) sizes[chance.below(count)]!++;
    inputs = [x.name, g.int64(sizes)];
  }
  const names = g.builder.nodeWith('Split', inputs, count, attributes);
  return names.map((name, i) => ({ name, rows: x.rows, dims: x.dims.with(axis, sizes[i]!) }));
}

/** A reshape to some other factorisation. */
export function refactorised(g: Growth, x: Grown): Grown {
  return reshaped(g, x, factorised(g.chance, x.rows * sizeOf(x.dims)));
}

function kept(g: Growth, x: Grown): Grown {
  const op = g.chance.pick(['Identity', 'Dropout', 'Cast']);
  return g.like(x, op, [], op === 'Cast' ? { to: 1 } : {});
}

/** A step that keeps the number of elements. */
export function carried(g: Growth, x: Grown): Grown {
  const kind = g.chance.below(10);
  if (kind < 5) return refactorised(g, x);
  if (kind < 7) return transposed(g, x);
  return kind < 8 ? gathered(g, x, 0) : kept(g, x);
}

/** A part or a view of a tensor. */
export function viewed(g: Growth, x: Grown): Grown {
  const { chance } = g;
  switch (chance.below(6)) {
    case 0:
      return sliced(g, x);
    case 1:
      return gathered(g, x);
    case 2:
      return chance.pick(splitUp(g, x));
    case 3:
      return transposed(g, x);
    default:
      return refactorised(g, x);
  }
}
