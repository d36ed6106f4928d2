/** Rules that are loaded on demand: each operator finds its own, and only the network's operators are looked at. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Graph, OnnxNode } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { RULES, rulesFor } from '../../../src/certify-runtime/trusted/rules/table.ts';
import { allRules } from '../../support/networks/all-rules.ts';

const node = (op: string, name = 'node'): OnnxNode => ({
  op,
  name,
  inputs: ['image'],
  outputs: ['latent'],
  attributes: new Map(),
});
const graph = (...nodes: OnnxNode[]): Graph => ({ name: '', nodes, initializers: new Map(), inputs: [], outputs: [] });

test('every operator of the table finds its rule, and every rule is in the table', async () => {
  const tables = await Promise.all([...RULES.values()].map((load) => load()));
  assert.deepEqual([...RULES.keys()].sort(), [...new Set(tables.flatMap((table) => Object.keys(table)))].sort());
  for (const [op, load] of RULES) {
    const rule = (await load())[op];
    assert.ok(rule !== undefined, op);
    assert.equal((await rulesFor(graph(node(op)))).get(op), rule, op);
  }
});

test('what a head computes with is not loaded, nor is anything for an unknown operator', async () => {
  const rules = await rulesFor(graph(node('TopK', 'glean/nearest'), node('constructor'), node('Relu')));
  assert.deepEqual([...rules.keys()], ['Relu']);
});

test('constants are folded where something does not depend on the image', async () => {
  const constant = { ...node('Transpose'), inputs: ['w'] };
  const data = Float32Array.of(1);
  const initializers = new Map([['w', { name: 'w', type: 'float32', dims: [1], data } as const]]);
  assert.equal((await rulesFor(graph(node('Shape')))).folds, allRules.folds);
  assert.equal((await rulesFor({ ...graph(constant), initializers })).folds, allRules.folds);
  assert.equal((await rulesFor({ ...graph(node('Transpose')), initializers })).folds, undefined);
});
