/** Steps of random networks that are scalar functions, bounded products, norms, and pairs of x and −x. */

import type { Growth, Step } from './random-graph.ts';

const scalar = (g: Growth, value: number): string => g.builder.floats([], [value]);
const mul = (g: Growth, a: string, b: string): string => g.builder.node('Mul', [a, b]);

/** 1 + erf(x/√2). */
function gate(g: Growth): string {
  const inside =
    g.random.next() < 0.5
      ? g.builder.node('Div', [g.name, scalar(g, Math.SQRT2)])
      : mul(g, scalar(g, Math.SQRT1_2), g.name);
  return g.builder.node('Add', [g.builder.node('Erf', [inside]), scalar(g, 1)]);
}

const products: readonly Step[] = [
  (g) => g.to(mul(g, g.name, g.builder.node('Sigmoid', [g.name]))),
  (g) => {
    const inside = mul(g, g.name, scalar(g, g.random.pick([-3, 0.5, 1.702])));
    g.to(mul(g, g.builder.node('Sigmoid', [inside]), g.name));
  },
  (g) => g.to(mul(g, mul(g, g.name, gate(g)), scalar(g, 0.5))),
  (g) => g.to(mul(g, gate(g), mul(g, g.name, scalar(g, 0.5)))),
  (g) => {
    const attributes = {
      alpha: { float: g.random.pick([-0.4, 0.2, 1]) },
      beta: { float: g.random.pick([-0.3, 0.5, 2.5]) },
    };
    g.to(mul(g, g.name, g.builder.node('HardSigmoid', [g.name], attributes)));
  },
];

const square = (g: Growth): string => mul(g, g.name, g.name);

const norms: readonly Step[] = [
  (g) => {
    if (g.shape.length < 2) return;
    const axis = g.axis();
    const sum = g.builder.node(g.random.pick(['ReduceSum', 'ReduceMean']), [square(g), g.builder.ints([axis])], {
      keepdims: 0,
    });
    g.to(
      g.builder.node('Sqrt', [sum]),
      g.shape.filter((_, i) => i !== axis - 1),
    );
  },
  (g) => {
    const shifted = g.builder.node('Add', [square(g), scalar(g, g.random.pick([0, 1e-6, 1]))]);
    g.to(g.builder.node('Sqrt', [shifted]));
  },
  (g) => {
    const other = g.builder.node('Relu', [mul(g, g.name, g.weights([1]))]);
    const half = (a: string): string => mul(g, mul(g, a, a), scalar(g, 0.5));
    g.to(g.builder.node('Sqrt', [g.builder.node('Add', [half(g.name), half(other)])]));
  },
  (g) => {
    const [channels, ...spatial] = g.shape as [number, ...number[]];
    if (spatial.length === 0) return;
    const kernel = spatial.map((dim) => Math.min(dim, 2));
    const pooled = g.builder.node('AveragePool', [square(g)], { kernel_shape: kernel, strides: spatial.map(() => 1) });
    g.to(g.builder.node('Sqrt', [pooled]), [channels, ...spatial.map((dim, i) => dim - kernel[i]! + 1)]);
  },
];

const mirrors: readonly Step[] = [
  (g) => g.to(g.builder.node('Max', [g.name, g.builder.node('Neg', [g.name])])),
  (g) => {
    if (g.size > 200) return;
    const axis = g.axis();
    const negative = g.builder.node('Neg', [g.name]);
    const shape = g.shape.with(axis - 1, 2 * g.shape[axis - 1]!);
    if (g.random.next() < 0.5) {
      g.to(g.builder.node('Relu', [g.builder.node('Concat', [g.name, negative], { axis })]), shape);
    } else {
      const halves = [negative, g.name].map((half) => g.builder.node('Relu', [half]));
      g.to(g.builder.node('Concat', halves, { axis }), shape);
    }
  },
];

const PLAIN = ['Sigmoid', 'Tanh', 'Erf', 'Softplus', 'Softsign', 'Mish', 'Selu', 'HardSigmoid', 'HardSwish'];

export const functions: readonly Step[] = [
  (g) => g.to(g.builder.node(g.random.pick(PLAIN), [g.name])),
  (g) => {
    const alpha = { float: g.random.pick([0.25, 1, 3]) };
    g.to(g.builder.node(g.random.pick(['Elu', 'Celu']), [g.name], { alpha }));
  },
  (g) => g.random.pick(products)(g),
  (g) => g.random.pick(norms)(g),
  (g) => g.random.pick(mirrors)(g),
];
