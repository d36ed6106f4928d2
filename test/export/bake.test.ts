/** Baked weights: orthogonal as far as float32 goes, next to what training gave, the head untouched. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bake } from '../../src/export/graph-model/bake.ts';
import type { DenseLayer } from '../../src/network/plain-network.ts';
import { createNetwork } from '../../src/train/network/network.ts';
import { tf } from '../../src/train/tfjs.ts';
import { distance, identity, multiply, rowsOf, transpose } from '../support/numbers/matrix.ts';

/** Rounding to float32 moves an entry by at most u of itself: |ΣqᵢΔⱼ + Δᵢqⱼ + ΔᵢΔⱼ| ≤ 2u + u² for unit columns. */
const U = 2 ** -24;
const ROUNDING = 2 * U + U * U;

for (const [inputs, hidden] of [
  [784, [64, 64]],
  [12, [64, 10, 10, 32]],
] as const) {
  test(`${inputs} → ${hidden.join(' → ')}`, () => {
    const structure = createNetwork({ conv: [], hidden: [...hidden], lipschitz: true }, [1, inputs, 1], 2);
    const parameters = structure.initialParameters(3);
    // Away from where training starts, and with biases.
    for (const [name, t] of parameters) {
      parameters.set(
        name,
        tf.tidy(() => tf.add(t.mul(2), tf.randomNormal(t.shape, 0, 0.02, 'float32', 4))),
      );
    }
    const network = structure.condense(parameters);
    const kept = structuredClone(network);
    const baked = bake(network);
    assert.deepEqual(network, kept, 'what was given is changed');
    assert.deepEqual(baked.head, network.head);
    assert.equal(baked.encoder.length, hidden.length);
    (baked.encoder as DenseLayer[]).forEach((layer, i) => {
      const before = network.encoder[i] as DenseLayer;
      assert.deepEqual({ ...layer, weights: before.weights }, before);
      const w = rowsOf(layer.weights, layer.outputs);
      const gram = layer.inputs >= layer.outputs ? multiply(transpose(w), w) : multiply(w, transpose(w));
      // 1e-12 for float64: Newton–Schulz and the products here.
      const defect = distance(gram, identity(gram.length));
      assert.ok(defect <= ROUNDING + 1e-12, `layer ${i}: WᵀW − I is ${defect}`);
      const moved = distance(w, rowsOf(before.weights, layer.outputs));
      assert.ok(moved <= 1e-5, `layer ${i}: moved by ${moved}`);
    });
  });
}

test('weights that are not orthogonal are refused', () => {
  const layer: DenseLayer = {
    kind: 'dense',
    inputs: 2,
    outputs: 2,
    weights: Float32Array.of(1, 0, 0, 2),
    bias: new Float32Array(2),
    activation: 'maxMin',
    orthogonal: true,
  };
  assert.throws(() => bake({ encoder: [layer], head: layer }), RangeError);
});
