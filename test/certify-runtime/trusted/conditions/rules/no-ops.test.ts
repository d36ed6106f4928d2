/** Operators that change nothing are dropped by ONNX Runtime before it fuses what is around them: they hide nothing. */

import { test } from 'node:test';
import type { GraphBuilder } from '../../../../support/networks/graph-builder.ts';
import { type Make, onlyIf } from '../site.ts';

type Step = (b: GraphBuilder, x: string) => string;

const by =
  (op: string, ...values: number[]): Step =>
  (b, x) =>
    b.node(op, [x, b.floats(values.length === 1 ? [] : [values.length], values)]);

const NO_OPS: readonly Step[] = [
  by('Add', 0),
  by('Sub', 0),
  by('Mul', 1),
  by('Div', 1),
  by('Mul', 1, 1, 1, 1),
  (b, x) => by('Mul', 1)(b, by('Add', 0)(b, x)),
];

const OTHERS: readonly Step[] = [by('Add', 0.5), by('Mul', 1, 1, 2, 1), by('Mul', -1), by('Sub', 0, 0, 1, 0)];

const normalised = (b: GraphBuilder, x: string): string =>
  b.node('BatchNormalization', [x, ...[1, 1, 0, 1].map((v) => b.floats([4], Array(4).fill(v)))]);

const product = (b: GraphBuilder, x = 'image'): string =>
  b.node('MatMul', [x, b.floats([4, 4], [1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6, 5, 4, 3, 2])]);

test('between a MatMul and a BatchNormalization', () => {
  const through =
    (step: Step): Make =>
    (b) =>
      normalised(b, step(b, product(b)));
  for (const other of OTHERS)
    onlyIf(
      ['N', 4, 4],
      through(other),
      NO_OPS.map((noOp) => [/MatmulBNFusion/, through(noOp)] as const),
    );
  // Of the image itself, and of other layers, they are what they are.
  for (const noOp of NO_OPS) {
    onlyIf(['N', 4, 4], (b) => normalised(b, noOp(b, 'image')), []);
    onlyIf(['N', 4, 4], (b) => normalised(b, noOp(b, b.node('Relu', [product(b)]))), []);
  }
});

test('between a Pad and a pool', () => {
  const pooled =
    (step: Step, padded = true): Make =>
    (b) => {
      const x = padded ? b.node('Pad', ['image', b.ints([0, 0, 1, 0, 0, 1])]) : 'image';
      return b.node('MaxPool', [step(b, x)], { kernel_shape: [2], strides: [2] });
    };
  for (const other of [by('Add', 0.5), by('Mul', -1)])
    onlyIf(
      ['N', 2, 2],
      pooled(other),
      NO_OPS.map((noOp) => [/PadFusion/, pooled(noOp)] as const),
    );
  for (const noOp of NO_OPS) onlyIf(['N', 2, 4], pooled(noOp, false), []);
});
