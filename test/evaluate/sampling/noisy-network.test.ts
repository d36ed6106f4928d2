/** Where networks are cut, and that the two parts count what the whole network answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import { InputError } from '../../../src/certify-runtime/trusted/errors.ts';
import type { OnnxModel } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { readOnnx } from '../../../src/certify-runtime/trusted/onnx/read.ts';
import { cutsOf } from '../../../src/evaluate/sampling/affine-part.ts';
import { NoisyNetwork } from '../../../src/evaluate/sampling/noisy-network.ts';
import { run } from '../../support/interpreter/interpreter.ts';
import { sealedNetwork } from '../../support/networks/sealed.ts';
import { exact } from '../../support/numbers/arithmetic.ts';
import { classifier, convolutional, dense, linear, residual } from './networks.ts';

/** The operator that computes each place to cut at, the deepest first; 'image' for the image itself. */
function cutOperators({ graph }: OnnxModel): string[] {
  return cutsOf(graph, 'image', graph.outputs[0]!.name).map(
    (tensor) => graph.nodes.find(({ outputs }) => outputs.includes(tensor))?.op ?? tensor,
  );
}

test('the affine part ends before the first operator that is not', () => {
  assert.deepEqual(cutOperators(dense()), ['Add', 'Sum', 'Reshape', 'image']);
  assert.deepEqual(cutOperators(convolutional()), ['Conv', 'Transpose', 'Div', 'Sub', 'image']);
  assert.deepEqual(cutOperators(residual()), ['image']);
  assert.deepEqual(cutOperators(linear([[1, 2]], [0, 0])), ['Gemm', 'image']);
});

test('a product of two things that depend on the image is not affine, nor is a quotient by one', () => {
  for (const op of ['Mul', 'Div', 'MatMul']) {
    const model = classifier([2], 2, ({ builder, normal }) => {
      const x = builder.node('MatMul', ['image', normal([2, 2], 2)]);
      return op === 'MatMul' ? builder.node(op, [normal([2, 2], 1), x]) : builder.node(op, [x, x]);
    });
    assert.equal(cutOperators(model)[0], 'MatMul');
    assert.equal(cutOperators(model).length, op === 'MatMul' ? 3 : 2);
  }
  const inverse = classifier([2], 2, ({ builder, normal }) => builder.node('Div', [normal([1], 1), 'image']));
  assert.deepEqual(cutOperators(inverse), ['image']);
});

/** The class of the whole network at x + η, in float64, without ONNX Runtime. */
function labelOf({ graph }: OnnxModel, point: readonly number[], noise: Float32Array): number {
  const dims = [1, ...graph.inputs[0]!.dims.slice(1).map(Number)];
  const data = point.map((value, i) => value + noise[i]!);
  const logits = run(graph, { dims, data }, exact).get(graph.outputs[0]!.name)!.data;
  return logits.indexOf(Math.max(...logits));
}

for (const [name, model] of Object.entries({ dense: dense(), convolutional: convolutional(), residual: residual() })) {
  test(`${name}: the counts are the whole network's, draw by draw`, async () => {
    const network = await NoisyNetwork.load(model);
    try {
      const random = createRandom(7);
      const points = Float32Array.from({ length: 3 * network.size }, () => random.uniform());
      const noise = Float32Array.from({ length: 200 * network.size }, () => random.normal());
      const parts = await network.part(points, 'input');
      const noiseParts = await network.part(noise, 'noise');
      for (const index of [0, 1, 2]) {
        const counts: number[] = [];
        await network.count(parts, index, noiseParts, counts);
        const expected = counts.map(() => 0);
        const point = [...points.subarray(index * network.size, (index + 1) * network.size)];
        for (let draw = 0; draw < 200; draw++) {
          expected[labelOf(model, point, noise.subarray(draw * network.size, (draw + 1) * network.size))]!++;
        }
        assert.deepEqual(counts, expected);
        assert.ok(Math.max(...counts) < 200, 'the noise changes some answers');
      }
    } finally {
      await network.dispose();
    }
  });
}

test('a sealed file is taken by its logits', async () => {
  const model = readOnnx(await sealedNetwork({ seed: 3 }));
  const network = await NoisyNetwork.load(model);
  const counts: number[] = [];
  const zero = await network.part(new Float32Array(network.size), 'noise');
  await network.count(await network.part(new Float32Array(network.size).fill(0.5), 'input'), 0, zero, counts);
  assert.deepEqual(network.shape, [4, 4, 3]);
  assert.equal(counts.length, 3);
  await network.dispose();
});

test('a NaN among the logits counts for nobody', async () => {
  const model = classifier([2], 2, ({ builder }) =>
    builder.node('Div', [builder.node('Relu', ['image']), builder.node('Relu', ['image'])]),
  );
  const network = await NoisyNetwork.load(model);
  const counts: number[] = [];
  await network.count(Float32Array.of(1, 1), 0, Float32Array.of(0, 0, -2, 0, 0, -2), counts);
  assert.deepEqual(counts, [1, 0]);
  await network.dispose();
});

test('inputs of another form are refused', async () => {
  const model = linear([[1, 2]], [0, 0]);
  const withInput = (dims: readonly (number | string)[]) => ({
    ...model,
    graph: { ...model.graph, inputs: [{ ...model.graph.inputs[0]!, dims }] },
  });
  for (const dims of [[1, 1], ['N', 'd'], []]) {
    await assert.rejects(NoisyNetwork.load(withInput(dims)), (error) => {
      assert.ok(error instanceof InputError);
      return /expected one input of float32 \[N, …\]/.test(error.message);
    });
  }
});
