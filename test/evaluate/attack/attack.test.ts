/** The attack's own parts: gradients against difference quotients, float32 neighbours, distances, the estimate. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differentiate } from '../../../src/certify-runtime/gradient/network.ts';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import { attack } from '../../../src/evaluate/attack/attack.ts';
import { distanceUp, neighbour } from '../../../src/evaluate/attack/float32.ts';
import { dense, sealDense } from '../../support/networks/dense-networks.ts';
import { GraphBuilder } from '../../support/networks/graph-builder.ts';
import { LEAST_POINTS } from '../../support/numbers/attacked-points.ts';

test('the shares of the test files add up to 100 000 attacked points', () => {
  assert.ok(Object.values(LEAST_POINTS).reduce((a, b) => a + b, 0) >= 100_000);
});

test('neighbours are the adjacent float32, through zero and powers of two', () => {
  assert.equal(neighbour(1, 1), 1 + 2 ** -23);
  assert.equal(neighbour(1, -1), 1 - 2 ** -24);
  assert.equal(neighbour(-1, 1), -(1 - 2 ** -24));
  assert.equal(neighbour(0, 1), 2 ** -149);
  assert.equal(neighbour(-0, -1), -(2 ** -149));
  assert.equal(neighbour(2 ** -149, -1), 0);
  assert.equal(neighbour(2 ** -126, -1), 2 ** -126 - 2 ** -149);
});

test('distances are never below the exact ones (BigInt), and close', () => {
  const random = createRandom(2);
  for (let round = 0; round < 200; round++) {
    const n = 1 + (round % 40);
    const a = Float32Array.from({ length: n }, () => random.uniform());
    const b = a.map((x) =>
      random.uniform() < 0.5 ? neighbour(x, 1) : x + 10 ** -(8 * random.uniform()) * random.normal(),
    );
    // Multiples of 2⁻¹⁴⁹: exact as integers.
    const exact = a.reduce((total, x, i) => total + (BigInt(x * 2 ** 149) - BigInt(b[i]! * 2 ** 149)) ** 2n, 0n);
    const d = distanceUp(a, b);
    const integer = BigInt(d * 2 ** 149);
    assert.ok(integer * integer >= exact);
    const below = BigInt(d * (1 - 1e-13) * 2 ** 149);
    assert.ok(below * below <= exact);
  }
});

/** One graph with most of the operators that have a gradient; [N, 4, 4, 2] to 3 values. */
function everyOperator(): { graph: ReturnType<GraphBuilder['graph']>; output: string } {
  const random = createRandom(9);
  const values = (count: number): number[] => Array.from({ length: count }, () => random.normal());
  const b = new GraphBuilder(['N', 4, 4, 2]);
  let x = b.node('Sub', ['image', b.floats([2], [0.5, 0.25])]);
  x = b.node('Div', [x, b.floats([1, 1, 2], [0.5, 2])]);
  x = b.node('Transpose', [x], { perm: [0, 3, 1, 2] });
  x = b.node('MatMul', [b.floats([4, 4], values(16)), x]);
  x = b.node('MatMul', [b.floats([2, 4, 4], values(32)), x]);
  x = b.node('MatMul', [x, b.floats([2, 4, 4], values(32))]);
  x = b.node('Pad', [x, b.ints([0, 0, 1, 0, 0, 0, 0, 1])]);
  x = b.node('Conv', [x, b.floats([4, 1, 2, 3], values(24)), b.floats([4], values(4))], {
    group: 2,
    strides: [1, 2],
    pads: [0, 1, 1, 1],
  });
  x = b.groupSort(x);
  const pooled = b.node('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 1] });
  const averaged = b.node('AveragePool', [x], { kernel_shape: [2, 2], strides: [2, 1] });
  x = b.node('Concat', [pooled, averaged], { axis: -1 });
  x = b.node('Slice', [x, b.ints([0]), b.ints([3]), b.ints([3])]);
  x = b.node('Flatten', [x]);
  x = b.node('Gather', [x, b.ints([0, 3, 5, 7, 9, 11, 2, 2])], { axis: 1 });
  const [left, right] = b.nodeWith('Split', [x, b.ints([4, 4])], 2, { axis: 1 }) as [string, string];
  x = b.node('Add', [
    b.node('Relu', [left]),
    b.node('Sub', [b.node('LeakyRelu', [right], { alpha: { float: 0.125 } }), b.node('Abs', [left])]),
  ]);
  x = b.node('Max', [x, b.node('Neg', [right]), b.floats([1, 4], values(4))]);
  x = b.node('Mul', [b.floats([4], values(4)), x]);
  x = b.node('Sum', [x, left, right]);
  x = b.node('Unsqueeze', [x, b.ints([1])]);
  x = b.node('Squeeze', [x, b.ints([1])]);
  x = b.node('MatMul', [x, b.floats([4, 5], values(20))]);
  x = b.node('Reshape', [x, b.ints([-1, 5])]);
  x = b.node('Gemm', [x, b.floats([3, 5], values(15)), b.floats([3], values(3))], {
    transB: 1,
    alpha: { float: 0.5 },
    beta: { float: 2 },
  });
  return { graph: b.graph(x), output: x };
}

test('gradients are difference quotients', () => {
  const { graph, output } = everyOperator();
  const network = differentiate(graph, 'image', output);
  assert.ok(network !== null);
  const random = createRandom(4);
  const n = 3;
  const images = Float64Array.from({ length: n * 32 }, () => random.uniform());
  const seed = [1, -2, 0.5];
  const { gradient } = network.gradient(images, n, () => seed);
  const value = (points: Float64Array): Float64Array =>
    Float64Array.from({ length: n }, (_, k) =>
      network
        .gradient(points, n, () => seed)
        .logits.subarray(3 * k, 3 * k + 3)
        .reduce((total, y, j) => total + y * seed[j]!, 0),
    );
  const step = 1e-6;
  for (let i = 0; i < 32; i++) {
    const shifted = (sign: number): Float64Array => value(images.map((x, e) => x + (e % 32 === i ? sign * step : 0)));
    const [up, down] = [shifted(1), shifted(-1)];
    for (let k = 0; k < n; k++) {
      const quotient = (up[k]! - down[k]!) / (2 * step);
      assert.ok(
        Math.abs(quotient - gradient[k * 32 + i]!) < 1e-6 * (1 + Math.abs(quotient)),
        `pixel ${i} of image ${k}`,
      );
    }
  }
});

test('an operator without a gradient is no error: the attack estimates', async () => {
  const b = new GraphBuilder(['N', 1, 2, 1]);
  assert.equal(differentiate(b.graph(b.node('Cos', ['image'])), 'image', 't0_0'), null);
  const spec = [
    dense(
      [
        [1, 0],
        [0, 1],
      ],
      [0, 0],
      'MaxMin',
    ),
    dense(
      [
        [-0.5, 0],
        [0.5, 0],
      ],
      [0.25, -0.25],
    ),
  ];
  const { judge } = await sealDense(spec);
  try {
    const report = await attack(judge, null, Float32Array.of(0.375, 0.125));
    assert.equal(report.gradients, 'estimated');
    assert.equal(report.broken, 0);
    assert.ok(report.smallestRatio !== null && report.smallestRatio < 1.05, `${report.smallestRatio}`);
  } finally {
    await judge.release();
  }
});

test('the same seed gives the same attack', async () => {
  const { judge, network } = await sealDense([
    dense(
      [
        [0.6, 0.8],
        [-0.8, 0.6],
      ],
      [0, 0],
      'Relu',
    ),
    dense(
      [
        [1, 0],
        [0, 1],
      ],
      [0, 0],
    ),
  ]);
  try {
    const run = () => attack(judge, network, Float32Array.of(0.75, 0.25), { seed: 3, restarts: 4 });
    assert.deepEqual(await run(), await run());
  } finally {
    await judge.release();
  }
});
