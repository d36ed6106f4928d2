/** GroupSort taken apart: maxima and minima of halves, permuted, joined with those of other pairs, sorted again. */

import { type Grown, type Growth, MOST_ELEMENTS, sizeOf } from './growth.ts';
import { gathered, refactorised, reshaped, sliced, splitUp, transposed } from './moving.ts';

/** Two tensors of the same shape from one: its halves, or views that overlap. */
function halves(g: Growth, x: Grown): [Grown, Grown] {
  const { chance } = g;
  const even = x.dims.flatMap((dim, axis) => (dim % 2 === 0 ? [axis] : []));
  if (even.length === 0) return [x, chance.is(0.5) ? gathered(g, x, 0) : x];
  const axis = chance.pick(even);
  const size = x.dims[axis]! / 2;
  const dims = x.dims.with(axis, size);
  const kind = chance.below(4);
  if (kind === 0) {
    // Neighbours instead of halves.
    const strided = (from: number): Grown => {
      const list = [[from], [2 ** 31 - 1], [axis + 1], [2]].map((entry) => g.int64(entry));
      return g.node('Slice', [x.name, ...list], dims, {}, x.rows);
    };
    return [strided(0), strided(1)];
  }
  if (kind === 1) {
    const some = (): Grown => {
      const indices = g.int64(Array.from({ length: size }, () => chance.below(2 * size)));
      return g.node('Gather', [x.name, indices], dims, { axis: axis + 1 }, x.rows);
    };
    return [some(), some()];
  }
  const [a, b] = g.builder.nodeWith('Split', [x.name], 2, { axis: axis + 1, num_outputs: 2 }) as [string, string];
  return [
    { name: a, rows: x.rows, dims },
    { name: b, rows: x.rows, dims },
  ];
}

function concat(g: Growth, parts: readonly Grown[]): Grown {
  const first = parts[0]!;
  const axis = g.chance.below(first.dims.length);
  const length = parts.reduce((n, part) => n + part.dims[axis]!, 0);
  const names = parts.map(({ name }) => name);
  return g.node('Concat', names, first.dims.with(axis, length), { axis: axis + 1 }, first.rows);
}

/** Maxima and minima of pairs, put together rightly, or not. */
function sortedPairs(g: Growth, x: Grown): Grown {
  const { chance } = g;
  let [a, b] = halves(g, x);
  if (chance.is(0.15)) b = gathered(g, b, 0);
  const of = (op: string, p: Grown, q: Grown): Grown => g.node(op, [p.name, q.name], p.dims, {}, p.rows);
  const high = of('Max', a, b);
  let low = of('Min', a, b);
  if (chance.is(0.2)) {
    [a, b] = halves(g, x);
    if (`${a.dims}` === `${high.dims}`) low = of(chance.pick(['Max', 'Min']), a, b);
  }
  const pieces = [high, low].map((piece) => {
    const kind = chance.below(10);
    if (kind === 0) return gathered(g, piece, 0);
    return kind === 1 ? g.like(piece, chance.pick(['Identity', 'Relu', 'Neg'])) : piece;
  });
  if (chance.is(0.2)) pieces.push(chance.pick(chance.is(0.5) ? pieces : [a, b]));
  const ordered = chance.order(pieces.length).map((i) => pieces[i]!);
  const fits = ordered.every(({ dims }) => `${dims}` === `${ordered[0]!.dims}`);
  if (!fits || ordered.length * sizeOf(ordered[0]!.dims) > MOST_ELEMENTS) return ordered[0]!;
  return chance.is(0.1) ? g.like(ordered[0]!, 'Add', [ordered[1]!.name]) : concat(g, ordered);
}

/** The sort that torchlip and deel-lip write: pairs as a last axis of 2, reduced. */
function sortedAxis(g: Growth, x: Grown): Grown {
  const { chance } = g;
  const size = x.rows * sizeOf(x.dims);
  if (size % 2 !== 0) return refactorised(g, x);
  const flat = chance.is(0.3)
    ? g.node('Reshape', [x.name, g.int64([-1, 2])], [2], {}, size / 2)
    : reshaped(g, x, chance.pick([[size / 2, 2], [1, size / 2, 2], size % 4 === 0 ? [2, size / 4, 2] : [size / 2, 2]]));
  const axis = flat.dims.length;
  if (chance.is(0.3)) {
    const k = 1 + chance.below(2);
    const sorted = g.topK(flat, g.int64([k]), flat.dims.length - 1, k, chance.below(2));
    return sorted.rows === 1 ? sorted : reshaped(g, sorted, [sorted.rows * k]);
  }
  const half = (op: string): Grown => {
    const dims = flat.dims.with(-1, 1);
    return g.node(op, [flat.name, g.int64([chance.is(0.5) ? axis : -1])], dims, { keepdims: 1 }, flat.rows);
  };
  const ops = chance.is(0.8) ? ['ReduceMin', 'ReduceMax'] : ['ReduceMax', 'ReduceMax'];
  const names = ops.map((op) => half(op).name);
  const sorted = g.node('Concat', names, flat.dims, { axis }, flat.rows);
  return reshaped(g, sorted, [size]);
}

export function sortStep(g: Growth, x: Grown): Grown {
  return g.chance.is(0.7) && x.dims.length > 0 ? sortedPairs(g, x) : sortedAxis(g, x);
}

export function growSorts(g: Growth): readonly Grown[] {
  const { chance } = g;
  let x = chance.is(0.5) ? g.image : refactorised(g, g.image);
  for (let i = 1 + chance.below(3); i > 0; i--) {
    x = sortStep(g, x);
    const kind = chance.below(6);
    if (kind === 0) x = refactorised(g, x);
    if (kind === 1) x = transposed(g, x);
    if (kind === 2) x = gathered(g, x);
    if (kind === 3) {
      const parts = splitUp(g, x, 2);
      if (parts.length === 2 && `${parts[0]!.dims}` === `${parts[1]!.dims}`) {
        x = chance.is(0.5) ? concat(g, [parts[1]!, parts[0]!]) : g.like(parts[0]!, 'Max', [parts[1]!.name]);
      }
    }
    if (kind === 4) x = sliced(g, x);
  }
  return [x];
}
