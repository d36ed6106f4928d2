/** Networks as configurations describe them: sizes, parameters, what is refused; plain twins have the same shape. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../../../src/certify-runtime/trusted/errors.ts';
import type { ImageShape } from '../../../src/train/network/layers.ts';
import { createNetwork } from '../../../src/train/network/network.ts';
import { tf } from '../../../src/train/tfjs.ts';

const CONV = [
  { channels: 8, kernel: 3, down: 2 },
  { channels: 6, kernel: 1, down: 1 },
  { channels: 4, kernel: 2, down: 3 },
];
const SHAPE: ImageShape = [12, 18, 3];

for (const lipschitz of [true, false]) {
  test(`sizes and parameters, lipschitz ${lipschitz}`, () => {
    const network = createNetwork({ conv: CONV, hidden: [10], lipschitz }, SHAPE, 5);
    assert.deepEqual([network.latent, network.classes], [10, 5]);
    const parameters = network.initialParameters(1);
    const shapes = [...parameters].map(([name, t]) => `${name} ${t.shape.join('×')}`);
    const temperature = lipschitz ? ['head.logTemperature '] : [];
    assert.deepEqual(shapes, [
      `encoder.0.kernel ${lipschitz ? '9×12×8' : '3×3×12×8'}`,
      'encoder.0.bias 8',
      `encoder.1.kernel ${lipschitz ? '8×6' : '1×1×8×6'}`,
      'encoder.1.bias 6',
      `encoder.2.kernel ${lipschitz ? '4×54×4' : '2×2×54×4'}`,
      'encoder.2.bias 4',
      'encoder.3.weight 24×10',
      'encoder.3.bias 10',
      `head.weight 10×5`,
      'head.bias 5',
      ...temperature,
    ]);
    const again = network.initialParameters(1);
    const other = network.initialParameters(2);
    for (const [name, t] of parameters) {
      assert.deepEqual(t.dataSync(), again.get(name)!.dataSync());
      if (/kernel|weight/.test(name)) assert.notDeepEqual(t.dataSync(), other.get(name)!.dataSync());
    }
    tf.tidy(() => {
      const weights = network.weights(parameters);
      const z = network.encode(weights, tf.zeros([7, ...SHAPE]));
      assert.deepEqual(
        [z.shape, network.classify(weights, z).shape],
        [
          [7, 10],
          [7, 5],
        ],
      );
    });
    const { encoder, head } = network.condense(parameters);
    assert.deepEqual(
      encoder.map(({ kind, inputs, outputs, activation }) => [kind, inputs, outputs, activation]),
      [
        [lipschitz ? 'fourier' : 'conv', 12, 8, lipschitz ? 'maxMin' : 'relu'],
        ['conv', 8, 6, lipschitz ? 'maxMin' : 'relu'],
        [lipschitz ? 'fourier' : 'conv', 54, 4, lipschitz ? 'maxMin' : 'relu'],
        ['dense', 24, 10, lipschitz ? 'maxMin' : 'relu'],
      ],
    );
    assert.deepEqual([head.inputs, head.outputs, head.activation], [10, 5, 'none']);
  });
}

test('without hidden layers the latent is the flattened image of the last convolution', () => {
  assert.equal(createNetwork({ conv: CONV, hidden: [], lipschitz: true }, SHAPE, 5).latent, 2 * 3 * 4);
});

test("plain layers start with He's variance: activations keep their size", () => {
  tf.tidy(() => {
    const conv = [
      { channels: 64, kernel: 3, down: 1 },
      { channels: 64, kernel: 3, down: 1 },
    ];
    const network = createNetwork({ conv, hidden: [256], lipschitz: false }, [8, 8, 16], 2);
    const weights = network.weights(network.initialParameters(3));
    const z = network.encode(weights, tf.randomNormal([16, 8, 8, 16], 0, 1, 'float32', 1) as tf.Tensor4D);
    // Zero padding takes some of it: about (1 − 1/12)² of the taps are inside an 8×8 image, twice.
    const meanSquare = tf.mean(tf.square(z)).dataSync()[0]!;
    assert.ok(meanSquare > 0.4 && meanSquare < 1.3, `${meanSquare}`);
  });
});

test('images that cannot be taken in groups are refused, naming layer and size', () => {
  const make = (shape: ImageShape) => () => createNetwork({ conv: CONV, hidden: [10], lipschitz: true }, shape, 5);
  assert.throws(make([11, 18, 3]), (error: unknown) => {
    assert.ok(error instanceof InputError);
    assert.match(error.message, /network\.conv\[0\]\.down: images of 11×18 cannot be taken in groups of 2×2/);
    return true;
  });
  assert.throws(make([12, 16, 3]), /network\.conv\[2\]\.down: images of 6×8 .* 3×3/);
});
