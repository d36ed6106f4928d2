/** Rules that are loaded on demand: each operator finds its own, and only the network's operators are looked at. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Graph, OnnxNode } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { allRules } from '../../../src/certify-runtime/trusted/rules/table.ts';
import { rulesFor } from '../../../src/certify-runtime/trusted/walk/rules-for.ts';

const node = (op: string, name = 'node'): OnnxNode => ({
  op,
  name,
  inputs: ['image'],
  outputs: ['latent'],
  attributes: new Map(),
});
const graph = (...nodes: OnnxNode[]): Graph => ({ name: '', nodes, initializers: new Map(), inputs: [], outputs: [] });

test('every operator finds its rule', async () => {
  for (const [op, rule] of allRules) assert.equal((await rulesFor(graph(node(op)))).get(op), rule, op);
});

test('what a head computes with is not loaded, nor is anything for an unknown operator', async () => {
  const base = [...(await rulesFor(graph())).keys()];
  assert.deepEqual([...(await rulesFor(graph(node('TopK', 'glean/nearest'), node('constructor')))).keys()], base);
});

test('constants are folded where something does not depend on the image', async () => {
  const constant = { ...node('Transpose'), inputs: ['w'] };
  const data = Float32Array.of(1);
  const initializers = new Map([['w', { name: 'w', type: 'float32', dims: [1], data } as const]]);
  assert.equal((await rulesFor(graph(node('Shape')))).folds, allRules.folds);
  assert.equal((await rulesFor({ ...graph(constant), initializers })).folds, allRules.folds);
  assert.equal((await rulesFor({ ...graph(node('Transpose')), initializers })).folds, undefined);
});
