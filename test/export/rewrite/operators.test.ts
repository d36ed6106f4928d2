/** Operators that are brought into another form, in both forms in ONNX Runtime. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GraphBuilder } from '../../support/networks/graph-builder.ts';
import { Random } from '../../support/numbers/random.ts';
import { type Build, form, rewritten } from './rewritten.ts';

const IMAGE = [4, 6, 6];

test('norms as sums of squares and their roots', async () => {
  const axes = (b: GraphBuilder) => b.ints([2, 3]);
  assert.equal(await form(IMAGE, (b, x) => b.node('ReduceL2', [x, axes(b)], { keepdims: 0 })), 'Mul ReduceSum Sqrt');
  assert.equal(await form(IMAGE, (b, x) => b.node('ReduceL1', [x, axes(b)])), 'Abs ReduceSum');
  assert.equal(await form(IMAGE, (b, x) => b.node('ReduceSumSquare', [x, axes(b)])), 'Mul ReduceSum');
  assert.equal(await form(IMAGE, (b, x) => b.node('GlobalLpPool', [x])), 'Mul GlobalAveragePool Mul Sqrt');
  const pool = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] };
  assert.equal(await form(IMAGE, (b, x) => b.node('LpPool', [x], pool)), 'Mul AveragePool Mul Sqrt');
  assert.equal(await form(IMAGE, (b, x) => b.node('LpPool', [x], { ...pool, p: 1 })), 'Abs AveragePool Mul');
  assert.equal(await form(IMAGE, (b, x) => b.node('LpPool', [x], { ...pool, p: 3 })), 'LpPool');
});

test('what takes whole axes is left out, also of the batch; what does not is kept', async () => {
  const slice = (starts: number[], ends: number[], steps: number[]): Build => {
    return (b, x) => b.node('Slice', [x, b.ints(starts), b.ints(ends), b.ints([0, 1, 2, 3]), b.ints(steps)]);
  };
  const end = 1_000_000_000;
  assert.equal(await form(IMAGE, slice([0, 0, 0, 0], [end, end, 6, end], [1, 1, 1, 1])), '');
  assert.equal(await form(IMAGE, slice([0, 0, 1, 0], [end, end, end, end], [1, 1, 2, 2])), 'Slice');
  assert.equal(await form(IMAGE, slice([0, -4, 0, -3], [end, 4, 6, end], [1, 1, 1, 1])), 'Slice');
  // One sample of a free batch is not all of it.
  const builder = new GraphBuilder(['N', ...IMAGE]);
  const first = slice([0, 0, 0, 0], [1, end, end, end], [1, 1, 1, 1])(builder, 'image');
  const [node] = await rewritten(builder, first, { sample: IMAGE });
  assert.equal(node?.op, 'Slice');
  assert.equal(await form(IMAGE, slice([0, 0, 0, 0], [2, 4, 6, 6], [1, 1, 1, 1]), { batch: 2 }), '');
});

test('pads of some axes, negative pads, and wrapping', async () => {
  const half = { mode: 'reflect' };
  const some: Build = (b, x) => b.node('Pad', [x, b.ints([1, 2, 0, 1]), '', b.ints([-1, 2])], half);
  assert.equal(await form(IMAGE, some), 'Pad');
  const crop: Build = (b, x) => b.node('Pad', [x, b.ints([0, 0, -1, 2, 0, 0, -2, 0])]);
  assert.equal(await form(IMAGE, crop), 'Slice Pad');
  const onlyCrop: Build = (b, x) => b.node('Pad', [x, b.ints([0, 0, -1, 0, 0, 0, 0, -3])]);
  assert.equal(await form(IMAGE, onlyCrop), 'Slice');
  const wrap: Build = (b, x) => b.node('Pad', [x, b.ints([0, 0, 1, 2, 0, 0, 2, 0])], { mode: 'wrap' });
  assert.equal(await form(IMAGE, wrap, { opset: 19 }), 'Slice Slice Concat Slice Concat');
});

test('values that are repeated', async () => {
  const mean = (b: GraphBuilder, x: string) => b.node('ReduceMean', [x, b.ints([2, 3])]);
  assert.equal(
    await form(IMAGE, (b, x) => b.node('Expand', [mean(b, x), b.ints([1, 1, 3, 2])])),
    'ReduceMean Gather Gather',
  );
  assert.equal(await form(IMAGE, (b, x) => b.node('Tile', [x, b.ints([1, 2, 1, 1])])), 'Gather');
  assert.equal(await form(IMAGE, (b, x) => b.node('Expand', [b.node('Neg', [x]), b.ints([1, 1, 1, 1])])), 'Neg');
});

test('operators of one tensor, casts to the same type, and a mean of tensors', async () => {
  for (const op of ['Sum', 'Max', 'Min', 'Mean'])
    assert.equal(await form(IMAGE, (b, x) => b.node('Neg', [b.node(op, [x])])), 'Neg');
  assert.equal(await form(IMAGE, (b, x) => b.node('Neg', [b.node('Concat', [x], { axis: 1 })])), 'Neg');
  assert.equal(await form(IMAGE, (b, x) => b.node('Neg', [b.node('Cast', [x], { to: 1 })])), 'Neg');
  assert.equal(await form(IMAGE, (b, x) => b.node('Cast', [b.node('Cast', [x], { to: 6 })], { to: 1 })), 'Cast Cast');
  assert.equal(await form(IMAGE, (b, x) => b.node('Mean', [x, b.node('Abs', [x])])), 'Abs Sum Div');
});

test('reductions without axes', async () => {
  const idle: Build = (b, x) => b.node('Neg', [b.node('ReduceSum', [x], { noop_with_empty_axes: 1 })]);
  assert.equal(await form(IMAGE, idle), 'Neg');
  const builder = new GraphBuilder([1, ...IMAGE]);
  const all = builder.node('ReduceMean', ['image']);
  const [node] = await rewritten(builder, all, { sample: IMAGE, batch: 1 });
  assert.equal(node?.inputs.length, 2);
  const mixed = new GraphBuilder([2, ...IMAGE]);
  const [kept] = await rewritten(mixed, mixed.node('ReduceMean', ['image']), { sample: IMAGE, batch: 2 });
  assert.equal(kept?.inputs.length, 1);
});

test('space to depth and depth to space', async () => {
  const moved = 'Reshape Transpose Reshape';
  assert.equal(await form(IMAGE, (b, x) => b.node('SpaceToDepth', [x], { blocksize: 2 })), moved);
  for (const mode of ['DCR', 'CRD']) {
    assert.equal(await form([8, 3, 2], (b, x) => b.node('DepthToSpace', [x], { blocksize: 2, mode })), moved);
  }
});

test('transposed convolutions of every stride, padding, dilation and group', async () => {
  const random = new Random(1);
  const cases: {
    sample: number[];
    weights: number[];
    bias?: boolean;
    attributes: Record<string, number | string | number[]>;
  }[] = [
    { sample: [4, 5, 6], weights: [4, 3, 3, 3], attributes: { pads: [1, 1, 1, 1] }, bias: true },
    { sample: [4, 5, 6], weights: [4, 3, 4, 4], attributes: { strides: [2, 2], pads: [1, 1, 1, 1] }, bias: true },
    { sample: [4, 5, 6], weights: [4, 3, 2, 2], attributes: { strides: [2, 2] } },
    { sample: [4, 5, 4], weights: [4, 2, 3, 2], attributes: { strides: [2, 3], output_padding: [1, 0] }, bias: true },
    { sample: [4, 5, 4], weights: [4, 2, 2, 2], attributes: { strides: [3, 3], output_padding: [2, 1] }, bias: true },
    {
      sample: [4, 5, 6],
      weights: [4, 3, 3, 3],
      attributes: { group: 2, strides: [2, 1], pads: [0, 1, 1, 0] },
      bias: true,
    },
    {
      sample: [2, 5, 6],
      weights: [2, 3, 3, 2],
      attributes: { dilations: [2, 3], strides: [2, 2], pads: [1, 0, 2, 1] },
    },
    { sample: [2, 5, 6], weights: [2, 3, 3, 3], attributes: { strides: [2, 2], auto_pad: 'SAME_UPPER' }, bias: true },
    { sample: [2, 5, 6], weights: [2, 3, 3, 3], attributes: { strides: [2, 2], auto_pad: 'SAME_LOWER' }, bias: true },
    { sample: [2, 5, 6], weights: [2, 3, 3, 3], attributes: { strides: [2, 2], output_shape: [10, 12] } },
    { sample: [3, 7], weights: [3, 2, 4], attributes: { strides: [2], pads: [1, 1] }, bias: true },
  ];
  for (const { sample, weights, attributes, bias } of cases) {
    const size = weights.reduce((product, dim) => product * dim, 1);
    const ops = await form(sample, (b, x) => {
      const outputs = weights[1]! * Number(attributes['group'] ?? 1);
      const offset = bias ? [b.floats([outputs], random.normals(outputs))] : [];
      return b.node('ConvTranspose', [x, b.floats(weights, random.normals(size)), ...offset], attributes);
    });
    assert(ops.startsWith('Conv') && !ops.includes('ConvTranspose'), `${ops} for ${JSON.stringify(attributes)}`);
  }
});

test('a resize is a Gather if it takes the nearest value, and matrices otherwise', async () => {
  const twice = (b: GraphBuilder) => b.floats([4], [1, 1, 2, 2]);
  const modes = ['half_pixel', 'asymmetric', 'align_corners', 'pytorch_half_pixel'];
  for (const mode of modes) {
    const nearest: Build = (b, x) => {
      return b.node('Resize', [x, '', twice(b)], { mode: 'nearest', coordinate_transformation_mode: mode });
    };
    assert.equal(await form(IMAGE, nearest), 'Gather Gather');
    // The sizes may be computed from those of the image.
    const computed: Build = (b, x) => {
      const shape = b.node('Shape', [x], { start: 0, end: 2 });
      const sizes = ['', '', b.node('Concat', [shape, b.ints([4, 9])], { axis: 0 })];
      return b.node('Resize', [x, ...sizes], { mode: 'nearest', coordinate_transformation_mode: mode });
    };
    assert.equal(await form(IMAGE, computed), 'Gather Gather');
    for (const kind of ['linear', 'cubic']) {
      const smooth: Build = (b, x) => {
        const sizes = ['', '', b.ints([1, 4, 9, 4])];
        return b.node('Resize', [x, ...sizes], { mode: kind, coordinate_transformation_mode: mode });
      };
      assert.equal(await form(IMAGE, smooth, { batch: 1 }), 'MatMul MatMul');
    }
  }
});

test('other linear operators become a choice of values or a matrix', async () => {
  const flat = 'Reshape MatMul Reshape';
  assert.equal(await form([4, 5], (b, x) => b.node('CumSum', [x, b.ints(2)])), flat);
  const lower: Build = (b, x) => b.node('Trilu', [x], { upper: 0 });
  assert.equal(await form([2, 5, 5], lower), flat);
  const random = new Random(2);
  const product: Build = (b, x) =>
    b.node('Einsum', [x, b.floats([3, 4], random.normals(12))], { equation: 'bchw,oc->bohw' });
  assert.equal(await form([4, 3, 2], product), flat);
  const turned: Build = (b, x) =>
    b.node('Einsum', [b.floats([3, 4], random.normals(12)), x], { equation: 'oc, bc -> bo' });
  assert.equal(await form([4], turned), flat);
  const volume: Build = (b, x) =>
    b.node('Conv', [x, b.floats([2, 1, 3, 3, 3], random.normals(54)), b.floats([2], [1, 2])]);
  assert.equal(await form([1, 4, 5, 4], volume), 'Reshape MatMul Add Reshape');
  const elements: Build = (b, x) => {
    const indices = b.tensor({ type: 'int64', dims: [1, 2, 2], data: BigInt64Array.of(3n, 0n, 1n, 1n) });
    return b.node('GatherElements', [x, indices], { axis: 2 });
  };
  assert.equal(await form([2, 4], elements, { batch: 1 }), 'Reshape Gather Reshape');
  // A sum over the batch is no map of one sample.
  assert.equal(await form([3], (b, x) => b.node('CumSum', [x, b.ints(0)]), { batch: 2 }), 'CumSum');
});

test('a constant of the shape of a batch', async () => {
  const filled: Build = (b, x) => b.node('ConstantOfShape', [b.node('Shape', [x])]);
  const spread: Build = (b, x) => b.node('Expand', [b.floats([1], [0.5]), b.node('Shape', [x])]);
  assert.equal(await form(IMAGE, (b, x) => b.node('Max', [x, filled(b, x)])), 'Max');
  assert.equal(await form(IMAGE, (b, x) => b.node('Sub', [x, spread(b, x)])), 'Sub');
  assert.equal(await form(IMAGE, (b, x) => b.node('Concat', [x, spread(b, x)], { axis: 1 })), 'Shape Expand Concat');
});

test('a choice by a constant', async () => {
  const mask = (b: GraphBuilder) => b.tensor({ type: 'bool', dims: [6], data: Uint8Array.of(1, 0, 0, 1, 1, 0) });
  assert.equal(await form(IMAGE, (b, x) => b.node('Where', [mask(b), x, b.floats([], [0])])), 'Mul');
  assert.equal(
    await form(IMAGE, (b, x) => b.node('Where', [mask(b), b.floats([6], [1, 2, 3, 4, 5, 6]), x])),
    'Mul Add',
  );
});

test('a mean over windows that reach beyond the input', async () => {
  const pool = { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1, count_include_pad: 1 };
  const builder = new GraphBuilder(['N', ...IMAGE]);
  const [node] = await rewritten(builder, builder.node('AveragePool', ['image'], pool), { sample: IMAGE, opset: 19 });
  assert(!node!.attributes.has('count_include_pad'));
});

test('positions that a constant keeps', async () => {
  const kept: Build = (b, x) => {
    return b.node('Compress', [x, b.tensor({ type: 'bool', dims: [6], data: Uint8Array.of(0, 1, 1, 0, 0, 1) })], {
      axis: 2,
    });
  };
  assert.equal(await form(IMAGE, kept), 'Gather');
});
