/**
 * Products of one tensor with constants, carried through moves and joined: the shapes agree, the meanings need not. What a
 * proof takes for one product [M₁ M₂ …] must really be one.
 */

import { factorised, type Grown, type Growth, MOST_ELEMENTS, sizeOf } from './growth.ts';
import { carried, refactorised, reshaped, splitUp, viewed } from './moving.ts';

/** v ↦ Mv along one axis, with `outputs` elements in all where that is possible. */
export function multiplied(g: Growth, x: Grown, outputs: number, scale = 1): Grown {
  const { chance } = g;
  const size = x.rows * sizeOf(x.dims);
  const divisors: number[] = [];
  for (let lead = 1; lead <= size; lead++) if (size % lead === 0 && outputs % lead === 0) divisors.push(lead);
  const lead = chance.pick(divisors);
  const [k, m] = [size / lead, outputs / lead];
  const kind = chance.below(8);
  if (lead === 1 && kind < 4) {
    const flat = reshaped(g, x, [k]);
    if (kind < 2) {
      const transB = chance.below(2);
      const w = g.weights(transB === 1 ? [m, k] : [k, m], scale);
      const alpha = chance.is(0.3) ? { alpha: { float: chance.normal() * 2 } } : {};
      return g.node('Gemm', [flat.name, w], [m], { transB, ...alpha });
    }
    return g.node('MatMul', [flat.name, g.weights([k, m], scale)], [m]);
  }
  const before = factorised(chance, lead, 1 + chance.below(2));
  const blocks = chance.is(0.3) ? before.slice(chance.below(before.length)) : [];
  if (kind % 2 === 0) {
    const operand = reshaped(g, x, [...before, k]);
    // Blocks go with the axes just before the last two: one more axis where all of `before` has blocks.
    if (blocks.length === 0 || chance.is(0.3)) {
      const own = blocks.slice(0, -1);
      return g.node('MatMul', [operand.name, g.weights([...own, k, m], scale)], [...before, m]);
    }
    const stacked = reshaped(g, operand, [...before, 1, k]);
    return g.node('MatMul', [stacked.name, g.weights([...blocks, k, m], scale)], [...before, 1, m]);
  }
  const free = blocks.length > 0 ? 1 : before.at(-1)!;
  const rest = blocks.length > 0 ? before : before.slice(0, -1);
  const operand = reshaped(g, x, [...rest, k, free]);
  return g.node('MatMul', [g.weights([...blocks, m, k], scale), operand.name], [...rest, m, free]);
}

/** Parts of one tensor, views of it, or the tensor itself so often. */
function operands(g: Growth, base: Grown, count: number): Grown[] {
  const { chance } = g;
  if (chance.is(0.4)) {
    const pieces = splitUp(g, base, count);
    if (pieces.length === count) return chance.is(0.2) ? pieces.map(() => pieces[0]!) : pieces;
  }
  return Array.from({ length: count }, () => {
    let x = chance.is(0.1) ? g.like(base, 'Mul', [g.scalar(chance.pick([10, -3]))]) : base;
    for (let i = chance.below(3); i > 0; i--) x = viewed(g, x);
    return x;
  });
}

/** Tensors of one shape in one: the sum of all, their largest or smallest values, or all side by side. */
export function joined(g: Growth, parts: readonly Grown[]): Grown {
  const { chance } = g;
  const first = parts[0]!;
  const names = parts.map(({ name }) => name);
  const kind = chance.below(10);
  if (kind === 0 && parts.length * sizeOf(first.dims) <= MOST_ELEMENTS) {
    const axis = chance.below(first.dims.length);
    return g.node('Concat', names, first.dims.with(axis, first.dims[axis]! * parts.length), { axis: axis + 1 });
  }
  if (kind === 1) return g.node(chance.pick(['Max', 'Min']), names, first.dims);
  if (kind < 5 || parts.length > 2) return g.node('Sum', names, first.dims);
  return g.node(kind === 5 ? 'Sub' : 'Add', names, first.dims);
}

/** Products of one tensor that are joined, and perhaps joined again with more of them. */
export function joinedProducts(g: Growth, base: Grown): Grown {
  const { chance } = g;
  const outputs = chance.pick([2, 3, 4, 4, 6, 6, 8, 12]);
  const common = factorised(chance, outputs, 1 + chance.below(2));
  const one = (x: Grown): Grown => {
    let y = multiplied(g, x, outputs);
    for (let i = chance.pick([0, 0, 0, 1, 1, 2]); i > 0; i--) y = carried(g, y);
    return reshaped(g, y, common);
  };
  let sum = joined(g, operands(g, base, chance.is(0.75) ? 2 : 3).map(one));
  if (chance.is(0.25) && `${sum.dims}` === `${common}`) {
    const again = one(chance.is(0.5) ? base : sum);
    sum = joined(g, chance.is(0.5) ? [sum, again] : [again, sum]);
  }
  return sum;
}

/**
 * Products of parts of one tensor that have nothing in common, of one shape and not moved since: alike but for the side, the blocks or
 * the tensor they come from. Apart from each other, nothing but the norm of what they are together bounds their sum.
 */
function twins(g: Growth, base: Grown): Grown {
  const { chance } = g;
  const rank = 2 + chance.below(2);
  const dims = Array.from({ length: rank }, () => 1 + chance.below(2) + (chance.is(0.2) ? 1 : 0));
  const [a, b] = [dims.at(-2)!, dims.at(-1)!];
  const stack = dims.slice(0, -2);
  const outputs = sizeOf(dims);
  const flat = reshaped(g, base, [base.rows * sizeOf(base.dims)]);
  const room = flat.dims[0]!;
  const names: string[] = [];
  let start = 0;
  for (const turn of [0, 1]) {
    const onRight = chance.is(0.5);
    const fewest = outputs / (onRight ? b : a);
    const most = Math.floor((room - start) / fewest) - (turn === 0 ? 1 : 0);
    if (most < 1) return multiplied(g, base, outputs);
    const k = 1 + chance.below(Math.min(3, most));
    const range = [start, start + k * fewest, 1].map((entry) => g.int64([entry]));
    start += k * fewest;
    const source = chance.is(0.15) ? g.like(flat, 'Mul', [g.scalar(chance.pick([10, -3]))]) : flat;
    const part = g.node('Slice', [source.name, ...range], [k * fewest]);
    const operand = g.node('Reshape', [part.name, g.int64([-1, ...stack, ...(onRight ? [a, k] : [k, b])])], []);
    const blocks = chance.is(0.5) ? stack : [];
    const weights = g.weights([...blocks, ...(onRight ? [k, b] : [a, k])]);
    names.push(g.builder.node('MatMul', onRight ? [operand.name, weights] : [weights, operand.name]));
  }
  return g.node(chance.pick(['Add', 'Sum']), names, dims);
}

/** A base that is the image, a view of it, or computed from it. */
export function baseOf(g: Growth): Grown {
  const { chance, image } = g;
  const kind = chance.below(8);
  if (kind < 3) return image;
  if (kind < 5) return refactorised(g, image);
  if (kind === 5) return g.like(image, chance.pick(['Relu', 'Abs', 'Neg']));
  if (kind === 6) return g.like(image, 'Add', [g.normals(image.dims)]);
  return multiplied(g, image, chance.pick([4, 6, 8]));
}

export function growProducts(g: Growth): readonly Grown[] {
  const base = baseOf(g);
  const sum = g.chance.is(0.3) ? twins(g, base) : joinedProducts(g, base);
  const kind = g.chance.below(8);
  if (kind === 0) return [g.like(sum, 'Relu')];
  if (kind === 1) return [multiplied(g, sum, 4)];
  return [sum];
}
