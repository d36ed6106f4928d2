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
