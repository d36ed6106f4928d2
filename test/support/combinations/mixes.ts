/** Steps of all kinds after each other, on a pool of tensors that meet again. */

import { factorised, type Grown, type Growth, MOST_ELEMENTS, sizeOf } from './growth.ts';
import { integerStep } from './integers/integers.ts';
import { carried, reshaped, viewed } from './moving.ts';
import { baseOf, joined, joinedProducts, multiplied } from './products.ts';
import { scaleSteps } from './scales.ts';
import { sortStep } from './sorts.ts';

type Step = (g: Growth, x: Grown) => Grown;

const activation: Step = (g, x) => {
  const { chance } = g;
  const op = chance.pick(['Relu', 'Abs', 'Neg', 'LeakyRelu', 'Clip', 'Max', 'Min']);
  if (op === 'LeakyRelu') return g.like(x, op, [], { alpha: { float: chance.normal() } });
  if (op === 'Clip') return g.like(x, op, chance.is(0.5) ? [g.scalar(-0.5), g.scalar(0.7)] : [g.scalar(0.1)]);
  return g.like(x, op, op === 'Max' || op === 'Min' ? [g.normals([x.dims.at(-1) ?? 1])] : []);
};

const shifted: Step = (g, x) => g.like(x, g.chance.pick(['Add', 'Sub']), [g.normals(x.dims)]);

const scaled: Step = (g, x) => {
  if (g.chance.is(0.3)) return g.like(x, 'Div', [g.scalar(0.5 + g.chance.next())]);
  return g.like(x, 'Mul', [g.chance.is(0.5) ? g.scalar(g.chance.normal()) : g.normals(x.dims)]);
};

const product: Step = (g, x) => multiplied(g, x, g.chance.pick([2, 4, 6, 8]));

const pooled: Step = (g, x) => {
  const { chance } = g;
  if (x.rows !== 1) return reshaped(g, x, [x.rows * sizeOf(x.dims)]);
  const image = x.dims.length === 3 ? x : reshaped(g, x, factorised(chance, sizeOf(x.dims), 3));
  const spatial = image.dims.slice(1);
  const op = chance.pick(['MaxPool', 'AveragePool', 'GlobalMaxPool', 'GlobalAveragePool']);
  if (op.startsWith('Global')) return g.node(op, [image.name], [image.dims[0]!, 1, 1]);
  const kernel = spatial.map((dim) => 1 + chance.below(Math.min(dim, 3)));
  const strides = op === 'MaxPool' ? kernel.map((k) => k + chance.below(2)) : kernel.map(() => 1 + chance.below(2));
  const pads = [...kernel, ...kernel].map((k) => chance.below(k));
  const out = spatial.map((dim, i) => Math.floor((dim + pads[i]! + pads[i + 2]! - kernel[i]!) / strides[i]!) + 1);
  const counted = op === 'AveragePool' ? { count_include_pad: chance.below(2) } : {};
  return g.node(op, [image.name], [image.dims[0]!, ...out], { kernel_shape: kernel, strides, pads, ...counted });
};

const convolved: Step = (g, x) => {
  const { chance } = g;
  if (x.rows !== 1) return reshaped(g, x, [x.rows * sizeOf(x.dims)]);
  const rank = chance.is(0.8) ? 3 : 2;
  const image = x.dims.length === rank ? x : reshaped(g, x, factorised(chance, sizeOf(x.dims), rank));
  const [channels, ...spatial] = image.dims as [number, ...number[]];
  const group = channels % 2 === 0 && chance.is(0.3) ? 2 : 1;
  const outputs = group * (1 + chance.below(2));
  const kernel = spatial.map((dim) => 1 + chance.below(Math.min(dim, 3)));
  const strides = spatial.map(() => 1 + chance.below(2));
  const dilations = kernel.map(() => 1 + chance.below(2));
  const pads = [...spatial, ...spatial].map(() => chance.below(2));
  const out = spatial.map((dim, i) => {
    const span = dilations[i]! * (kernel[i]! - 1) + 1;
    return Math.floor((dim + pads[i]! + pads[i + spatial.length]! - span) / strides[i]!) + 1;
  });
  if (out.some((dim) => dim < 1) || outputs * sizeOf(out) > MOST_ELEMENTS) return image;
  const inputs = [image.name, g.weights([outputs, channels / group, ...kernel], 0.5)];
  if (chance.is(0.5)) inputs.push(g.normals([outputs]));
  return g.node('Conv', inputs, [outputs, ...out], { group, strides, dilations, pads });
};

const reduced: Step = (g, x) => {
  if (x.dims.length === 0) return reshaped(g, x, [x.rows]);
  const axis = g.chance.below(x.dims.length);
  const op = g.chance.pick(['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin']);
  return g.node(op, [x.name, g.int64([axis + 1])], x.dims.with(axis, 1), {}, x.rows);
};

const STEPS: readonly Step[] = [
  ...[activation, shifted, scaled, product, product, pooled, convolved, reduced],
  ...[viewed, viewed, carried, sortStep, sortStep, integerStep],
  (g, x) => scaleSteps(g, x, 1),
];

function fits(x: Grown): boolean {
  return x.rows * sizeOf(x.dims) <= MOST_ELEMENTS && x.dims.length <= 5;
}

/** Two tensors of the pool in one, brought to one shape where they have the same size. */
function met(g: Growth, pool: readonly Grown[]): Grown | null {
  const a = g.chance.pick(pool);
  const size = a.rows * sizeOf(a.dims);
  const others = pool.filter((b) => b.rows * sizeOf(b.dims) === size);
  const b = g.chance.pick(others);
  const dims = factorised(g.chance, size, 1 + g.chance.below(2));
  return joined(g, [reshaped(g, a, dims), reshaped(g, b, dims)]);
}

export function growMixes(g: Growth): readonly Grown[] {
  const { chance } = g;
  const pool: Grown[] = [baseOf(g)];
  for (let i = 2 + chance.below(4); i > 0; i--) {
    const kind = chance.below(10);
    const x = chance.is(0.7) ? pool.at(-1)! : chance.pick(pool);
    const next = kind === 0 ? joinedProducts(g, x) : kind < 3 ? met(g, pool) : chance.pick(STEPS)(g, x);
    if (next !== null && fits(next)) pool.push(next);
  }
  return chance.is(0.15) && pool.length > 2 ? pool.slice(-2) : pool.slice(-1);
}
