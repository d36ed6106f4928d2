/**
 * Kind 3: a scale applied after a sum that overflows or underflows first, by Gemm itself or by ONNX Runtime's fusions.
 */
import type { GraphBuilder } from '../../test/support/networks/graph-builder.ts';
import { flat, type HostileCase, ones, sides } from './case.ts';

const KIND = 'a scale applied after a sum';

/** Two large weights of each sign: x₀ + x₁ > 1.13 is beyond float32 before anything is subtracted. */
const LARGE = [3e38, 3e38, -3e38, -3e38];
const NEAR = [0.56, 0.56, 1, 1];
const BEYOND = [0.6, 0.6, 1, 1];

const scalar = (b: GraphBuilder, value: number, dims: readonly number[] = []): string => b.floats(dims, [value]);
const large = (b: GraphBuilder): string => b.floats([4, 1], LARGE);

/** A case with the pixels that overflow. */
const overflow = (id: string, what: string, build: HostileCase['build']): HostileCase => ({
  id,
  kind: KIND,
  what,
  shape: [1, 1, 4],
  build,
  images: [NEAR, BEYOND],
});

export const scales: readonly HostileCase[] = [
  overflow('3-gemm-alpha', "Gemm's alpha of 1e-38, with transB and C, comes after a sum that overflows", (b) => {
    const product = b.node('Gemm', [flat(b, 4), b.floats([1, 4], LARGE), b.floats([1], [0.25])], {
      alpha: { float: 1e-38 },
      transB: 1,
    });
    return sides(b, product, [1], 0.25);
  }),
  overflow('3-div-matmul', 'Div by 1e30, then MatMul: ONNX Runtime divides after the sum', (b) =>
    sides(b, b.node('MatMul', [b.node('Div', [flat(b, 4), scalar(b, 1e30)]), large(b)]), [1e-8], 0),
  ),
  overflow('3-constant-first', 'a constant [1, 1] times the image, then MatMul', (b) =>
    sides(b, b.node('MatMul', [b.node('Mul', [scalar(b, 1e-30, [1, 1]), flat(b, 4)]), large(b)]), [1e-8], 0),
  ),
  overflow('3-left-matrix', 'a constant on the left of what was scaled', (b) => {
    const scaled = b.node('Mul', [b.node('Reshape', ['image', b.ints([0, 4, 1])]), scalar(b, 1e-30)]);
    const product = b.node('MatMul', [b.floats([1, 4], LARGE), scaled]);
    return sides(b, b.node('Flatten', [product], { axis: 1 }), [1e-8], 0);
  }),
  overflow('3-blocks', 'matrices in blocks on what was scaled', (b) => {
    const scaled = b.node('Mul', [b.node('Reshape', ['image', b.ints([0, 1, 1, 4])]), scalar(b, 1e-30)]);
    const product = b.node('MatMul', [scaled, b.floats([1, 4, 1], LARGE)]);
    return sides(b, b.node('Flatten', [product], { axis: 1 }), [1e-8], 0);
  }),
  overflow('3-transpose-between', 'Mul, Transpose, MatMul: both are taken into one operator', (b) => {
    const scaled = b.node('Mul', [b.node('Reshape', ['image', b.ints([0, 4, 1])]), scalar(b, 1e-30)]);
    const turned = b.node('Transpose', [scaled], { perm: [0, 2, 1] });
    return sides(b, b.node('Flatten', [b.node('MatMul', [turned, large(b)])], { axis: 1 }), [1e-8], 0);
  }),
  overflow('3-two-scales', 'two scales one after the other, 1e-15 each', (b) => {
    const once = b.node('Mul', [flat(b, 4), scalar(b, 1e-15)]);
    return sides(b, b.node('MatMul', [b.node('Mul', [once, scalar(b, 1e-15)]), large(b)]), [1e-8], 0);
  }),
  overflow('3-scale-on-both-sides', '1e-30 before the MatMul and 1e20 after it: 1e-10 after the sum', (b) => {
    const product = b.node('MatMul', [b.node('Mul', [flat(b, 4), scalar(b, 1e-30)]), large(b)]);
    return sides(b, b.node('Mul', [product, scalar(b, 1e20)]), [1e-28], 0);
  }),
  {
    id: '3-across-the-latent',
    kind: KIND,
    what: "the encoder's last scale goes behind the sums of the last layer, although the latent between is an output",
    shape: [1, 1, 4],
    build: (b) => {
      const columns = LARGE.flatMap((w) => [w, -w]);
      return b.node('MatMul', [b.node('Mul', [flat(b, 4), scalar(b, 1e-30)]), b.floats([4, 2], columns)]);
    },
    images: [NEAR, BEYOND],
  },
  {
    id: '3-product-of-scales',
    kind: KIND,
    what: 'scales of 1e-25 before and after a MatMul become one of 1e-50, which is 0',
    shape: [1, 1, 4],
    build: (b) => {
      const product = b.node('MatMul', [
        b.node('Mul', [flat(b, 4), scalar(b, 1e-25)]),
        b.floats([4, 1], Array<number>(4).fill(1e30)),
      ]);
      return sides(b, b.node('Mul', [product, scalar(b, 1e-25)]), [1e20], 2);
    },
  },
  {
    id: '3-underflow',
    kind: KIND,
    what: 'Mul by 1e30, then MatMul with weights of 1e-33: the products are subnormal before they are scaled',
    shape: [1, 1, 4],
    build: (b) => {
      const scaled = b.node('Mul', [flat(b, 4), scalar(b, 1e30)]);
      const product = b.node('MatMul', [scaled, b.floats([4, 1], Array<number>(4).fill(1.1e-33))]);
      return sides(b, product, [1e3], 0);
    },
    images: [ones(4).map(() => 1.3e-12), ones(4).map(() => 1.7e-11), [1.1e-11, 1.7e-12, 1.9e-12, 1.3e-11]],
  },
  {
    id: '3-gemm-underflow',
    kind: KIND,
    what: "weights of 1e-33 and an alpha of 1e30: Gemm's products are subnormal",
    shape: [1, 1, 4],
    build: (b) => {
      const weights = b.floats([4, 1], Array<number>(4).fill(1.1e-33));
      return sides(b, b.node('Gemm', [flat(b, 4), weights], { alpha: { float: 1e30 } }), [1e3], 0);
    },
    images: [ones(4).map(() => 1.3e-12), ones(4).map(() => 1.7e-11), [1.1e-11, 1.7e-12, 1.9e-12, 1.3e-11]],
    exact: true,
  },
];
