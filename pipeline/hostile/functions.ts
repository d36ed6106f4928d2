/**
 * Scalar functions, bounded products, norms and windows: forms that look like one that has a rule, and forms at the edge
 * of one. No prover ever sealed the first kind; they are kept so that none ever does.
 */
import type { GraphBuilder } from '../../test/support/networks/graph-builder.ts';
import { flat, type HostileCase, ones, sides } from './case.ts';

export const LOOKALIKE = 'a form that looks like one with a rule';

const scalar = (b: GraphBuilder, value: number): string => b.floats([], [value]);
const times = (b: GraphBuilder, x: string, k: number): string => b.node('Mul', [x, scalar(b, k)]);
const square = (b: GraphBuilder, x: string): string => b.node('Mul', [x, x]);

const lookalike = (
  id: string,
  what: string,
  build: HostileCase['build'],
  more: Partial<HostileCase> = {},
): HostileCase => ({ id, kind: LOOKALIKE, what, shape: [2, 2, 1], build, ...more });

/** Four pixels, what `make` makes of them, and on which side of t its sum lies. */
const ofFour =
  (make: (b: GraphBuilder, x: string) => string, t: number): HostileCase['build'] =>
  (b) =>
    sides(b, make(b, flat(b, 4)), ones(4), t);

/** The four pixels in another order. */
const turned = (b: GraphBuilder, x: string): string => b.node('Gather', [x, b.ints([3, 2, 1, 0])], { axis: 1 });

const gate = (b: GraphBuilder, x: string, c: number): string =>
  b.node('Add', [b.node('Erf', [b.node('Div', [x, scalar(b, c)])]), scalar(b, 1)]);

/** What `make` makes of a line of 16 pixels, as [N, 1, 1, 16], gives `count` values. */
const ofLine =
  (make: (b: GraphBuilder, x: string) => string, count: number, t: number): HostileCase['build'] =>
  (b) => {
    const line = b.node('Transpose', ['image'], { perm: [0, 3, 1, 2] });
    return sides(b, b.node('Flatten', [make(b, line)]), ones(count), t);
  };

export const functions: readonly HostileCase[] = [
  lookalike(
    '8-silu-of-another',
    'x·Sigmoid(y), where y is another tensor of the same values',
    ofFour((b, x) => b.node('Mul', [times(b, x, 100), b.node('Sigmoid', [times(b, turned(b, x), 100)])]), 200),
  ),
  lookalike(
    '8-gelu-of-another',
    'ONNX Runtime takes (½y)·(1 + Erf(x/√2)) for GELU of x, whatever y is',
    ofFour((b, x) => b.node('Mul', [times(b, turned(b, x), 0.5), gate(b, x, Math.SQRT2)]), 2),
  ),
  lookalike(
    '8-gelu-about-root-2',
    'ONNX Runtime takes a divisor near √2 for √2',
    ofFour((b, x) => times(b, b.node('Mul', [x, gate(b, x, 1.41425)]), 0.5), 1),
  ),
  lookalike(
    '8-gelu-about-half',
    'ONNX Runtime takes a factor near ½ for ½',
    (b) => {
      const x = b.node('Slice', [times(b, flat(b, 4), 48), b.ints([0]), b.ints([1]), b.ints([1])]);
      const low = b.node('Clip', [b.node('Sub', [x, scalar(b, 1)]), scalar(b, 0), scalar(b, 47)]);
      const c = Math.fround(0.500005);
      const whole = times(b, b.node('Mul', [low, gate(b, low, Math.SQRT2)]), c);
      return sides(b, whole, [1], Math.fround(94 * c - 3 * 2 ** -19));
    },
    { images: [[1, 0, 0, 0]] },
  ),
  lookalike(
    '8-square',
    'the square of a tensor, as a latent',
    ofFour((b, x) => square(b, times(b, x, 50)), 2500),
  ),
  lookalike(
    '8-square-behind-relu',
    'a Relu of a square that has been summed',
    ofFour((b, x) => b.node('Relu', [b.node('Add', [square(b, times(b, x, 50)), square(b, x)])]), 2500),
  ),
  lookalike(
    '8-square-beside-data',
    'squares and other values in one tensor',
    ofFour(
      (b, x) =>
        b.node('Slice', [
          b.node('Concat', [x, square(b, times(b, x, 50))], { axis: 1 }),
          b.ints([4]),
          b.ints([8]),
          b.ints([1]),
        ]),
      2500,
    ),
  ),
  lookalike(
    '8-elu-3',
    'Elu with α = 3 has a slope of 3 below 0',
    ofFour((b, x) => b.node('Elu', [b.node('Sub', [x, scalar(b, 1)])], { alpha: { float: 3 } }), -4),
  ),
  lookalike(
    '8-elu-negative',
    'Elu with a negative α turns around at 0',
    ofFour((b, x) => b.node('Elu', [b.node('Sub', [x, scalar(b, 0.5)])], { alpha: { float: -30 } }), 1),
  ),
  lookalike(
    '8-selu-huge',
    'Selu with an α of 10³⁰',
    ofFour(
      (b, x) => times(b, b.node('Selu', [b.node('Sub', [x, scalar(b, 1)])], { alpha: { float: 1e30 } }), 1e-30),
      -1,
    ),
  ),
  lookalike(
    '8-hard-sigmoid-steep',
    'HardSigmoid with α = 10⁹',
    ofFour((b, x) => b.node('HardSigmoid', [b.node('Sub', [x, scalar(b, 0.5)])], { alpha: { float: 1e9 } }), 2),
  ),
  lookalike(
    '8-silu-steep',
    'x·Sigmoid(kx) with k = 2²⁰ is a step in the slope, with the same bound',
    ofFour((b, x) => {
      const low = b.node('Sub', [x, scalar(b, 0.5)]);
      return b.node('Mul', [low, b.node('Sigmoid', [times(b, low, 2 ** 20)])]);
    }, 0.5),
    { exact: true },
  ),
  lookalike(
    '8-norm-of-nothing',
    'the root of squares that have vanished, magnified',
    ofFour((b, x) => times(b, b.node('Sqrt', [square(b, times(b, x, 1e-25))]), 1e25), 2),
    { exact: true },
  ),
  lookalike(
    '8-mirror-of-another',
    'Relu(x) beside Relu(−y)',
    ofFour((b, x) => {
      const low = b.node('Sub', [x, scalar(b, 0.5)]);
      const parts = [low, b.node('Neg', [turned(b, low)])].map((part) => b.node('Relu', [part]));
      return b.node('Add', b.nodeWith('Split', [b.node('Concat', parts, { axis: 1 })], 2, { axis: 1, num_outputs: 2 }));
    }, 1),
  ),
  lookalike(
    '8-pad-edge',
    'the last pixel twenty times',
    ofLine((b, x) => b.node('Pad', [x, b.ints([0, 0, 0, 0, 0, 0, 0, 20])], { mode: 'edge' }), 36, 18),
    { shape: [1, 16, 1] },
  ),
  lookalike(
    '8-maxima-overlap',
    'every pixel in nine windows',
    ofLine((b, x) => b.node('MaxPool', [x], { kernel_shape: [1, 9], pads: [0, 8, 0, 8] }), 24, 12),
    { shape: [1, 16, 1] },
  ),
  lookalike(
    '8-ceil-behind-the-data',
    'a last window that would start behind the data: ONNX counts it, and ONNX Runtime does not',
    (b) => {
      const line = b.node('Transpose', ['image'], { perm: [0, 3, 1, 2] });
      const attributes = { kernel_shape: [1, 2], strides: [1, 3], pads: [0, 1, 0, 1], ceil_mode: 1 };
      const pooled = b.node('MaxPool', [line], attributes);
      return sides(b, b.node('Reshape', [b.node('ReduceMax', [pooled, b.ints([3])]), b.ints([0, 1])]), [1], 0.5);
    },
    { shape: [1, 16, 1] },
  ),
  lookalike(
    '8-ceil-counts-padding',
    'a window that reaches beyond the padding that it counts',
    ofLine(
      (b, x) =>
        b.node('AveragePool', [x], {
          kernel_shape: [1, 4],
          strides: [1, 3],
          pads: [0, 1, 0, 1],
          ceil_mode: 1,
          count_include_pad: 1,
        }),
      6,
      3,
    ),
    { shape: [1, 16, 1] },
  ),
  lookalike(
    '8-dilated-window-in-the-padding',
    'a dilated window without a pixel',
    ofLine((b, x) => b.node('MaxPool', [x], { kernel_shape: [1, 2], dilations: [1, 17], pads: [0, 1, 0, 1] }), 1, 0),
    { shape: [1, 16, 1] },
  ),
];
