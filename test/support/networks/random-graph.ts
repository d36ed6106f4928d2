/** Random small encoders from every operator that has a rule, for the property tests of the proof. */

import type { Graph } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { Random } from '../numbers/random.ts';
import { GraphBuilder } from './graph-builder.ts';
import { functions } from './random-functions.ts';

export interface RandomEncoder {
  readonly graph: Graph;
  readonly latent: string;
  /** Per sample. */
  readonly inputDims: readonly number[];
  readonly ops: readonly string[];
}

export interface RandomOptions {
  readonly steps?: number;
  /** Factors for weights and biases: large ones make large float32 errors. */
  readonly weightScale?: number;
  readonly biasScale?: number;
}

export class Growth {
  readonly random: Random;
  readonly builder: GraphBuilder;
  readonly options: RandomOptions;
  name = 'image';
  shape: number[];

  constructor(random: Random, shape: number[], options: RandomOptions) {
    this.random = random;
    this.shape = shape;
    this.options = options;
    this.builder = new GraphBuilder(['N', ...shape]);
  }

  get size(): number {
    return this.shape.reduce((a, b) => a * b, 1);
  }

  weights(dims: readonly number[]): string {
    const n = dims.reduce((a, b) => a * b, 1);
    return this.builder.floats(dims, this.random.normals(n, this.options.weightScale ?? 0.4));
  }

  biases(dims: readonly number[]): string {
    const n = dims.reduce((a, b) => a * b, 1);
    return this.builder.floats(dims, this.random.normals(n, this.options.biasScale ?? 0.3));
  }

  to(name: string, shape: readonly number[] = this.shape): void {
    this.name = name;
    this.shape = [...shape];
  }

  axis(): number {
    return 1 + this.random.below(this.shape.length);
  }
}

export type Step = (g: Growth) => void;

const elementwise: Step[] = [
  (g) => g.to(g.builder.node('Add', [g.name, g.biases(g.shape)])),
  (g) => g.to(g.builder.node('Sub', g.random.next() < 0.5 ? [g.name, g.biases([1])] : [g.biases([1]), g.name])),
  (g) => g.to(g.builder.node('Mul', [g.weights([g.shape.at(-1)!]), g.name])),
  (g) => g.to(g.builder.node('Div', [g.name, g.builder.floats([], [0.5 + g.random.next()])])),
  (g) => g.to(g.builder.node(g.random.pick(['Relu', 'Abs', 'Neg', 'Identity', 'Dropout']), [g.name])),
  (g) => g.to(g.builder.node('LeakyRelu', [g.name], { alpha: { float: g.random.normal() } })),
  (g) => g.to(g.builder.node('PRelu', [g.name, g.weights([g.shape.at(-1)!])])),
  (g) => g.to(g.builder.node('Clip', [g.name, g.builder.floats([], [-0.5]), g.builder.floats([], [1.5])])),
  (g) => g.to(g.builder.node(g.random.pick(['Max', 'Min']), [g.name, g.biases([1])])),
  // Two branches of one tensor.
  (g) => {
    const branch = g.builder.node('Relu', [g.builder.node('Mul', [g.name, g.weights([1])])]);
    g.to(g.builder.node(g.random.pick(['Add', 'Sub', 'Max', 'Min']), [g.name, branch]));
  },
];

const moving: Step[] = [
  (g) => {
    const axis = g.axis();
    const dim = g.shape[axis - 1]!;
    const taken = Array.from({ length: 1 + g.random.below(dim + 1) }, () => g.random.below(dim));
    if (g.size * taken.length > 600) return;
    g.to(g.builder.node('Gather', [g.name, g.builder.ints(taken)], { axis }), g.shape.with(axis - 1, taken.length));
  },
  (g) => {
    const axis = g.axis();
    const dim = g.shape[axis - 1]!;
    if (dim < 2) return;
    const first = 1 + g.random.below(dim - 1);
    const [a, b] = g.builder.nodeWith('Split', [g.name, g.builder.ints([first, dim - first])], 2, { axis });
    const parts = g.random.pick([
      [b!, a!],
      [a!, b!, a!],
      [a!, b!],
    ]);
    if (parts.length === 3 && g.size > 300) return;
    g.to(g.builder.node('Concat', parts, { axis }), g.shape.with(axis - 1, parts.length === 3 ? dim + first : dim));
  },
  (g) => {
    const axis = g.axis();
    const ends = g.builder.ints([-(2 ** 40)]);
    g.to(g.builder.node('Slice', [g.name, g.builder.ints([-1]), ends, g.builder.ints([axis]), g.builder.ints([-1])]));
  },
  (g) => {
    const order = g.random.shuffled(g.shape.length);
    const shape = order.map((axis) => g.shape[axis]!);
    g.to(g.builder.node('Transpose', [g.name], { perm: [0, ...order.map((axis) => axis + 1)] }), shape);
  },
  (g) => {
    const rank = g.shape.length;
    const pads = [
      0,
      ...Array.from({ length: rank }, () => g.random.below(2)),
      0,
      ...Array.from({ length: rank }, () => g.random.below(2)),
    ];
    const shape = g.shape.map((dim, i) => dim + pads[i + 1]! + pads[i + rank + 2]!);
    if (shape.reduce((a, b) => a * b, 1) > 600) return;
    const value = g.random.next() < 0.5 ? [] : [g.builder.floats([], [0.7])];
    const modes = g.shape.every((dim) => dim > 1) ? ['constant', 'edge', 'reflect'] : ['constant', 'edge'];
    const mode = g.random.pick(modes);
    g.to(g.builder.node('Pad', [g.name, g.builder.ints(pads), ...(mode === 'constant' ? value : [])], { mode }), shape);
  },
];

/** Some of the axes before the last two, for a matrix of its own at each of their entries; often none. */
function blocksOf(g: Growth): readonly number[] {
  const axes = g.shape.slice(0, -2);
  return axes.slice(g.random.below(axes.length + 1));
}

/** A product in parts: Split, a MatMul for each part, Sum. */
const parts: Step = (g) => {
  const n = g.shape.at(-1)!;
  const count = g.random.pick([2, 3, 4].filter((k) => n % k === 0).concat(1));
  const m = 1 + g.random.below(6);
  if (count === 1) return;
  const axis = g.shape.length;
  const pieces = g.builder.nodeWith('Split', [g.name], count, { axis, num_outputs: count });
  const from = g.random.next() < 0.3 ? pieces.map(() => pieces[0]!) : pieces;
  const blocks = blocksOf(g);
  const products = from.map((piece) => g.builder.node('MatMul', [piece, g.weights([...blocks, n / count, m])]));
  if (g.random.next() < 0.3) products[0] = g.builder.node('Abs', [products[0]!]);
  g.to(g.builder.node(count === 2 ? 'Add' : 'Sum', products), g.shape.with(-1, m));
};

/** GroupSort in the ways that exporters write it. */
const sorts: Step[] = [
  (g) => {
    const axis = g.axis();
    if (g.shape[axis - 1]! % 2 === 0) g.to(g.builder.groupSort(g.name, axis));
  },
  // deel-lip and torchlip: reshape(x, [-1, 2]), split, concat, reshape back to the shape of x.
  (g) => {
    if (g.size % 2 !== 0) return;
    const pairs = g.builder.node('Reshape', [g.name, g.builder.ints([-1, 2])]);
    const sorted =
      g.random.next() < 0.5 ? g.builder.groupSort(pairs, 1) : g.builder.node('TopK', [pairs, g.builder.ints([2])]);
    g.to(g.builder.node('Reshape', [sorted, g.builder.node('Shape', [g.name])]));
  },
  (g) => {
    if (g.shape.at(-1)! % 2 !== 0) return;
    const axis = g.shape.length + 1;
    const pairs = g.builder.node('Reshape', [g.name, g.builder.ints([...Array<number>(axis - 1).fill(0), -1, 2])]);
    const axes = g.builder.ints([-1]);
    const keep = g.random.below(2);
    const parts = ['ReduceMin', 'ReduceMax'].map((op) => {
      const half = g.builder.node(op, [pairs, axes], { keepdims: keep });
      return keep === 1 ? half : g.builder.node('Unsqueeze', [half, axes]);
    });
    g.to(g.builder.node('Reshape', [g.builder.node('Concat', parts, { axis }), g.builder.ints([-1, ...g.shape])]));
  },
];

const dense: Step = (g) => {
  const n = g.shape.at(-1)!;
  const m = 1 + g.random.below(12);
  if (g.shape.length === 1 && g.random.next() < 0.7) {
    const transB = g.random.below(2);
    const w = g.weights(transB === 1 ? [m, n] : [n, m]);
    const attributes = g.random.next() < 0.3 ? { transB, alpha: { float: -0.7 }, beta: { float: 1.5 } } : { transB };
    g.to(g.builder.node('Gemm', [g.name, w, g.biases([m])], attributes), [m]);
  } else if (g.shape.length > 1 && g.random.next() < 0.4) {
    const rows = g.shape.at(-2)!;
    g.to(g.builder.node('MatMul', [g.weights([...blocksOf(g), m, rows]), g.name]), g.shape.with(-2, m));
  } else {
    g.to(g.builder.node('MatMul', [g.name, g.weights([...blocksOf(g), n, m])]), g.shape.with(-1, m));
    if (g.random.next() < 0.7) g.to(g.builder.node('Add', [g.name, g.biases([m])]));
  }
};

const images: Step[] = [
  (g) => {
    const [channels, ...spatial] = g.shape as [number, ...number[]];
    const group = channels % 2 === 0 && g.random.next() < 0.3 ? 2 : 1;
    const outputs = group * (1 + g.random.below(3));
    const kernel = spatial.map(() => 1 + g.random.below(3));
    const anyStrides = spatial.map(() => 1 + g.random.below(2));
    const dilations = spatial.map(() => 1 + g.random.below(2));
    const same = g.random.next() < 0.25;
    // A stride beyond the window is refused under auto_pad.
    const strides = anyStrides.map((stride, i) => (same ? Math.min(stride, kernel[i]!) : stride));
    const pads = [...spatial, ...spatial].map(() => g.random.below(3));
    const out = spatial.map((dim, i) => {
      const span = dilations[i]! * (kernel[i]! - 1) + 1;
      return same
        ? Math.ceil(dim / strides[i]!)
        : Math.floor((dim + pads[i]! + pads[i + spatial.length]! - span) / strides[i]!) + 1;
    });
    if (out.some((dim) => dim < 1)) return;
    const inputs = [
      g.name,
      g.weights([outputs, channels / group, ...kernel]),
      ...(g.random.next() < 0.5 ? [g.biases([outputs])] : []),
    ];
    const padding = same ? { auto_pad: g.random.pick(['SAME_UPPER', 'SAME_LOWER']) } : { pads };
    g.to(g.builder.node('Conv', inputs, { group, strides, dilations, kernel_shape: kernel, ...padding }), [
      outputs,
      ...out,
    ]);
  },
  (g) => {
    const [channels, ...spatial] = g.shape as [number, ...number[]];
    const op = g.random.pick(['AveragePool', 'MaxPool']);
    const kernel = spatial.map((dim) => Math.min(dim, 1 + g.random.below(3)));
    const strides = spatial.map(() => 1 + g.random.below(3));
    const pads = [...kernel, ...kernel].map((k) => g.random.below(k));
    const ceil = g.random.below(2);
    const out = spatial.map((dim, i) => {
      const steps = (dim + pads[i]! + pads[i + spatial.length]! - kernel[i]!) / strides[i]!;
      return (ceil === 0 ? Math.floor(steps) : Math.ceil(steps)) + 1;
    });
    // Programs differ about a last window that starts behind the data.
    if (ceil === 1 && out.some((places, i) => (places - 1) * strides[i]! >= spatial[i]! + pads[i]!)) return;
    const counted = op === 'AveragePool' ? { count_include_pad: ceil === 1 ? 0 : g.random.below(2) } : {};
    const attributes = { kernel_shape: kernel, strides, pads, ceil_mode: ceil, ...counted };
    g.to(g.builder.node(op, [g.name], attributes), [channels, ...out]);
  },
  (g) => {
    const c = g.shape[0]!;
    const variance = g.builder.floats(
      [c],
      g.random.normals(c).map((v) => v * v),
    );
    g.to(
      g.builder.node('BatchNormalization', [g.name, g.weights([c]), g.biases([c]), g.biases([c]), variance], {
        epsilon: { float: 0.1 },
      }),
    );
  },
  (g) => {
    const rest = g.shape.slice(1);
    g.to(g.builder.node(g.random.pick(['GlobalAveragePool', 'GlobalMaxPool']), [g.name]), [
      g.shape[0]!,
      ...rest.map(() => 1),
    ]);
  },
];

const reductions: Step = (g) => {
  if (g.shape.length < 2) return;
  const axis = g.axis();
  const op = g.random.pick(['ReduceMean', 'ReduceSum', 'ReduceMax', 'ReduceMin']);
  const shape = g.shape.filter((_, i) => i !== axis - 1);
  g.to(g.builder.node(op, [g.name, g.builder.ints([axis])], { keepdims: 0 }), shape);
};

function nextStep(g: Growth): Step {
  const image = g.shape.length === 2 || g.shape.length === 3;
  const kinds: Step[][] = [
    elementwise,
    elementwise,
    [...functions],
    moving,
    sorts,
    [dense, parts],
    [reductions],
    ...(image ? [images, images] : []),
  ];
  return g.random.pick(g.random.pick(kinds));
}

export function randomEncoder(seed: number, options: RandomOptions = {}): RandomEncoder {
  const random = new Random(seed);
  const inputDims = random.pick([[6], [8], [2, 6], [3, 4, 4], [2, 5, 4], [4, 3, 2]]);
  const g = new Growth(random, [...inputDims], options);
  const steps = options.steps ?? 2 + random.below(6);
  for (let i = 0; i < steps; i++) nextStep(g)(g);
  g.to(
    random.next() < 0.5
      ? g.builder.node('Flatten', [g.name])
      : g.builder.node('Reshape', [g.name, g.builder.ints([-1, g.size])]),
    [g.size],
  );
  if (random.next() < 0.5) dense(g);
  return { graph: g.builder.graph(g.name), latent: g.name, inputDims, ops: g.builder.nodes.map((node) => node.op) };
}
