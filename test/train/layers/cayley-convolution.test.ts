/** The Cayley convolution as a dense matrix, against the Cayley transform of the whole matrix, and float64 differences. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import { fourierFrame } from '../../../src/network/fourier-frame.ts';
import {
  type ConvolutionSizes,
  cayleyConvolution,
  fourierProduct,
  frameTensors,
  orthogonalBlocks,
  responseTensors,
} from '../../../src/train/layers/cayley-convolution.ts';
import { spaceToDepth } from '../../../src/train/layers/space-to-depth.ts';
import { tf } from '../../../src/train/tfjs.ts';
import { cayleyConvolutionMatrix, circularMatrix } from '../../support/networks/circular-convolution.ts';
import { differences, distance, dot, identity, multiply, rowsOf, transpose } from '../../support/numbers/matrix.ts';

/** height, width, kernel, inputs, outputs. */
const CASES = [
  [4, 4, 3, 2, 2],
  [5, 5, 3, 2, 4],
  [4, 5, 2, 3, 2],
  [5, 4, 2, 2, 2],
  [6, 6, 5, 3, 1],
  [3, 6, 4, 1, 2],
  [2, 2, 3, 4, 2],
  [1, 1, 3, 2, 2],
  [1, 6, 3, 2, 2],
  [7, 1, 2, 2, 3],
  [8, 8, 3, 4, 4],
] as const;

function taps(kernel: number, a: number, b: number, scale: number): Float32Array {
  const random = createRandom(kernel * 100 + a * 10 + b);
  const [n, m] = [Math.max(a, b), Math.min(a, b)];
  const deviation = scale / Math.sqrt(kernel * kernel * n);
  return Float32Array.from({ length: kernel * kernel * n * m }, () => deviation * random.normal());
}

const tensors = (height: number, width: number, kernel: number) => {
  const frame = fourierFrame(height, width);
  return { frame: frameTensors(frame), response: responseTensors(frame, kernel) };
};

/** The layer's matrix: row i is the image of unit vector i. Rows and columns go through (row, column, channel). */
function matrixOf(sizes: ConvolutionSizes, kernel: Float32Array): number[][] {
  const { height, width, inputs, outputs } = sizes;
  const count = height * width * inputs;
  return tf.tidy(() => {
    const { frame, response } = tensors(height, width, sizes.kernel);
    const [n, m] = [Math.max(inputs, outputs), Math.min(inputs, outputs)];
    const blocks = orthogonalBlocks(response, tf.tensor3d(kernel, [sizes.kernel ** 2, n, m]), inputs < outputs);
    const units = tf.reshape(tf.eye(count), [count, height, width, inputs]) as tf.Tensor4D;
    return rowsOf(fourierProduct(units, blocks, frame).dataSync(), height * width * outputs);
  });
}

for (const [height, width, kernel, inputs, outputs] of CASES) {
  test(`${height}×${width}, kernel ${kernel}, ${inputs} → ${outputs}: orthogonal, and the paper's convolution`, () => {
    for (const scale of [0.01, 1, 4]) {
      const weights = taps(kernel, inputs, outputs, scale);
      const q = matrixOf({ height, width, down: 1, kernel, inputs, outputs }, weights);
      const small = inputs >= outputs ? multiply(transpose(q), q) : multiply(q, transpose(q));
      assert.ok(
        distance(small, identity(small.length)) < 1e-5,
        `${distance(small, identity(small.length))} off orthogonal`,
      );
      const expected = cayleyConvolutionMatrix({ height, width, kernel, inputs, outputs }, weights);
      assert.ok(distance(q, expected) < 2e-5, `${distance(q, expected)} off the Cayley transform`);
    }
  });
}

test('the frame: orthonormal, and blocks of frequency responses are circular convolution with the kernel itself', () => {
  for (const [height, width, kernel, inputs, outputs] of CASES) {
    if (inputs < outputs) continue;
    const weights = taps(kernel, inputs, outputs, 1);
    const frame = fourierFrame(height, width);
    const product = tf.tidy(() => {
      const built = tensors(height, width, kernel);
      const kernelTaps = tf.tensor2d(weights, [kernel ** 2, inputs * outputs]);
      // [slots, from re or im, inputs, outputs] to re, and to im, side by side.
      const halves = built.response.map((table) => tf.reshape(tf.matMul(table, kernelTaps), [-1, 2 * inputs, outputs]));
      const blocks = tf.concat(halves, 2) as tf.Tensor3D;
      const count = height * width * inputs;
      const units = tf.reshape(tf.eye(count), [count, height, width, inputs]) as tf.Tensor4D;
      const image = fourierProduct(units, blocks, built.frame);
      return rowsOf(image.dataSync(), height * width * outputs);
    });
    const { rows, vertical, horizontal } = frame;
    const a = rowsOf(vertical, height);
    assert.ok(distance(multiply(transpose(a), a), identity(height)) < 1e-14);
    for (let l = 0; l < rows; l++) {
      const b = rowsOf(horizontal.subarray(l * 4 * width * width, (l + 1) * 4 * width * width), 2 * width);
      const gram = multiply(transpose(b), b);
      // An odd height has no alternating sequence: what would hold it is empty, and so are the columns for it.
      const used = l === 0 && height % 2 === 1 ? width : 2 * width;
      const expected = identity(2 * width).map((row, i) => row.map((x) => (i < used ? x : 0)));
      assert.ok(distance(gram, expected) < 1e-14, `${height}×${width}, row ${l}`);
    }
    const direct = circularMatrix({ height, width, kernel, inputs, outputs }, weights);
    assert.ok(distance(product, direct) < 1e-5, `${distance(product, direct)} off`);
  }
});

test('gradients of kernel, bias and image against float64 differences', () => {
  for (const [height, width, kernel, inputs, outputs] of [
    [4, 4, 3, 2, 2],
    [3, 4, 2, 3, 2],
    [4, 3, 3, 1, 2],
  ] as const) {
    const sizes = { height, width, kernel, inputs, outputs };
    const weights = taps(kernel, inputs, outputs, 1);
    const random = createRandom(5);
    const draw = (count: number) => Float32Array.from({ length: count }, () => random.normal());
    const image = draw(height * width * inputs);
    const c = draw(height * width * outputs);
    const value = (kernelTaps: ArrayLike<number>, x: ArrayLike<number>) =>
      dot(multiply([Array.from(x)], cayleyConvolutionMatrix(sizes, kernelTaps))[0]!, [...c]);
    const [n, m] = [Math.max(inputs, outputs), Math.min(inputs, outputs)];
    const found = tf.tidy(() => {
      const { frame, response } = tensors(height, width, kernel);
      const objective = (k: tf.Tensor, x: tf.Tensor) =>
        tf.sum(
          tf.mul(
            fourierProduct(x as tf.Tensor4D, orthogonalBlocks(response, k as tf.Tensor3D, inputs < outputs), frame),
            tf.tensor4d(c, [1, height, width, outputs]),
          ),
        ) as tf.Scalar;
      return tf
        .grads(objective)([tf.tensor3d(weights, [kernel ** 2, n, m]), tf.tensor4d(image, [1, height, width, inputs])])
        .map((gradient) => [...gradient.dataSync()]);
    });
    const expected = [
      differences((k) => value(k, image), [...weights], 1e-5),
      differences((x) => value(weights, x), [...image], 1e-5),
    ];
    expected.forEach((gradient, i) => {
      const largest = Math.max(...gradient.map(Math.abs));
      assert.ok(largest > 0.1, 'nothing to see');
      // Some 20 float32 operations of at most 24 terms on values of at most `largest`: 1e-4 of it is room enough.
      const off = distance([found[i]!], [gradient]);
      assert.ok(off <= 1e-4 * largest, `${height}×${width}, ${i === 0 ? 'kernel' : 'image'}: ${off} of ${largest}`);
    });
  }
});

test('space-to-depth and the whole layer: 1-Lipschitz; condensed blocks are those of the layer', () => {
  const layer = cayleyConvolution({ height: 3, width: 2, down: 2, kernel: 3, inputs: 12, outputs: 8 });
  tf.tidy(() => {
    const draw = (shape: readonly number[], deviation: number) =>
      tf.randomNormal([...shape], 0, deviation, 'float32', 4);
    const parameters = new Map(layer.initialParameters(draw));
    parameters.set('bias', tf.randomNormal([8], 0, 1, 'float32', 5));
    const evaluated = layer.evaluate((name) => parameters.get(name)!);
    const x = tf.randomNormal([50, 6, 4, 3], 0, 1, 'float32', 6) as tf.Tensor4D;
    const y = tf.add(x, tf.randomNormal([50, 6, 4, 3], 0, 0.1, 'float32', 7)) as tf.Tensor4D;
    const lengths = (t: tf.Tensor) => tf.norm(tf.reshape(t, [50, -1]), 2, 1).dataSync();
    const before = lengths(tf.sub(x, y));
    const after = lengths(tf.sub(evaluated.apply(x), evaluated.apply(y)));
    after.forEach((length, i) => {
      assert.ok(length <= before[i]! * (1 + 1e-5), `${length} > ${before[i]}`);
    });
    const condensed = evaluated.condense();
    assert.deepEqual(
      [condensed.height, condensed.width, condensed.down, condensed.inputs, condensed.outputs],
      [3, 2, 2, 12, 8],
    );
    assert.equal(condensed.blocks.length, fourierFrame(3, 2).slots * 24 * 16);
    // A permutation: pixel (2r + i, 2c + j, ch) is channel (i, j, ch) of place (r, c).
    const deep = spaceToDepth(x, 2).arraySync();
    const flat = x.arraySync();
    for (const [r, c, i, j, ch] of [
      [0, 0, 0, 0, 0],
      [2, 1, 1, 0, 2],
      [1, 0, 0, 1, 1],
    ] as const) {
      assert.equal(deep[7]![r]![c]![(2 * i + j) * 3 + ch], flat[7]![2 * r + i]![2 * c + j]![ch]);
    }
  });
});
