/** Steps that a proof must refuse or bound otherwise than their neighbours: what shows that a refusal was forgotten. */

import { factorised, type Grown, type Growth, MOST_ELEMENTS, sizeOf } from './growth.ts';
import { reshaped } from './moving.ts';
import { baseOf, multiplied } from './products.ts';

type Step = (g: Growth, x: Grown) => Grown;

/** One of the ways in which two tensors meet, the second stretched to the first. */
function met(g: Growth, x: Grown, other: string): Grown {
  return g.like(x, g.chance.pick(['Add', 'Sub', 'Max', 'Sum']), [other]);
}

/** A branch that is stretched over an axis: its Lipschitz constant is, too. */
const stretchedBranch: Step = (g, x) => {
  const axis = 1 + g.chance.below(x.dims.length);
  const op = g.chance.pick(['ReduceSum', 'ReduceMax', 'ReduceMean']);
  return met(g, x, g.builder.node(op, [x.name, g.int64([axis])]));
};

/** A constant that enlarges the tensor. */
const stretchedByConstant: Step = (g, x) => {
  const times = 2 + g.chance.below(2);
  if (x.rows * sizeOf(x.dims) * times > MOST_ELEMENTS) return x;
  const wide = reshaped(g, x, [1, x.rows * sizeOf(x.dims)]);
  const constant = g.normals([times, 1]);
  return g.node(g.chance.pick(['Add', 'Mul', 'Max']), [wide.name, constant], [times, wide.dims[1]!]);
};

/** Blocks for an axis of 1, which is repeated for each. */
const stretchedByBlocks: Step = (g, x) => {
  const size = x.rows * sizeOf(x.dims);
  const [r, k] = factorised(g.chance, size, 2) as [number, number];
  const m = 1 + g.chance.below(2);
  if (2 * r * m > MOST_ELEMENTS) return x;
  const wide = reshaped(g, x, [1, r, k]);
  return g.node('MatMul', [wide.name, g.weights([2, k, m])], [2, r, m]);
};

/** Every element in several windows. */
const overlappingMaxima: Step = (g, x) => {
  const size = x.rows * sizeOf(x.dims);
  const line = reshaped(g, x, [1, size]);
  const kernel = Math.min(size, 2 + g.chance.below(2));
  const dilation = kernel > 1 && 2 * (kernel - 1) < size ? 1 + g.chance.below(2) : 1;
  const stride = 1 + g.chance.below(kernel);
  const length = Math.floor((size - dilation * (kernel - 1) - 1) / stride) + 1;
  const attributes = { kernel_shape: [kernel], strides: [stride], dilations: [dilation] };
  return g.node('MaxPool', [line.name], [1, length], attributes);
};

/** What depends on all samples, or on the first, meets every sample. */
const batchMet: Step = (g, x) => {
  const { builder, chance } = g;
  const zero = g.int64([0]);
  const kind = chance.below(4);
  if (kind === 0) return met(g, x, builder.node('Gather', [x.name, zero], { axis: 0 }));
  if (kind === 1) return met(g, x, builder.node('Slice', [x.name, zero, g.int64([1]), zero]));
  const op = chance.pick(['ReduceSum', 'ReduceMax', 'ReduceMean']);
  return met(g, x, builder.node(op, kind === 2 ? [x.name, zero] : [x.name]));
};

/** Samples beside each other on the axis of the batch, then cut anew. */
const batchRecut: Step = (g, x) => {
  const size = x.rows * sizeOf(x.dims);
  if (2 * size > MOST_ELEMENTS) return x;
  const flat = reshaped(g, x, [size]);
  const both = g.builder.node('Concat', [flat.name, g.like(flat, 'Neg').name], { axis: 0 });
  return g.node('Reshape', [both, g.int64([-1, 2 * size])], [2 * size]);
};

/** The axis of the batch moved elsewhere. */
const batchMoved: Step = (g, x) => {
  const size = x.rows * sizeOf(x.dims);
  const flat = reshaped(g, x, [size]);
  const kind = g.chance.below(3);
  if (kind === 0) {
    const turned = g.builder.node('Transpose', [flat.name], { perm: [1, 0] });
    return g.node('Reshape', [turned, g.int64([-1, size])], [size]);
  }
  if (kind === 1) {
    const row = g.builder.node('Flatten', [flat.name], { axis: 0 });
    const shifted = g.builder.node('Add', [row, g.builder.node('ReduceMean', [row, g.int64([1])])]);
    return g.node('Reshape', [shifted, g.int64([-1, size])], [size]);
  }
  return g.node('Add', [flat.name, g.normals([2, size])], [size]);
};

/** Products and quotients of two tensors of the image. */
const bilinear: Step = (g, x) => {
  const { chance } = g;
  const kind = chance.below(3);
  if (kind === 0) return g.like(x, 'Mul', [x.name]);
  if (kind === 1) return g.like(x, 'Div', [g.like(x, 'Add', [g.scalar(3)]).name]);
  return g.node('Div', [g.scalar(1), g.like(x, 'Add', [g.scalar(3)]).name], x.dims, {}, x.rows);
};

/** Padding before a pool, which ONNX Runtime takes into the pool's own, where it is not counted. */
const paddedPool: Step = (g, x) => {
  const { chance } = g;
  const size = x.rows * sizeOf(x.dims);
  if (size + 2 > MOST_ELEMENTS) return x;
  const line = reshaped(g, x, [1, size]);
  const padded = g.builder.node('Pad', [line.name, g.int64([0, 0, 1, 0, 0, 1])]);
  const op = chance.pick(['MaxPool', 'AveragePool']);
  return g.node(op, [padded], [1, Math.floor(size / 2) + 1], { kernel_shape: [2], strides: [2] });
};

const STEPS: readonly Step[] = [
  stretchedBranch,
  stretchedByConstant,
  stretchedByBlocks,
  overlappingMaxima,
  batchMet,
  batchRecut,
  batchMoved,
  bilinear,
  paddedPool,
];

export function growForbidden(g: Growth): readonly Grown[] {
  const { chance } = g;
  const base = baseOf(g);
  const x = base.dims.length === 0 ? reshaped(g, base, [base.rows]) : base;
  const y = chance.pick(STEPS)(g, x);
  return [chance.is(0.3) ? multiplied(g, y, 4) : y];
}
