/** Linear operators after and beside each other, and blocks with one hidden layer: what lemmas 20 and 21 take together. */

import { type Grown, type Growth, sizeOf } from './growth.ts';
import { reshaped, transposed } from './moving.ts';
import { sortStep } from './sorts.ts';

type Step = (g: Growth, x: Grown) => Grown;

/** A picture [C, H, W] of the same elements. */
function picture(g: Growth, x: Grown): Grown {
  if (x.rows === 1 && x.dims.length === 3) return x;
  const size = x.rows * sizeOf(x.dims);
  const height = size % 4 === 0 ? 2 : 1;
  const channels = g.chance.pick([1, 2, 3].filter((c) => (size / height) % c === 0));
  return reshaped(g, x, [channels, height, size / height / channels]);
}

function vector(g: Growth, x: Grown): Grown {
  return reshaped(g, x, [x.rows * sizeOf(x.dims)]);
}

/** A Conv from `inputs` to `outputs` channels that keeps the size of the picture; or one with other padding. */
function conv(g: Growth, x: Grown, weights: string, outputs: number, kernel: readonly number[], odd = 0): Grown {
  const [p1, p2] = kernel.map((k) => (k - 1) / 2) as [number, number];
  const inputs = [x.name, weights];
  if (g.chance.is(0.5)) inputs.push(g.normals([outputs]));
  const dims = [outputs, ...x.dims.slice(1)];
  return g.node('Conv', inputs, dims, { pads: [p1 + odd, p2, p1 - odd, p2] });
}

const sameConv: Step = (g, x) => {
  const { chance } = g;
  const image = picture(g, x);
  const channels = image.dims[0]!;
  const kernel = [chance.pick([1, 3]), chance.pick([1, 3])];
  const odd = kernel[0] === 3 && chance.is(0.2) ? chance.pick([-1, 1]) : 0;
  const group = channels === 2 && chance.is(0.2) ? 2 : 1;
  if (group === 1) return conv(g, image, g.weights([channels, channels, ...kernel], 0.4), channels, kernel, odd);
  const [p1, p2] = kernel.map((k) => (k - 1) / 2) as [number, number];
  const weights = g.weights([2, 1, ...kernel], 0.7);
  return g.like(image, 'Conv', [weights], { group, pads: [p1, p2, p1, p2] });
};

/** Pixels repeated beyond the edge, by Gather: round a circle, mirrored, or anyhow; then a Conv that needs them. */
const wrappedConv: Step = (g, x) => {
  const { chance } = g;
  const image = picture(g, x);
  const [channels, height, width] = image.dims as [number, number, number];
  const kind = chance.below(4);
  const begin = chance.below(width);
  const taps = 1 + chance.below(3);
  const positions = Array.from({ length: width + taps - 1 }, (_, i) => {
    if (kind === 0) return chance.below(width);
    if (kind === 1) return Math.min(Math.max(i - 1, 0), width - 1);
    return (i + begin) % width;
  });
  const padded = g.node('Gather', [image.name, g.int64(positions)], [channels, height, positions.length], { axis: 3 });
  return g.node('Conv', [padded.name, g.weights([channels, channels, 1, taps], 0.4)], image.dims);
};

const strided: Step = (g, x) => {
  const image = picture(g, x);
  const [channels, height, width] = image.dims as [number, number, number];
  const kernel = [1, Math.min(2, width)];
  const out = [1 + g.chance.below(2), height, width - kernel[1]! + 1];
  return g.node('Conv', [image.name, g.weights([out[0]!, channels, ...kernel], 0.5)], out);
};

const pooled: Step = (g, x) => {
  const image = picture(g, x);
  const [channels, height, width] = image.dims as [number, number, number];
  if (g.chance.is(0.3)) return g.node('GlobalAveragePool', [image.name], [channels, 1, 1]);
  const k = Math.min(2, width);
  const stride = 1 + g.chance.below(2);
  const attributes = { kernel_shape: [1, k], strides: [1, stride], count_include_pad: g.chance.below(2) };
  return g.node('AveragePool', [image.name], [channels, height, Math.floor((width - k) / stride) + 1], attributes);
};

/** Along the last axis, or the one before it, in blocks or not. */
const product: Step = (g, x) => {
  const { chance } = g;
  const y = x.dims.length > 0 ? x : vector(g, x);
  const n = y.dims.at(-1)!;
  const m = y.dims.at(-2) ?? 0;
  if (y.dims.length === 1 && chance.is(0.4)) {
    const attributes = { transB: chance.below(2), alpha: { float: chance.pick([1, -0.7, 2]) } };
    const inputs = chance.is(0.5) ? [g.normals([n])] : [];
    if (y.rows === 1) return g.like(y, 'Gemm', [g.weights([n, n], 0.5), ...inputs], attributes);
  }
  if (m > 0 && chance.is(0.5)) {
    const blocks = y.dims.length === 3 && chance.is(0.4) ? [y.dims[0]!] : [];
    return g.node('MatMul', [g.weights([...blocks, m, m], 0.5), y.name], y.dims, {}, y.rows);
  }
  const blocks = y.dims.length === 3 && chance.is(0.4) ? [y.dims[0]!] : [];
  return g.like(y, 'MatMul', [g.weights([...blocks, n, n], 0.5)]);
};

const scaled: Step = (g, x) => {
  const { chance } = g;
  if (x.dims.length === 0) return g.like(x, 'Neg');
  const axis = chance.below(x.dims.length);
  const one = x.dims.map((dim, i) => (i === axis ? dim : 1));
  const kind = chance.below(6);
  if (kind === 0) return g.like(x, 'Neg');
  if (kind === 1) return g.like(x, 'Mul', [g.scalar(chance.normal())]);
  if (kind === 2) return g.like(x, 'Div', [g.scalar(0.5 + chance.next())]);
  if (kind === 3) return g.like(x, 'Mul', [g.normals(chance.is(0.5) ? one : x.dims)]);
  if (kind === 4) return g.like(x, 'Add', [g.normals(one)]);
  const c = x.dims[0]!;
  const positive = g.builder.floats(
    [c],
    Array.from({ length: c }, () => 0.2 + chance.next()),
  );
  return g.like(x, 'BatchNormalization', [g.normals([c]), g.normals([c]), g.normals([c]), positive]);
};

/** x and what an axis of it is on average, or some other tensor with an axis of 1. */
const centred: Step = (g, x) => {
  const { chance } = g;
  if (x.dims.length === 0) return x;
  const axes = x.dims.map((_, i) => i + 1).filter(() => chance.is(0.6));
  if (axes.length === 0) axes.push(x.dims.length);
  const mean = g.builder.node(chance.pick(['ReduceMean', 'ReduceMean', 'ReduceSum']), [x.name, g.int64(axes)]);
  return g.like(x, chance.pick(['Sub', 'Sub', 'Add']), [mean]);
};

function activated(g: Growth, x: Grown): Grown {
  const { chance } = g;
  const op = chance.pick(['Relu', 'Relu', 'Abs', 'LeakyRelu', 'PRelu', 'Clip']);
  if (op === 'LeakyRelu') return g.like(x, op, [], { alpha: { float: chance.normal() } });
  if (op === 'PRelu') return g.like(x, op, [g.normals([x.dims.at(-1) ?? 1])]);
  return g.like(x, op, op === 'Clip' ? [g.scalar(-0.5), g.scalar(0.7)] : []);
}

/** x − Wᵀ·diag(c)·σ(Wx + b), now and then with another second matrix, another sign, or another first summand. */
const residual: Step = (g, x) => {
  const { builder, chance } = g;
  const y = vector(g, x);
  const n = y.dims[0]!;
  const h = 1 + chance.below(5);
  const scale = chance.pick([0.3, 1]) / Math.sqrt(n);
  const w = Float32Array.from({ length: h * n }, () => chance.normal() * scale);
  const c = Array.from({ length: h }, () => (chance.is(0.9) ? 2 * chance.next() : -chance.next()));
  const back = w.map((value, i) => value * c[Math.floor(i / n)]! * (chance.is(0.03) ? 0.5 : 1));
  const first = builder.floats([h, n], w);
  let hidden = g.node('Gemm', [y.name, first, g.normals([h])], [h], { transB: 1 });
  hidden = activated(g, hidden);
  if (chance.is(0.3)) hidden = scaled(g, hidden);
  const second = chance.is(0.4) ? g.like(hidden, 'Mul', [builder.floats([h], c)]) : hidden;
  const matrix = second === hidden ? builder.floats([h, n], back) : first;
  const out = g.node('MatMul', [second.name, matrix], [n]);
  const around = chance.is(0.85) ? y : scaled(g, y);
  return g.like(around, chance.pick(['Sub', 'Sub', 'Sub', 'Add']), [out.name]);
};

/** The same of a convolution and its adjoint. */
const residualConv: Step = (g, x) => {
  const { builder, chance } = g;
  const image = picture(g, x);
  const c = image.dims[0]!;
  const h = 1 + chance.below(3);
  const kernel = [chance.pick([1, 3]), chance.pick([1, 3])] as [number, number];
  const taps = kernel[0] * kernel[1];
  const w = Float32Array.from({ length: h * c * taps }, () => chance.normal() * 0.3);
  const back = new Float32Array(w.length);
  const mirrored = chance.is(0.9);
  for (let o = 0; o < h; o++) {
    for (let i = 0; i < c; i++) {
      for (let t = 0; t < taps; t++)
        back[(i * h + o) * taps + (mirrored ? taps - 1 - t : t)] = (1 + o / 2) * w[(o * c + i) * taps + t]!;
    }
  }
  const hidden = activated(g, conv(g, image, builder.floats([h, c, ...kernel], w), h, kernel));
  const out = conv(g, hidden, builder.floats([c, h, ...kernel], back), c, kernel);
  return g.like(image, chance.pick(['Sub', 'Sub', 'Add']), [out.name]);
};

/** G·σ(W·x). */
const plain: Step = (g, x) => {
  const y = vector(g, x);
  const n = y.dims[0]!;
  const h = 1 + g.chance.below(6);
  const hidden = activated(g, g.node('MatMul', [y.name, g.weights([n, h], 0.5)], [h]));
  return g.node('MatMul', [hidden.name, g.weights([h, n], 0.5)], [n]);
};

/** x + Kx + K²x/2 + …, each a Conv of the same kernel. */
const series: Step = (g, x) => {
  const { builder, chance } = g;
  const image = picture(g, x);
  const c = image.dims[0]!;
  const w = Array.from({ length: c * c * 3 }, () => chance.normal() * 0.3);
  const skew = chance.is(0.7);
  const kernel = w.map((value, e) => {
    const [o, i, t] = [Math.floor(e / (3 * c)), Math.floor(e / 3) % c, e % 3];
    return skew ? value - w[(i * c + o) * 3 + 2 - t]! : value;
  });
  const name = builder.floats([c, c, 1, 3], kernel);
  let [power, sum] = [image, image];
  for (let k = 1; k <= 3; k++) {
    power = g.like(power, 'Conv', [chance.is(0.95) ? name : g.weights([c, c, 1, 3], 0.4)], { pads: [0, 1, 0, 1] });
    if (k > 1) power = g.like(power, 'Div', [g.scalar(k)]);
    sum = g.like(sum, 'Add', [power.name]);
  }
  return sum;
};

const MOVES: readonly Step[] = [
  (g, x) => (x.dims.length > 1 ? transposed(g, x) : x),
  (g, x) => vector(g, x),
  (g, x) => picture(g, x),
  sortStep,
  activated,
];

const LINEAR: readonly Step[] = [
  ...[sameConv, sameConv, wrappedConv, strided, pooled, product, product, scaled, scaled, centred],
  ...[residual, residualConv, plain, series],
];

/** Two tensors of the pool of one size, as one of them has it. */
function met(g: Growth, pool: readonly Grown[]): Grown {
  const a = g.chance.pick(pool);
  const size = a.rows * sizeOf(a.dims);
  const b = g.chance.pick(pool.filter((other) => other.rows * sizeOf(other.dims) === size));
  const same = b.rows === a.rows && `${b.dims}` === `${a.dims}` ? b : reshaped(g, b, a.rows === 1 ? a.dims : [size]);
  const first = a.rows === 1 || same === b ? a : reshaped(g, a, [size]);
  return g.like(first, g.chance.pick(['Add', 'Sub', 'Sum']), [same.name]);
}

export function growSegments(g: Growth): readonly Grown[] {
  const { chance } = g;
  const pool: Grown[] = [chance.is(0.5) ? activated(g, g.image) : g.image];
  for (let i = 2 + chance.below(6); i > 0; i--) {
    const x = chance.is(0.7) ? pool.at(-1)! : chance.pick(pool);
    if (chance.is(0.3)) pool.push(met(g, pool));
    else pool.push(chance.pick(chance.is(0.2) ? MOVES : LINEAR)(g, x));
  }
  return pool.slice(-1);
}
