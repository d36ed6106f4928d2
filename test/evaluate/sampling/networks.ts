/** Small classifiers as plain ONNX models, for the tests of sampling. */

import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import type { OnnxModel } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { GraphBuilder } from '../../support/networks/graph-builder.ts';

type Tools = {
  readonly builder: GraphBuilder;
  /** A float32 constant of normal numbers, scaled by 1/√fan. */
  readonly normal: (dims: readonly number[], fan: number) => string;
};

/** The classifier that `build` draws from the tensor `image` [N, …shape]; it gives the name of the logits [N, classes]. */
export function classifier(
  shape: readonly number[],
  classes: number,
  build: (tools: Tools) => string,
  seed = 1,
): OnnxModel {
  const random = createRandom(seed);
  const builder = new GraphBuilder(['N', ...shape]);
  const normal = (dims: readonly number[], fan: number) => {
    const length = dims.reduce((total, size) => total * size, 1);
    return builder.floats(
      dims,
      Float32Array.from({ length }, () => random.normal() / Math.sqrt(fan)),
    );
  };
  const logits = build({ builder, normal });
  const graph = {
    ...builder.graph(logits),
    outputs: [{ name: logits, type: 'float32' as const, dims: ['N', classes] }],
  };
  return { irVersion: 8, opset: 18, producerName: 'test', producerVersion: '0', graph, metadata: new Map() };
}

/** Reshape, a product in two parts, bias, MaxMin, a linear layer: the form glean writes. */
export const dense = (seed = 1): OnnxModel =>
  classifier(
    [4, 4, 3],
    3,
    ({ builder, normal }) => {
      const flat = builder.node('Reshape', ['image', builder.ints([-1, 48])]);
      const parts = builder.nodeWith('Split', [flat], 2, { axis: 1, num_outputs: 2 });
      const products = parts.map((part) => builder.node('MatMul', [part, normal([24, 8], 24)]));
      const sum = builder.node('Add', [builder.node('Sum', products), normal([8], 4)]);
      return builder.node('Add', [builder.node('MatMul', [builder.groupSort(sum), normal([8, 3], 8)]), normal([3], 9)]);
    },
    seed,
  );

/** Preprocessing, layout, two convolutions with Relu, a Gemm: the form other programs write. */
export const convolutional = (seed = 1): OnnxModel =>
  classifier(
    [6, 6, 1],
    2,
    ({ builder, normal }) => {
      const scaled = builder.node('Div', [
        builder.node('Sub', ['image', builder.floats([1], [0.4])]),
        builder.floats([1], [0.3]),
      ]);
      const channels = builder.node('Transpose', [scaled], { perm: [0, 3, 1, 2] });
      const conv = (x: string, from: number, to: number) =>
        builder.node('Conv', [x, normal([to, from, 3, 3], 9 * from), normal([to], 4)], {
          kernel_shape: [3, 3],
          pads: [1, 1, 1, 1],
          strides: [2, 2],
        });
      const features = builder.node('Relu', [conv(builder.node('Relu', [conv(channels, 1, 4)]), 4, 4)]);
      return builder.node('Gemm', [builder.node('Flatten', [features]), normal([2, 16], 16), normal([2], 9)], {
        transB: 1,
      });
    },
    seed,
  );

/** A residual connection around the first layer: only the image itself is a place to cut. */
export const residual = (seed = 1): OnnxModel =>
  classifier(
    [6],
    2,
    ({ builder, normal }) => {
      const inner = builder.node('Relu', [builder.node('MatMul', ['image', normal([6, 6], 6)])]);
      return builder.node('MatMul', [builder.node('Add', ['image', inner]), normal([6, 2], 6)]);
    },
    seed,
  );

/** y = xW + b alone. */
export const linear = (weights: readonly (readonly number[])[], bias: readonly number[]): OnnxModel =>
  classifier([weights.length], bias.length, ({ builder }) =>
    builder.node('Gemm', [
      'image',
      builder.floats([weights.length, bias.length], weights.flat()),
      builder.floats([bias.length], bias),
    ]),
  );
