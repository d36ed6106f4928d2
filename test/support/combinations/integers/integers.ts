/** Integer chains as the starts, ends, sizes, indices, axes and pads of operators, and what shows that they were misread. */

import { factorised, type Grown, type Growth, MOST_ELEMENTS, sizeOf } from '../growth.ts';
import { carried, refactorised } from '../moving.ts';
import { disguisedBatch, disguisedList, limit, type Site } from './chains.ts';

function list(site: Site, values: readonly (number | bigint)[], width: 32 | 64 = 64): string {
  return disguisedList(site, values.map(BigInt), width);
}

/** Slice with bounds that are small, or so large that they are clamped. */
function slice(site: Site, x: Grown): Grown {
  const { g } = site;
  const { chance } = g;
  const axis = chance.below(x.dims.length);
  const dim = x.dims[axis]!;
  const width = chance.is(0.4) ? 32 : 64;
  const count = 1 + chance.below(dim);
  const from = chance.below(dim - count + 1);
  const far = (sign: 1n | -1n): bigint => {
    const value = limit(g, width);
    return value > 0n === sign > 0n && (value > 99n || value < -99n) ? value : sign * (2n ** BigInt(width - 1) - 1n);
  };
  let bounds: (number | bigint)[] = [chance.is(0.3) ? from - dim : from, from + count];
  let step: number | bigint = 1;
  const backwards = chance.is(0.25);
  if (backwards) {
    step = -1;
    bounds = [from + count - 1, from === 0 ? far(-1n) : from - 1];
  } else {
    if (from === 0 && chance.is(0.3)) bounds[0] = far(-1n);
    if (from + count === dim && chance.is(0.5)) bounds[1] = far(1n);
    if (count === 1 && chance.is(0.3)) {
      step = far(1n);
      bounds[1] = from + 1 + chance.below(dim - from);
    }
  }
  const inputs = [bounds[0]!, bounds[1]!, chance.is(0.3) ? axis - x.dims.length : axis + 1, step];
  const given = inputs.map((value) => list(site, [value], width));
  const names = step === 1 && chance.is(0.5) ? given.slice(0, 3) : given;
  return g.node('Slice', [x.name, ...names], x.dims.with(axis, count), {}, x.rows);
}

function gather(site: Site, x: Grown): Grown {
  const { chance } = site.g;
  const axis = chance.below(x.dims.length);
  const dim = x.dims[axis]!;
  const room = Math.max(1, Math.floor((MOST_ELEMENTS * dim) / sizeOf(x.dims)));
  const indices = Array.from({ length: Math.min(room, 1 + chance.below(3)) }, () => chance.between(-dim, dim - 1));
  const name = list(site, indices, chance.is(0.3) ? 32 : 64);
  return site.g.node('Gather', [x.name, name], x.dims.with(axis, indices.length), { axis: axis + 1 }, x.rows);
}

function split(site: Site, x: Grown): Grown {
  const { g } = site;
  const { chance } = g;
  const axis = chance.below(x.dims.length);
  const dim = x.dims[axis]!;
  if (dim < 2) return slice(site, x);
  const first = 1 + chance.below(dim - 1);
  const sizes = list(site, [first, dim - first]);
  const names = g.builder.nodeWith('Split', [x.name, sizes], 2, { axis: axis + 1 });
  const kept = chance.below(2);
  return { name: names[kept]!, rows: x.rows, dims: x.dims.with(axis, kept === 0 ? first : dim - first) };
}

function reshape(site: Site, x: Grown): Grown {
  const { g } = site;
  const { chance } = g;
  const size = x.rows * sizeOf(x.dims);
  if (chance.is(0.35) && x.rows === 1) {
    // The batch itself as the first entry, by way of Shape.
    const rows = chance.is(0.7) ? 1 : chance.pick([2, 3, 4].filter((k) => size % k === 0).concat(1));
    const dims = factorised(chance, size / rows);
    const target = g.builder.node('Concat', [disguisedBatch(site, x, rows), list(site, dims)], { axis: 0 });
    return g.node('Reshape', [x.name, target], dims, {}, rows);
  }
  const dims = factorised(chance, size);
  return g.node('Reshape', [x.name, list(site, [-1, ...dims])], dims);
}

function axes(site: Site, x: Grown): Grown {
  const { g } = site;
  const { chance } = g;
  const axis = chance.below(x.dims.length);
  const given = list(site, [chance.is(0.4) ? axis - x.dims.length : axis + 1]);
  const keepdims = chance.below(2);
  const dims = keepdims === 1 ? x.dims.with(axis, 1) : x.dims.filter((_, i) => i !== axis);
  const op = chance.pick(['ReduceSum', 'ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin']);
  return g.node(op, [x.name, given], dims, { keepdims }, x.rows);
}

function unsqueeze(site: Site, x: Grown): Grown {
  const axis = site.g.chance.below(x.dims.length + 1);
  const dims = [...x.dims.slice(0, axis), 1, ...x.dims.slice(axis)];
  return site.g.node('Unsqueeze', [x.name, list(site, [axis + 1])], dims, {}, x.rows);
}

function pad(site: Site, x: Grown): Grown {
  const { g } = site;
  const { chance } = g;
  const axis = chance.below(x.dims.length);
  const room = Math.floor((MOST_ELEMENTS * x.dims[axis]!) / sizeOf(x.dims)) - x.dims[axis]!;
  const before = chance.below(Math.min(3, room + 1));
  const after = chance.below(Math.min(3, room - before + 1));
  const value = chance.is(0.4) ? g.scalar(chance.normal()) : '';
  const rank = x.dims.length + 1;
  const dims = x.dims.with(axis, x.dims[axis]! + before + after);
  if (chance.is(0.5)) {
    const names = [x.name, list(site, [before, after]), value, list(site, [axis + 1])];
    return g.node('Pad', names, dims, {}, x.rows);
  }
  const pads = new Array<number>(2 * rank).fill(0);
  pads[axis + 1] = before;
  pads[axis + 1 + rank] = after;
  return g.node('Pad', [x.name, list(site, pads), ...(value === '' ? [] : [value])], dims, {}, x.rows);
}

function topK(site: Site, x: Grown): Grown {
  const { chance } = site.g;
  const axis = chance.below(x.dims.length);
  const k = 1 + chance.below(x.dims[axis]!);
  return site.g.topK(x, list(site, [k]), axis, k, chance.below(2));
}

const STEPS = [slice, slice, slice, gather, gather, split, reshape, axes, unsqueeze, pad, topK];

export function integerStep(g: Growth, x: Grown): Grown {
  if (x.dims.length === 0 || x.dims.length > 4) return refactorised(g, x);
  const site = { g, shapes: [g.image, ...(x.rows === 1 ? [x] : [])], tame: g.chance.is(0.5) };
  return g.chance.pick(STEPS)(site, x);
}

/** What depends on how many elements an axis has, or on which they are: a sum over it, or two parts beside each other. */
function sensor(g: Growth, x: Grown, y: Grown): Grown {
  const { chance } = g;
  const alike = `${x.dims}` === `${y.dims}` && x.rows === y.rows;
  if (alike && chance.is(0.5)) {
    if (chance.is(0.5)) return g.like(x, chance.pick(['Add', 'Max', 'Sub']), [y.name]);
    if (x.dims.length > 0 && 2 * sizeOf(x.dims) <= MOST_ELEMENTS) {
      const axis = chance.below(x.dims.length);
      return g.node('Concat', [x.name, y.name], x.dims.with(axis, 2 * x.dims[axis]!), { axis: axis + 1 }, x.rows);
    }
  }
  if (x.dims.length === 0) return x;
  const axis = chance.below(x.dims.length);
  const keepdims = x.dims.length > 1 ? chance.below(2) : 1;
  const dims = keepdims === 1 ? x.dims.with(axis, 1) : x.dims.filter((_, i) => i !== axis);
  return g.node('ReduceSum', [x.name, g.int64([axis + 1])], dims, { keepdims }, x.rows);
}

export function growIntegers(g: Growth): readonly Grown[] {
  const { chance } = g;
  const start = chance.is(0.6) ? g.image : refactorised(g, g.image);
  const base = chance.is(0.3) ? g.like(start, 'Mul', [g.weights(start.dims)]) : start;
  let x = integerStep(g, base);
  if (chance.is(0.4)) x = integerStep(g, x);
  const y = chance.is(0.3) ? integerStep(g, base) : x;
  if (chance.is(0.2)) x = carried(g, x);
  const seen = chance.is(0.8) ? sensor(g, x, y) : x;
  const parts = chance.is(0.2) && y !== x ? [seen, y] : [seen];
  return parts.reduce((n, part) => n + part.rows * sizeOf(part.dims), 0) <= 2 * MOST_ELEMENTS ? parts : [seen];
}
