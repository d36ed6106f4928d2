/** Convolutions, pools and reductions: where windows lie, exact constants, and each condition violated alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readWindow, type WindowAxis } from '../../../../../src/certify-runtime/trusted/rules/window.ts';
import type { GraphBuilder } from '../../../../support/networks/graph-builder.ts';
import { awkward } from '../graphs.ts';
import { type Make, onlyIf, prove, proveFlat, refusal, siteOf, walkOf } from '../site.ts';

type Attributes = Parameters<GraphBuilder['node']>[2];

function window(input: readonly number[], kernel: readonly number[], attributes: Attributes = {}): WindowAxis[] {
  return readWindow(siteOf('Conv', walkOf([]), attributes), input, kernel);
}

test('a window: strides, dilations, pads, and the size of what comes out', () => {
  const places = (axes: WindowAxis[]): number[][] =>
    axes.map(({ output, padBegin, padEnd, stride, dilation }) => [output, padBegin, padEnd, stride, dilation]);
  assert.deepEqual(places(window([7], [3])), [[5, 0, 0, 1, 1]]);
  assert.deepEqual(places(window([7, 5], [3, 2], { strides: [2, 1], dilations: [1, 3], pads: [1, 2, 0, 3] })), [
    [3, 1, 0, 2, 1],
    [7, 2, 3, 1, 3],
  ]);
  assert.deepEqual(places(window([7], [3], { auto_pad: 'VALID' })), [[5, 0, 0, 1, 1]]);
  assert.deepEqual(places(window([7], [4], { auto_pad: 'SAME_UPPER' })), [[7, 1, 2, 1, 1]]);
  assert.deepEqual(places(window([7], [4], { auto_pad: 'SAME_LOWER' })), [[7, 2, 1, 1, 1]]);
  assert.deepEqual(places(window([8], [2], { auto_pad: 'SAME_UPPER', strides: [3] })), [[3, 0, 0, 3, 1]]);
  assert.deepEqual(places(window([7], [1], { auto_pad: 'SAME_LOWER', strides: [3] })), [[3, 0, 0, 3, 1]]);
  assert.deepEqual(places(window([7], [4], { auto_pad: 'SAME_UPPER', strides: [3] })), [[3, 1, 2, 3, 1]]);
  assert.deepEqual(places(window([8], [2], { auto_pad: 'NOTSET' })), [[7, 0, 0, 1, 1]]);
  assert.deepEqual(places(window([4], [2 ** 20], { pads: [2 ** 20, 0] }))[0]!.slice(0, 2), [5, 2 ** 20]);
});

test('a window that fits nowhere, or is not said in full', () => {
  const wrong: [readonly number[], readonly number[], Attributes, RegExp][] = [
    [[7, 7], [3, 3], { strides: [2] }, /strides \[2\]/],
    [[7, 7], [3, 3], { strides: [2, 0] }, /strides \[2,0\]/],
    [[7, 7], [3, 3], { strides: [2, 2 ** 20 + 1] }, /strides/],
    [[7, 7], [3, 3], { dilations: [1, 0] }, /dilations/],
    [[7, 7], [3, 3], { dilations: [1, 1, 1] }, /dilations/],
    [[7, 7], [3, 3], { pads: [1, 1] }, /pads/],
    [[7, 7], [3, 3], { pads: [0, 0, 0, -1] }, /pads/],
    [[7, 7], [3, 3], { auto_pad: 'SAME' }, /auto_pad SAME/],
    // The padding would be −1, −2 and −3 (kind 12).
    [[8], [1], { auto_pad: 'SAME_LOWER', strides: [3] }, /a stride beyond the window/],
    [[7, 6], [1, 1], { auto_pad: 'SAME_UPPER', strides: [2, 3] }, /a stride beyond the window/],
    [[8], [1], { auto_pad: 'SAME_UPPER', strides: [4] }, /a stride beyond the window/],
    [[7, 7], [3, 3], { auto_pad: 'SAME_UPPER', pads: [0, 0, 0, 0] }, /contradict/],
    [[7], [3], { auto_pad: 'VALID', pads: [0, 0] }, /contradict/],
    [[7, 7], [3, 3], { auto_pad: 'VALID', pads: [0, 0, 0, 1] }, /contradict/],
    [[7, 7], [3, 3], { ceil_mode: 2 }, /ceil_mode must be 0 or 1/],
    [[7, 7], [3, 3], { ceil_mode: 1, auto_pad: 'VALID' }, /ceil_mode with auto_pad/],
    [[7, 4], [3, 2], { ceil_mode: 1, strides: [1, 3], pads: [0, 2, 0, 0] }, /starts behind the data/],
    [[7, 7], [3, 8], {}, /a window of 8 does not fit 7/],
    [[7, 7], [3, 3], { dilations: [1, 4] }, /a window of 9/],
  ];
  for (const [input, kernel, attributes, reason] of wrong) refusal(() => window(input, kernel, attributes), reason);
  assert.equal(window([7, 7], [3, 7])[1]!.output, 1);
  assert.equal(window([7], [3], { auto_pad: 'NOTSET', pads: [0, 0] })[0]!.output, 5);
  // The last window starts at the last element, which lies behind one of padding.
  assert.equal(window([4], [2], { ceil_mode: 1, strides: [2], pads: [1, 0] })[0]!.output, 3);
});

const conv =
  (kernel: readonly number[], attributes: Attributes = {}, bias: readonly number[] | null = null): Make =>
  (b) => {
    const size = kernel.reduce((a, d) => a * d, 1);
    const inputs = ['image', b.floats(kernel, awkward(size, 1))];
    if (bias !== null)
      inputs.push(
        b.floats(
          bias,
          awkward(
            bias.reduce((a, d) => a * d, 1),
            2,
          ),
        ),
      );
    return b.node('Conv', inputs, attributes);
  };

test('Conv: kernel, groups and bias fit', () => {
  onlyIf(['N', 4, 5, 5], conv([6, 2, 3, 3], { group: 2, kernel_shape: [3, 3] }, [6]), [
    [/in 1 groups/, conv([6, 2, 3, 3])],
    [/in 4 groups/, conv([6, 2, 3, 3], { group: 4 })],
    [/in 0 groups/, conv([6, 2, 3, 3], { group: 0 })],
    [/in -2 groups/, conv([6, 2, 3, 3], { group: -2 })],
    [/in 2 groups/, conv([5, 2, 3, 3], { group: 2 })],
    [/does not fit/, conv([6, 4, 3])],
    [/does not fit/, conv([6, 4, 3, 3, 1])],
    [/does not fit/, conv([0, 4, 3, 3])],
    [/kernel_shape \[3,2\]/, conv([6, 4, 3, 3], { kernel_shape: [3, 2] })],
    [/a bias \[5\]/, conv([6, 4, 3, 3], {}, [5])],
    [/a bias \[1\]/, conv([6, 4, 3, 3], {}, [1])],
    [/a bias \[1,6\]/, conv([6, 4, 3, 3], {}, [1, 6])],
    [/a window of 6/, conv([6, 4, 6, 3])],
  ]);
  onlyIf(['N', 4, 5], conv([6, 4, 3]), []);
  refusal(() => proveFlat(['N', 4], conv([6, 4])), /only 1-D and 2-D/);
  refusal(() => proveFlat(['N', 4, 2, 2, 2], conv([6, 4, 1, 1, 1])), /only 1-D and 2-D/);
});

test('a convolution whose taps do not touch has the norm of one of its matrices', () => {
  const near = (actual: number, expected: number): void =>
    assert.ok(actual >= expected && actual < expected * 1.0001, `${actual} is not ${expected}`);
  const norm = (
    dims: readonly number[],
    kernel: readonly number[],
    weights: readonly number[],
    attributes: Attributes = {},
  ) => proveFlat(['N', ...dims], (b) => b.node('Conv', ['image', b.floats(kernel, weights)], attributes)).lipschitz;
  // One tap of a 3×3 kernel moves the image; two on a stride of two are a product of 1 × 2.
  near(norm([1, 6, 6], [1, 1, 3, 3], [0, 0, 0, 0, 0, 0.75, 0, 0, 0]), 0.75);
  near(norm([1, 6, 6], [1, 1, 1, 2], [3, 4], { strides: [1, 2] }), 5);
  near(norm([1, 6, 6], [1, 1, 2, 1], [3, 4], { strides: [2, 1] }), 5);
  near(norm([2, 40, 40], [1, 2, 1, 1], [3, 4]), 5);
  near(norm([2, 40, 40], [2, 1, 1, 1], [3, 4], { group: 2 }), 4);
  near(norm([2, 40, 40], [2, 1, 1, 1], [-4, 3], { group: 2 }), 4);
  // x ↦ 3x[p] + 4x[p + 1] comes as close to 7 as its length allows.
  const long = norm([1, 2000], [1, 1, 2], [3, 4]);
  assert.ok(long >= 6.9999 && long < 7.01, `${long}`);
  assert.equal(norm([1, 6, 6], [1, 1, 3, 3], Array(9).fill(0)), 0);
  // So many taps that no grid is fine enough: the sum of all magnitudes is a bound still.
  const taps = awkward(600, 4);
  const total = taps.reduce((s, w) => s + Math.abs(w), 0);
  const many = norm([1, 2000], [1, 1, 600], taps);
  assert.ok(many >= Math.abs(taps.reduce((s, w) => s + w, 0)) && many <= total * 1.001);
});

const pool =
  (op: string, kernel: readonly number[] | null, attributes: Attributes = {}): Make =>
  (b) =>
    b.node(op, ['image'], kernel === null ? attributes : { kernel_shape: kernel, ...attributes });

test('pools: a kernel for each spatial axis, windows that are not all padding', () => {
  onlyIf(['N', 2, 6, 6], pool('AveragePool', [3, 2], { pads: [2, 1, 2, 1] }), [
    [/kernel_shape \[null\]/, pool('AveragePool', null)],
    [/kernel_shape \[3\]/, pool('AveragePool', [3])],
    [/kernel_shape \[3,0\]/, pool('AveragePool', [3, 0])],
    [/kernel_shape/, pool('AveragePool', [3, 2 ** 20 + 1])],
    [/may lie in the padding/, pool('AveragePool', [3, 2], { pads: [3, 0, 0, 0] })],
    [/may lie in the padding/, pool('AveragePool', [3, 2], { pads: [0, 0, 0, 2] })],
    [/attribute dilations has no rule/, pool('AveragePool', [3, 2], { dilations: [1, 1] })],
    [/count_include_pad must be 0 or 1/, pool('AveragePool', [3, 2], { count_include_pad: 2 })],
  ]);
  onlyIf(['N', 2, 6, 6], pool('MaxPool', [3, 2], { strides: [3, 2] }), [
    [/storage_order/, pool('MaxPool', [3, 2], { strides: [3, 2], storage_order: 1 })],
    [/may lie in the padding/, pool('MaxPool', [3, 2], { strides: [3, 2], pads: [3, 0, 0, 0] })],
    [/dilations/, pool('MaxPool', [3, 2], { auto_pad: 'SAME_LOWER', dilations: [2, 1] })],
    [/a window lies in the padding/, pool('MaxPool', [3, 2], { pads: [0, 1, 0, 1], dilations: [1, 7] })],
  ]);
  for (const op of ['AveragePool', 'MaxPool'])
    refusal(() => prove(['N', 6], pool(op, [2], { strides: [2] })), /no spatial dimensions/);
  for (const op of ['GlobalAveragePool', 'GlobalMaxPool'])
    refusal(() => prove(['N', 6], (b) => b.node(op, ['image'])), /no spatial dimensions/);
});

test('pools of padded tensors, where programs differ in what they count', () => {
  const padded =
    (op: string, attributes: Attributes): Make =>
    (b) =>
      b.node(op, [b.node('Pad', ['image', b.ints([0, 0, 1, 0, 0, 1])])], {
        kernel_shape: [2],
        strides: [2],
        ...attributes,
      });
  const sliced: Make = (b) =>
    b.node('MaxPool', [b.node('Slice', ['image', b.ints([1]), b.ints([5]), b.ints([2])])], {
      kernel_shape: [2],
      strides: [2],
    });
  onlyIf(['N', 2, 6], padded('AveragePool', { count_include_pad: 1 }), [
    [/PadFusion/, padded('AveragePool', {})],
    [/PadFusion/, padded('AveragePool', { count_include_pad: 0 })],
    [/PadFusion/, padded('MaxPool', {})],
  ]);
  onlyIf(['N', 2, 6], sliced, []);
  onlyIf(['N', 2, 6], pool('AveragePool', [1]), []);
  onlyIf(['N', 1, 2 ** 20], pool('AveragePool', [2 ** 20]), []);
});

test('averages: exact constants, padding counted or not', () => {
  const near = (actual: number, expected: number): void =>
    assert.ok(actual >= expected && actual < expected * (1 + 1e-12), `${actual} is not ${expected}`);
  const norm = (dims: readonly number[], make: Make): number => proveFlat(['N', ...dims], make).lipschitz;
  // Each pixel in one window of three.
  near(norm([1, 6], pool('AveragePool', [3], { strides: [3] })), Math.sqrt(1 / 3));
  // One window of [pad, x₀], whose mean is x₀ where padding does not count.
  near(norm([1, 1], pool('AveragePool', [2], { strides: [2], pads: [1, 0] })), 1);
  near(norm([1, 1], pool('AveragePool', [2], { strides: [2], pads: [1, 0], count_include_pad: 1 })), Math.SQRT1_2);
  // x₀ in one window, x₁ in two: the largest column sum is 2/2.
  near(norm([1, 3], pool('AveragePool', [2])), 1);
  near(
    norm([1, 9], (b) => b.node('GlobalAveragePool', ['image'])),
    1 / 3,
  );
  near(
    norm([3, 3], (b) => b.node('ReduceMean', ['image', b.ints([1, 2])])),
    1 / 3,
  );
  near(
    norm([3, 3], (b) => b.node('ReduceSum', ['image', b.ints([2])])),
    Math.sqrt(3),
  );
});

const reduce =
  (op: string, axes: readonly number[] | null, attributes: Attributes = {}): Make =>
  (b) =>
    b.node(op, axes === null ? ['image'] : ['image', b.ints(axes)], attributes);

test('reductions: axes of the sample, given as an input or an attribute, kept or not', () => {
  for (const op of ['ReduceMean', 'ReduceSum', 'ReduceMax', 'ReduceMin']) {
    onlyIf(['N', 4, 3], reduce(op, [1]), [
      [/without axes/, reduce(op, null)],
      [/axes/, reduce(op, [])],
      [/axis 0 is the batch/, reduce(op, [1, 0])],
      [/axis 0 is the batch/, reduce(op, [-3])],
      [/not one of 3/, reduce(op, [3])],
      [/repeat/, reduce(op, [1, 1])],
      [/repeat/, reduce(op, [1, -2])],
      [/keepdims must be 0 or 1/, reduce(op, [1], { keepdims: 2 })],
    ]);
    const size = (axes: readonly number[] | null, attributes: Attributes = {}): number =>
      proveFlat(['N', 4, 3], reduce(op, axes, attributes)).latentSize;
    assert.equal(size([1]), 3);
    assert.equal(size([-1]), 4);
    assert.equal(size([1, 2]), 1);
    assert.equal(prove(['N', 4, 3], reduce(op, [1], { keepdims: 0 })).latentSize, 3);
    refusal(() => prove(['N', 4, 3], reduce(op, [1])), /one vector/);
    refusal(() => prove(['N', 4, 3], reduce(op, [1], { keepdims: 1 })), /one vector/);
  }
});

test('the max and the min of two are halves of a sort; of three they are not', () => {
  const both = (dims: readonly number[], axes: readonly number[]): number =>
    proveFlat(['N', ...dims], (b) =>
      b.node('Concat', [b.node('ReduceMax', ['image', b.ints(axes)]), b.node('ReduceMin', ['image', b.ints(axes)])], {
        axis: 1,
      }),
    ).lipschitz;
  assert.equal(both([2, 3], [1]), 1);
  assert.equal(both([3, 2], [2]), 1);
  assert.equal(both([3, 1, 2], [2, 3]), 1);
  const near = (actual: number): void => assert.ok(actual >= Math.SQRT2 && actual < 1.4143, `${actual}`);
  near(both([3, 2], [1]));
  near(both([2, 2], [1, 2]));
  // Two maxima of one pair.
  near(
    proveFlat(['N', 2, 3], (b) => {
      const max = reduce('ReduceMax', [1])(b);
      return b.node('Concat', [max, max], { axis: 1 });
    }).lipschitz,
  );
});

test('TopK: as many as there are, in order', () => {
  const topK =
    (k: readonly number[], attributes: Attributes = {}): Make =>
    (b) =>
      b.nodeWith('TopK', ['image', b.ints(k)], 2, attributes)[0]!;
  onlyIf(['N', 4, 3], topK([3]), [
    [/k = \[4\]/, topK([4])],
    [/k = \[0\]/, topK([0])],
    [/k = \[1,1\]/, topK([1, 1])],
    [/k = \[\]/, topK([])],
    [/order is not defined/, topK([3], { sorted: 0 })],
    [/axis 0 is the batch/, topK([1], { axis: 0 })],
  ]);
  assert.equal(proveFlat(['N', 4, 3], topK([4], { axis: 1 })).latentSize, 12);
  assert.equal(proveFlat(['N', 4, 3], topK([1])).latentSize, 4);
  // Its second output, the positions, is no tensor of the proof.
  refusal(() => proveFlat(['N', 4], (b) => b.nodeWith('TopK', ['image', b.ints([2])], 2)[1]!), /neither a constant/);
});
