/** The graph of steps: what all ways to a tensor pass, and what lies between two tensors. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Node, nodeOf, nodesBetween } from '../../../../src/certify-runtime/trusted/segments/node.ts';
import { type Data, viewOf } from '../../../../src/certify-runtime/trusted/walk/state.ts';
import { dyadic, EXACT } from '../../../support/reference/dyadic.ts';
import { after, tensor } from './linear.ts';

const view = ({ base }: Data, first: readonly number[]): Data =>
  viewOf(base, [1, first.length], { first: Int32Array.from(first), pair: null });

test('dominators: what every way to a tensor passes', () => {
  const n = [1, 2];
  const id = (x: Data): Data => after(n, { kind: 'scale', factors: [2], dims: [], shape: n, absolute: 2 }, x);
  const sum = (...of: readonly Data[]): Data => after(n, { kind: 'sum', signs: of.map(() => 1) }, ...of);
  const leaf = tensor(n);
  const a = id(leaf);
  const b = id(a);
  const c = id(id(a));
  const met = sum(b, c);
  const node = (x: Data): Node => nodeOf(x.base);
  assert.equal(node(leaf).dominator, null);
  assert.equal(node(leaf).depth, 0);
  assert.equal(node(a).dominator, node(leaf));
  assert.equal(node(c).depth, 3);
  assert.equal(node(met).dominator, node(a));
  assert.equal(node(met).depth, 2);
  assert.equal(node(sum(c, b)).dominator, node(a));
  assert.equal(node(sum(b, leaf)).dominator, node(leaf));
  assert.equal(node(sum(leaf, b)).dominator, node(leaf));
  assert.equal(node(sum(b, b)).dominator, node(b));
  assert.equal(node(sum(b, c, leaf)).dominator, node(leaf));
  // Two tensors that nothing explains have nothing in common.
  assert.equal(node(sum(a, tensor(n))).dominator, null);
  assert.equal(node(sum(tensor(n), a)).dominator, null);
  assert.equal(node(id(sum(a, tensor(n)))).depth, 1);
  // The same view of the same tensor is one node; another one is another.
  const [first, second] = [view(a, [1, 0]), view(a, [1, 0])];
  assert.equal(node(sum(first, first)).dominator!.step!.kind, 'picks');
  assert.equal(node(sum(first, second)).dominator, node(a));
  assert.equal(node(id(view(a, [0, 0]))).operands[0]!.size, 2);
  const stretched = node(id(view(a, [0, 0]))).operands[0]!;
  assert.ok(stretched.stretch >= Math.SQRT2 && stretched.base === a.base);
  // √3 is rounded upwards.
  const thrice = dyadic(node(id(view(a, [0, 0, 0]))).operands[0]!.stretch);
  assert.ok(!EXACT.less(EXACT.mul(thrice, thrice), dyadic(3)));
  assert.equal(node(a).stretch, 1);
  // A maximum of two elements is explained by nothing.
  const pair = viewOf(a.base, n, { first: Int32Array.of(0, 1), pair: Int32Array.of(1, 0) });
  const sorted = id(pair);
  assert.equal(node(sorted).step, null);
  assert.deepEqual(node(sorted).operands, []);
  assert.equal(node(sum(a, pair)).step, null);
});

test('the nodes between two tensors, each after its operands, up to two hundred', () => {
  const n = [1, 1];
  const leaf = tensor(n);
  const chain = (length: number): Data => {
    let x = leaf;
    for (let i = 0; i < length; i++) x = after(n, { kind: 'scale', factors: [1], dims: [], shape: n, absolute: 1 }, x);
    return x;
  };
  assert.equal(nodesBetween(nodeOf(chain(199).base), nodeOf(leaf.base))?.length, 199);
  assert.equal(nodesBetween(nodeOf(chain(200).base), nodeOf(leaf.base)), null);
  assert.equal(nodesBetween(nodeOf(chain(900).base), nodeOf(leaf.base)), null);
  const nodes = nodesBetween(nodeOf(chain(3).base), nodeOf(leaf.base))!;
  for (const [i, { operands }] of nodes.entries())
    assert.deepEqual(operands, [i === 0 ? nodeOf(leaf.base) : nodes[i - 1]]);
  assert.deepEqual(nodesBetween(nodeOf(leaf.base), nodeOf(leaf.base)), []);
});
