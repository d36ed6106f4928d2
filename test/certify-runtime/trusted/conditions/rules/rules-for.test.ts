/** When the rules for constants are loaded: where something is folded, and nowhere else. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Graph } from '../../../../../src/certify-runtime/trusted/onnx/model.ts';
import { rulesFor } from '../../../../../src/certify-runtime/trusted/rules/table.ts';
import { GraphBuilder } from '../../../../support/networks/graph-builder.ts';

function graphOf(make: (b: GraphBuilder) => string): Graph {
  const b = new GraphBuilder(['N', 4]);
  return b.graph(make(b));
}

const folds = async (make: (b: GraphBuilder) => string): Promise<boolean> =>
  (await rulesFor(graphOf(make))).folds !== undefined;

test('constants are folded where a node has nothing else, or asks for a shape', async () => {
  assert.equal(await folds((b) => b.node('Relu', ['image'])), false);
  assert.equal(await folds((b) => b.node('Add', ['image', b.floats([4], [1, 2, 3, 4])])), false);
  assert.equal(await folds((b) => b.node('Add', [b.floats([4], [1, 2, 3, 4]), 'image'])), false);
  assert.equal(await folds((b) => b.node('Reshape', ['image', b.node('Shape', ['image'])])), true);
  assert.equal(await folds((b) => b.node('Add', ['image', b.node('Transpose', [b.floats([4], [1, 2, 3, 4])])])), true);
  assert.equal(await folds((b) => b.node('Add', ['image', b.node('Cast', [b.floats([4], [1, 2, 3, 4]), ''])])), true);
});

test('several operators are taken together only where more than products, added constants and sorts is computed', async () => {
  const sharpened = async (make: (b: GraphBuilder) => string): Promise<boolean> =>
    (await rulesFor(graphOf(make))).sharpen !== undefined;
  const product = (b: GraphBuilder): string => b.node('MatMul', ['image', b.floats([4, 4], Array(16).fill(1))]);
  assert.equal(await sharpened((b) => b.groupSort(product(b))), false);
  assert.equal(await sharpened((b) => b.node('Add', [product(b), b.floats([4], [1, 2, 3, 4])])), false);
  assert.equal(await sharpened((b) => b.node('Add', [b.floats([4], [1, 2, 3, 4]), product(b)])), false);
  assert.equal(await sharpened((b) => b.node('Add', [product(b), 'image'])), true);
  assert.equal(await sharpened((b) => b.node('Relu', [product(b)])), true);
  assert.equal(await sharpened((b) => b.node('Sub', [product(b), b.floats([4], [1, 2, 3, 4])])), true);
});

test('products of two tensors have rules where an operator bounds one of them', async () => {
  const products = async (make: (b: GraphBuilder) => string): Promise<boolean> =>
    (await rulesFor(graphOf(make))).products !== undefined;
  for (const op of ['Erf', 'HardSigmoid', 'Sigmoid', 'Sqrt', 'Tanh'])
    assert.equal(await products((b) => b.node('Mul', ['image', b.node(op, ['image'])])), true, op);
  assert.equal(await products((b) => b.node('Mul', ['image', b.node('Relu', ['image'])])), false);
});
