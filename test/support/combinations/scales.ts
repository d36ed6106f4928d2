/** Factors from 10⁻⁴⁵ to 10³⁸ before, in and after what sums: products, means, normalisation, pads, slopes. */

import { factorised, type Grown, type Growth, MOST_ELEMENTS, sizeOf } from './growth.ts';
import { reshaped, transposed } from './moving.ts';

/** Decimal exponents: subnormal, at the edge of it, and up to what float32 just holds. */
const EXPONENTS = [-45, -43, -40, -38, -37, -30, -20, -19, -10, -5, -2, 0, 0, 0, 1, 5, 10, 19, 20, 30, 37, 38];

/** The exponent of about what a tensor's values are; a factor often takes it back to 1. */
class Level {
  exponent = 0;
}

function magnitude(g: Growth, level: Level, most = 38): number {
  const { chance } = g;
  const compensating = chance.is(0.55) ? -level.exponent + chance.between(-1, 1) : chance.pick(EXPONENTS);
  const exponent = Math.max(-45, Math.min(most, compensating));
  level.exponent += exponent;
  const mantissa = chance.is(0.2) ? 1 : 1 + chance.next() * 2;
  return Math.max(2 ** -149, mantissa * 10 ** exponent) * (chance.is(0.2) ? -1 : 1);
}

/** Weights of one magnitude, or of two that are far apart. */
function spreadWeights(g: Growth, dims: readonly number[], size: number): string {
  const { chance } = g;
  const far = chance.is(0.2) ? 10 ** chance.pick([-40, -20, -10, -3]) : 1;
  const kind = chance.below(3);
  const data = Float32Array.from({ length: sizeOf(dims) }, () => {
    const w = kind === 0 ? 1 : kind === 1 ? chance.normal() : chance.next();
    return size * w * (chance.is(0.3) ? far : 1);
  });
  return g.builder.tensor({ type: 'float32', dims, data });
}

type Step = (g: Growth, x: Grown, level: Level) => Grown;

const scale: Step = (g, x, level) => {
  const { chance } = g;
  const divides = chance.is(0.4);
  const size = divides ? 1 / magnitude(g, level) : magnitude(g, level);
  const value = Math.fround(size);
  const usable = Number.isFinite(value) && value !== 0 ? value : Math.fround(1e-38);
  const channels = x.dims.length > 0 ? x.dims.at(-1)! : 1;
  let c = g.scalar(usable);
  const kind = chance.below(5);
  if (kind === 0)
    c = g.builder.floats(
      [channels],
      Array.from({ length: channels }, () => usable),
    );
  if (kind === 1) c = spreadWeights(g, [channels], usable);
  if (kind === 2 && x.dims.length === 3) c = spreadWeights(g, [x.dims[0]!, 1, 1], usable);
  if (divides) return g.like(x, 'Div', [kind === 0 ? c : g.scalar(usable)]);
  return g.node('Mul', chance.is(0.5) ? [x.name, c] : [c, x.name], x.dims, {}, x.rows);
};

const shift: Step = (g, x, level) => {
  const { chance } = g;
  const before = level.exponent;
  const size = magnitude(g, level, 37);
  level.exponent = Math.max(before, level.exponent - before);
  return g.like(x, chance.pick(['Add', 'Add', 'Sub']), [spreadWeights(g, [x.dims.at(-1) ?? 1], size)]);
};

const matMul: Step = (g, x, level) => {
  const { chance } = g;
  const k = x.dims.at(-1)!;
  const m = 1 + chance.below(4);
  if (x.dims.length > 1 && chance.is(0.3)) {
    const rows = x.dims.at(-2)!;
    return g.node('MatMul', [spreadWeights(g, [m, rows], magnitude(g, level)), x.name], x.dims.with(-2, m));
  }
  return g.node('MatMul', [x.name, spreadWeights(g, [k, m], magnitude(g, level))], x.dims.with(-1, m));
};

const gemm: Step = (g, x, level) => {
  const { chance } = g;
  const flat = reshaped(g, x, [x.rows * sizeOf(x.dims)]);
  const k = flat.dims[0]!;
  const m = 1 + chance.below(4);
  const transB = chance.below(2);
  const weights = spreadWeights(g, transB === 1 ? [m, k] : [k, m], magnitude(g, level));
  const attributes: Record<string, number | { float: number }> = { transB };
  if (chance.is(0.7)) attributes['alpha'] = { float: magnitude(g, level) };
  const inputs = [flat.name, weights];
  if (chance.is(0.6)) {
    const own = new Level();
    own.exponent = -level.exponent;
    inputs.push(spreadWeights(g, [m], magnitude(g, own)));
    if (chance.is(0.7)) attributes['beta'] = { float: magnitude(g, own, 37) };
  }
  return g.node('Gemm', inputs, [m], attributes);
};

const conv: Step = (g, x, level) => {
  const { chance } = g;
  const image = x.dims.length === 3 ? x : reshaped(g, x, factorised(chance, x.rows * sizeOf(x.dims), 3));
  const [channels, ...spatial] = image.dims as [number, number, number];
  const outputs = 1 + chance.below(3);
  const kernel = spatial.map((dim) => 1 + chance.below(Math.min(2, dim)));
  const dims = [outputs, ...spatial.map((dim, i) => dim - kernel[i]! + 1)];
  if (sizeOf(dims) > MOST_ELEMENTS) return scale(g, image, level);
  const inputs = [image.name, spreadWeights(g, [outputs, channels, ...kernel], magnitude(g, level))];
  if (chance.is(0.4)) inputs.push(spreadWeights(g, [outputs], 10 ** Math.max(-45, Math.min(37, level.exponent))));
  return g.node('Conv', inputs, dims);
};

/** Means of the windows of channels in two dimensions, or of all of each. */
export function averagePooled(g: Growth, x: Grown): Grown {
  const { chance } = g;
  if (chance.is(0.5)) return g.node('GlobalAveragePool', [x.name], [x.dims[0]!, 1, 1]);
  const kernel = x.dims.slice(1).map((dim) => 1 + chance.below(dim));
  const strides = kernel.map((k) => 1 + chance.below(k));
  const out = x.dims.slice(1).map((dim, i) => Math.floor((dim - kernel[i]!) / strides[i]!) + 1);
  const attributes = { kernel_shape: kernel, strides, count_include_pad: chance.below(2) };
  return g.node('AveragePool', [x.name], [x.dims[0]!, ...out], attributes);
}

const mean: Step = (g, x) => {
  const { chance } = g;
  if (x.dims.length === 3 && chance.is(0.5)) return averagePooled(g, x);
  const op = chance.pick(['ReduceMean', 'ReduceMean', 'ReduceSum']);
  const first = chance.is(0.5) ? 0 : chance.below(x.dims.length);
  const axes = chance.is(0.5) ? x.dims.map((_, axis) => axis).slice(first) : [first];
  const dims = x.dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  return g.node(op, [x.name, g.int64(axes.map((axis) => axis + 1))], dims);
};

const normalization: Step = (g, x, level) => {
  const { chance } = g;
  if (x.dims.length === 0) return x;
  const c = x.dims[0]!;
  const constant = (of: () => number): string => g.builder.floats([c], Array.from({ length: c }, of));
  const variance = 10 ** chance.pick([-30, -29, -25, -12, -6, 0, 0, 6, 20, 37]);
  const wanted = Math.max(-45, Math.min(37, Math.log10(variance) / 2 + chance.between(-20, 3)));
  const gamma = chance.is(0.5) ? 10 ** wanted : Math.min(1e38, Math.abs(magnitude(g, level)));
  level.exponent += Math.round(Math.log10(gamma) - Math.log10(variance) / 2);
  const other = (): string => {
    const size = 10 ** chance.pick([-45, -38, -10, 0, 0, 0, 10, 20]);
    return constant(() => size * chance.normal());
  };
  const inputs = [constant(() => gamma * (0.5 + chance.next())), other(), other()];
  const spread = constant(() => variance * (0.5 + chance.next()));
  const epsilon = { float: chance.pick([0, 1e-30, 1e-12, 1e-5, 1e-3]) };
  return g.like(x, 'BatchNormalization', [...inputs, spread], { epsilon });
};

const pointwise: Step = (g, x, level) => {
  const { chance } = g;
  switch (chance.below(6)) {
    case 0:
      return g.like(x, 'LeakyRelu', [], { alpha: { float: magnitude(g, level, 37) } });
    case 1:
      return g.like(x, 'PRelu', [spreadWeights(g, [x.dims.at(-1) ?? 1], magnitude(g, level, 37))]);
    case 2: {
      const edge = Math.abs(magnitude(g, new Level(), 37));
      return g.like(x, 'Clip', [g.scalar(-edge * chance.next()), g.scalar(edge)]);
    }
    case 3: {
      const rank = x.dims.length + 1;
      const pads = new Array<number>(2 * rank).fill(0);
      pads[rank - 1] = 1;
      if (x.dims.length === 0 || (sizeOf(x.dims) * (x.dims.at(-1)! + 1)) / x.dims.at(-1)! > MOST_ELEMENTS) return x;
      const value = g.scalar(magnitude(g, new Level()));
      return g.node('Pad', [x.name, g.int64(pads), value], x.dims.with(-1, x.dims.at(-1)! + 1));
    }
    case 4:
      return g.like(x, chance.pick(['Max', 'Min']), [g.scalar(magnitude(g, new Level(), 37))]);
    default:
      return g.like(x, chance.pick(['Relu', 'Abs', 'Neg']));
  }
};

const move: Step = (g, x) =>
  g.chance.is(0.5) && x.dims.length > 1 ? transposed(g, x) : reshaped(g, x, factorised(g.chance, sizeOf(x.dims)));

/** The same elements several times: sums over them grow, the largest does not. */
const repeated: Step = (g, x) => {
  const times = Math.min(3, Math.floor(MOST_ELEMENTS / sizeOf(x.dims)));
  if (times < 2) return x;
  const axis = g.chance.below(x.dims.length);
  const names = new Array<string>(times).fill(x.name);
  return g.node('Concat', names, x.dims.with(axis, x.dims[axis]! * times), { axis: axis + 1 });
};

const STEPS: readonly Step[] = [
  ...[scale, scale, scale, matMul, matMul, gemm, conv],
  ...[mean, mean, normalization, shift, pointwise, move, repeated],
];

export function scaleSteps(g: Growth, x: Grown, count: number): Grown {
  const level = new Level();
  let y = x.rows === 1 ? x : reshaped(g, x, [x.rows * sizeOf(x.dims)]);
  for (let i = 0; i < count; i++) {
    const next = g.chance.pick(STEPS)(g, y.dims.length === 0 ? reshaped(g, y, [1]) : y, level);
    y = next;
  }
  return y;
}

/** A mean of as many values as there is room for, of what a factor has made so large that their sum may overflow. */
function largeMean(g: Growth): Grown {
  const { chance } = g;
  const level = new Level();
  level.exponent = -chance.between(18, 37);
  const grow = chance.pick([scale, scale, matMul, conv]);
  let x = grow(g, g.image, level);
  if (chance.is(0.6)) x = repeated(g, x, level);
  if (chance.is(0.3)) x = move(g, x, level);
  if (chance.is(0.4)) x = reshaped(g, x, chance.pick([[sizeOf(x.dims)], [1, 1, sizeOf(x.dims)]]));
  x = mean(g, x, level);
  level.exponent = 30;
  return chance.is(0.7) ? chance.pick([scale, matMul])(g, x, level) : x;
}

export function growScales(g: Growth): readonly Grown[] {
  return [g.chance.is(0.1) ? largeMean(g) : scaleSteps(g, g.image, 2 + g.chance.below(4))];
}
