/** The walk from image to latent, and what a rule asks of its node: each condition violated alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EncoderBound } from '../../../../src/certify-runtime/trusted/bounds/bound.ts';
import {
  MAX_ELEMENTS,
  MAX_TENSORS,
  MAX_VIEW_ELEMENTS,
  MAX_VIEWS_TOTAL,
  MAX_WORK,
} from '../../../../src/certify-runtime/trusted/bounds/budget.ts';
import { OVERFLOW_32 } from '../../../../src/certify-runtime/trusted/bounds/rounding.ts';
import type { Graph, OnnxNode, Tensor } from '../../../../src/certify-runtime/trusted/onnx/model.ts';
import { boundEncoder } from '../../../../src/certify-runtime/trusted/walk/encoder.ts';
import { checkView } from '../../../../src/certify-runtime/trusted/walk/rearrange.ts';
import type { Site, Value } from '../../../../src/certify-runtime/trusted/walk/site.ts';
import { computed, newChain } from '../../../../src/certify-runtime/trusted/walk/state.ts';
import { allRules } from '../../../support/networks/all-rules.ts';
import { GraphBuilder } from '../../../support/networks/graph-builder.ts';
import { float32, fold, int32, int64, prove, refusal, siteOf, walkOf } from './site.ts';

function graphOf(
  dims: readonly (number | string)[],
  make: (b: GraphBuilder) => string,
): { graph: Graph; latent: string } {
  const b = new GraphBuilder(dims);
  const latent = make(b);
  return { graph: b.graph(latent), latent };
}

const bound = (graph: Graph, latent: string, input = 'image'): EncoderBound =>
  boundEncoder(graph, { input, latent, rules: allRules });

test('the image: float32, with fixed sizes after the batch', () => {
  const relu = (b: GraphBuilder): string => b.node('Flatten', ['image']);
  const { graph, latent } = graphOf(['N', 4, 3], relu);
  assert.deepEqual(bound(graph, latent).inputShape, [4, 3]);
  const withImage = (type: 'float32' | 'float64', dims: readonly (number | string)[]): EncoderBound =>
    bound({ ...graph, inputs: [{ name: 'image', type, dims }] }, latent);
  assert.equal(withImage('float32', ['N', 1]).latentSize, 1);
  for (const dims of [['N', 'width'], ['N', 4, 'width'], ['N', 0], ['N', 4, -1], ['N', 1.5], ['N'], []])
    refusal(() => withImage('float32', dims), /fixed dimensions/);
  refusal(() => withImage('float64', ['N', 4]), /must be float32/);
  refusal(() => bound(graph, latent, 'photo'), /no input "photo"/);
});

test('the latent: one vector for each sample, computed from the image', () => {
  prove(['N', 4], (b) => b.node('Relu', ['image']));
  refusal(() => prove(['N', 4, 3], (b) => b.node('Relu', ['image'])), /one vector for each sample/);
  refusal(() => prove(['N', 4], (b) => b.node('Reshape', ['image', b.ints([-1, 2])])), /one vector for each sample/);
  const { graph } = graphOf(['N', 4], (b) => b.node('Relu', ['image']));
  refusal(() => bound(graph, 'nowhere'), /no tensor "nowhere"/);
  refusal(() => prove(['N', 4], (b) => b.node('Mul', [b.ints([2]), b.ints([3])])), /computed from the image/);
});

test('no tensor has two sources', () => {
  const { graph, latent } = graphOf(['N', 4], (b) => {
    b.floats([4], [1, 2, 3, 4]);
    return b.node('Relu', ['image']);
  });
  const node = (name: string): OnnxNode => ({ ...graph.nodes[0]!, op: 'Abs', outputs: [name] });
  bound({ ...graph, nodes: [...graph.nodes, node('other')] }, latent);
  // Outputs that are left out may be as many as one likes.
  bound({ ...graph, nodes: [...graph.nodes, node(''), node('')] }, latent);
  for (const name of [latent, 'image', 'constant_0'])
    refusal(() => bound({ ...graph, nodes: [...graph.nodes, node(name)] }, latent), /computed twice/);
});

test('a graph that feeds itself comes to an end', () => {
  const { graph, latent } = graphOf(['N', 4], (b) => b.node('Add', ['image', 'later']));
  const node: OnnxNode = { ...graph.nodes[0]!, inputs: [latent, 'image'], outputs: ['later'] };
  refusal(() => bound({ ...graph, nodes: [...graph.nodes, node] }, latent), /neither a constant nor computed/);
});

test('the batch is free, whatever a graph says of it: sealed files have no other', () => {
  const rows = (batch: number | string, target: number): EncoderBound =>
    prove([batch, 4, 3], (b) => b.node('Reshape', ['image', b.ints([target, 12])]));
  for (const batch of ['N', '2', 0, 2, -2]) {
    refusal(() => rows(batch, 2), /batch is free/);
    assert.equal(rows(batch, -1).latentSize, 12);
  }
});

test('only what the latent is computed from is looked at', () => {
  const { graph, latent } = graphOf(['N', 4], (b) => {
    b.node('Exp', ['image']);
    return b.node('Relu', ['image']);
  });
  const { layers } = bound(graph, latent);
  assert.deepEqual(layers, [{ op: 'Relu', name: 'node1', upper: 1 }]);
});

test('operators and attributes without a rule, for tensors and for constants', () => {
  refusal(() => prove(['N', 4], (b) => b.node('Exp', ['image'])), /this operator has no rule/);
  refusal(() => prove(['N', 4], (b) => b.node('Relu', ['image'], { alpha: 1 })), /attribute alpha/);
  refusal(
    () => prove(['N', 4], (b) => b.node('Add', ['image', b.node('Relu', [b.floats([4], [1, 2, 3, 4])])])),
    /no rule for constants/,
  );
  // A node without inputs makes nothing from the image, and has no rule either.
  refusal(() => prove(['N', 4], (b) => b.node('Add', ['image', b.node('Constant', [])])), /has no rule$/);
  // Shape of the image is a constant, though the image is not.
  const shaped = prove(['N', 4, 3], (b) =>
    b.node('Flatten', [b.node('Reshape', ['image', b.node('Shape', ['image'])])]),
  );
  assert.equal(shaped.lipschitz, 1);
});

test('as many inputs as the limit, and not one more, even if they are left out', () => {
  const relu = (inputs: number) => prove(['N', 4], (b) => b.node('Relu', ['image', ...Array(inputs - 1).fill('')]));
  assert.equal(relu(2 ** 14).lipschitz, 1);
  refusal(() => relu(2 ** 14 + 1), /the list of inputs is too large/);
});

test('a rule’s outputs may be stored, too', () => {
  const wide = (n: number) =>
    prove(['N', 2], (b) => b.node('Flatten', [b.node('Gather', ['image', b.ints(Array(n).fill(0))], { axis: 1 })]));
  assert.equal(wide(9).latentSize, 9);
});

const image = (shape: readonly number[]): Value =>
  computed(shape, {
    ...{ lipschitz: 1, norm: { constant: 0, l2: 1, l1: 0 }, l1Norm: null, errors: [] },
    chain: newChain({ constant: 0, l2: 1, l1: 0 }),
  });

/** A site of a node with these inputs. */
const at = (...values: Value[]): Site => siteOf('Relu', walkOf(values));

test('inputs are what a rule takes them for', () => {
  assert.equal(at(image([1, 2])).data(0).shape.length, 2);
  refusal(() => at(int64([1])).data(0), /must depend on the image/);
  refusal(() => at(image([1])).constant(0), /must be a constant/);
  refusal(() => at(image([1])).value(1), /input 1 is missing/);
  const site = at(image([1]));
  assert.equal(site.has(0), true);
  assert.equal(site.has(1), false);
  site.walk.values.clear();
  refusal(() => site.value(0), /neither a constant nor computed/);
});

test('floats: float32, of their size, finite', () => {
  assert.deepEqual([...at(float32([1, 2])).floats(0).values], [1, 2]);
  refusal(() => at(int64([1])).floats(0), /must be float32/);
  refusal(() => at(float32([1, 2], [3])).floats(0), /wrong number of values/);
  refusal(() => at(float32([1, Number.NaN])).floats(0), /holds NaN/);
  refusal(() => at(float32([Number.NEGATIVE_INFINITY])).floats(0), /holds -Infinity/);
  assert.equal(at(float32([0.5], [])).float(0), 0.5);
  refusal(() => at(float32([1, 2])).float(0), /one element/);
  refusal(() => at(float32([], [0])).float(0), /one element/);
});

test('integers: of an integer type, of their size, exact, the same for every batch', () => {
  assert.deepEqual(at(int64([1, -2])).integers(0), [1, -2]);
  assert.deepEqual(at(int32([1, -2])).integers(0), [1, -2]);
  refusal(() => at(float32([1])).integers(0), /int64 or int32/);
  refusal(() => at(int64([1, 2], [3])).integers(0), /wrong number/);
  refusal(() => at(fold('Shape', [image([1, 2])])).integers(0), /batch size/);
  assert.deepEqual(at(int64([2n ** 53n - 1n])).integers(0), [2 ** 53 - 1]);
  refusal(() => at(int64([2n ** 53n])).integers(0), /9007199254740992/);
  const far = at(int64([2n ** 63n - 1n, -(2n ** 63n), 2n ** 52n, 2n ** 52n - 1n, -(2n ** 52n)]));
  assert.deepEqual(far.positions(0), [2 ** 52, -(2 ** 52), 2 ** 52, 2 ** 52 - 1, -(2 ** 52)]);
  const many: Tensor = { name: 'c', type: 'int32', dims: [MAX_ELEMENTS + 1], data: new Int32Array(MAX_ELEMENTS + 1) };
  refusal(() => at({ kind: 'constant', tensor: many }).integers(0), /wrong number/);
});

test('attributes: of their kind, finite, yes or no', () => {
  const site = siteOf('Relu', walkOf([]), { i: 3, f: { float: 0.1 }, s: 'x', l: [1, 2], yes: 1, no: 0 });
  assert.deepEqual([site.int('i', 7), site.int('none', 7)], [3, 7]);
  assert.deepEqual([site.number('f', 7), site.number('none', 0.1)], [Math.fround(0.1), Math.fround(0.1)]);
  assert.deepEqual([site.string('s', 'y'), site.string('none', 'y')], ['x', 'y']);
  assert.deepEqual([site.ints('l'), site.ints('none')], [[1, 2], null]);
  assert.deepEqual([site.flag('yes', false), site.flag('no', true)], [true, false]);
  assert.deepEqual([site.flag('none', true), site.flag('none', false)], [true, false]);
  refusal(() => site.int('f', 0), /of kind int/);
  refusal(() => site.number('i', 0), /of kind float/);
  refusal(() => site.flag('i', false), /0 or 1/);
  refusal(() => siteOf('Relu', walkOf([]), { i: -1 }).flag('i', false), /0 or 1/);
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY])
    refusal(() => siteOf('Relu', walkOf([]), { f: { float: value } }).number('f', 0), /finite/);
});

test('an axis of a sample is never the batch', () => {
  const site = at();
  assert.deepEqual(
    [1, 2, -1, -2].map((axis) => site.sampleAxis(axis, 3)),
    [1, 2, 2, 1],
  );
  for (const axis of [0, -3]) refusal(() => site.sampleAxis(axis, 3), /batch/);
  for (const axis of [3, -4, 1.5, Number.NaN]) refusal(() => site.sampleAxis(axis, 3), /is not one of 3/);
});

test('shapes: positive integers, at most eight, at most 2²³ elements', () => {
  const site = at();
  site.checkShape([1, 2 ** 23]);
  site.checkShape(Array(8).fill(1));
  for (const dim of [0, -1, 1.5, Number.NaN, 2 ** 53]) refusal(() => site.checkShape([1, dim]), /not positive/);
  refusal(() => site.checkShape([1, 2 ** 23 + 1]), /limit of the verifier/);
  refusal(() => site.checkShape(Array(9).fill(1)), /limit of the verifier/);
});

test('all tensors together: at most 2³⁰ elements', () => {
  const site = at();
  for (let i = 0; i < MAX_TENSORS / MAX_ELEMENTS; i++) site.checkShape([1, MAX_ELEMENTS]);
  assert.equal(site.walk.elements, 2 ** 30);
  refusal(() => site.checkShape([1]), /limit of the verifier/);
});

test('work and views are counted up to their limits', () => {
  assert.deepEqual(
    [MAX_ELEMENTS, MAX_TENSORS, MAX_VIEW_ELEMENTS, MAX_VIEWS_TOTAL, MAX_WORK],
    [2 ** 23, 2 ** 30, 2 ** 22, 2 ** 26, 4e10],
  );
  const site = at();
  site.spend(MAX_WORK - 5);
  assert.equal(site.workLeft, 5);
  site.spend(5);
  assert.equal(site.workLeft, 0);
  refusal(() => site.spend(1), /limit of the verifier/);
  refusal(() => at().spend(Number.NaN), /limit of the verifier/);
  checkView(at(), MAX_VIEW_ELEMENTS);
  refusal(() => checkView(at(), MAX_VIEW_ELEMENTS + 1), /limit of the verifier/);
  const full = at();
  for (let i = 0; i < MAX_VIEWS_TOTAL / MAX_VIEW_ELEMENTS; i++) checkView(full, MAX_VIEW_ELEMENTS);
  refusal(() => checkView(full, 1), /limit of the verifier/);
});

test('magnitudes: the largest image for which nothing passes 2¹²⁷', () => {
  const site = at();
  site.limitMagnitude({ constant: 2 ** 126, l2: 2 ** 100, l1: 0 });
  assert.ok(site.walk.maxImageNorm < 2 ** 26 && site.walk.maxImageNorm > 2 ** 26 * (1 - 2 ** -49));
  site.limitMagnitude({ constant: 0, l2: 2 ** 90, l1: 0 });
  assert.ok(site.walk.maxImageNorm < 2 ** 26);
  const before = site.walk.maxImageNorm;
  site.limitMagnitude({ constant: 1, l2: 0, l1: 0 });
  assert.equal(site.walk.maxImageNorm, before);
  refusal(() => at().limitMagnitude({ constant: OVERFLOW_32, l2: 0, l1: 0 }), /overflow for every image/);
  refusal(() => at().limitMagnitude({ constant: Number.NaN, l2: 0, l1: 0 }), /overflow for every image/);
  refusal(() => at().limitMagnitude({ constant: 0, l2: Number.POSITIVE_INFINITY, l1: 0 }), /not finite/);
  refusal(() => at().limitMagnitude({ constant: 0, l2: Number.NaN, l1: 0 }), /not finite/);
  assert.throws(() => at().limitMagnitude({ constant: 0, l2: 0, l1: 1 }), /has no l1/);
});
