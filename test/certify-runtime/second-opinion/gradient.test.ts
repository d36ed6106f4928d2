/** The float64 evaluation with its gradients: random graphs as ONNX Runtime answers them, and their difference quotients. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differentiate } from '../../../src/certify-runtime/gradient/network.ts';
import * as ort from '../../../src/certify-runtime/run/onnx-runtime.ts';
import type { OnnxRuntime } from '../../../src/certify-runtime/run/providers.ts';
import { openProgram } from '../../../src/certify-runtime/second-opinion/program.ts';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import type { Graph, OnnxModel } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { writeOnnx } from '../../../src/export/seal/onnx-writer.ts';
import { GraphBuilder } from '../../support/networks/graph-builder.ts';
import { randomEncoder } from '../../support/networks/random-graph.ts';
import { QUIET } from '../../support/networks/sealed.ts';

const SEEDS = 250;
const N = 3;

const modelOf = (graph: Graph): OnnxModel => ({
  irVersion: 8,
  opset: 18,
  producerName: 'test',
  producerVersion: '0',
  graph,
  metadata: new Map(),
});

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from({ length: a.length }, (_, i) => a[i]! * b[i]!).reduce((sum, term) => sum + term, 0);

/** ONNX Runtime's answer, and the integers it computes; null where it has no kernel for the form. */
async function answer(model: OnnxModel, images: Float32Array, dims: readonly number[], output: string) {
  try {
    const session = await ort.InferenceSession.create(writeOnnx(model), QUIET);
    try {
      const results = await session.run({ image: new ort.Tensor('float32', images, [N, ...dims]) });
      const program = openProgram(ort as unknown as OnnxRuntime, session as never, model, dims, 'cpu');
      return { expected: results[output]!.data as Float32Array, known: await program.integers() };
    } finally {
      await session.release();
    }
  } catch {
    return null;
  }
}

test('random graphs: the values of ONNX Runtime, and gradients that are difference quotients', async () => {
  let compared = 0;
  let withShapes = 0;
  for (let seed = 0; seed < SEEDS; seed++) {
    const { graph, latent, inputDims, ops } = randomEncoder(seed);
    const random = createRandom(seed);
    const size = inputDims.reduce((a, b) => a * b, 1);
    const images = Float32Array.from({ length: N * size }, () => 2 * random.uniform() - 0.5);
    const answered = await answer(modelOf(graph), images, inputDims, latent);
    if (answered === null) continue;
    const { expected, known } = answered;
    const network = differentiate(graph, 'image', latent, { known });
    assert.ok(network !== null, `${seed}: ${ops}`);
    const points = Float64Array.from(images);
    const { output, pullback } = network.trace(points, N);
    const scale = output.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
    assert.equal(output.length, expected.length);
    for (const [i, value] of output.entries()) {
      assert.ok(Math.abs(value - expected[i]!) <= 1e-5 * scale, `${seed}: ${value}, ${expected[i]}, ${ops}`);
    }
    const weights = Float64Array.from(output, () => random.normal());
    const direction = points.map(() => random.normal());
    const step = 1e-7;
    const moved = network.trace(
      points.map((pixel, i) => pixel + step * direction[i]!),
      N,
    ).output;
    const quotient = dot(
      moved.map((value, i) => (value - output[i]!) / step),
      weights,
    );
    const slope = dot(pullback(weights), direction);
    const magnitude = scale + Math.abs(slope) + Math.abs(quotient);
    assert.ok(Math.abs(quotient - slope) <= 1e-5 * magnitude, `${seed}: ${quotient}, ${slope}, ${ops}`);
    compared++;
    if (known.size > 0) withShapes++;
  }
  assert.ok(compared > 0.7 * SEEDS && withShapes > 5, `${compared} compared, ${withShapes} with shapes`);
});

test('integers are what ONNX Runtime makes of them', async () => {
  const b = new GraphBuilder(['N', 1, 1, 6]);
  const [huge, two] = [b.ints([2 ** 62]), b.ints([2])];
  // 2⁶²·2 wraps around to −2⁶³, which is 6 from the end cut off at 0: all six are left.
  const start = b.node('Mul', [huge, two]);
  const shape = b.node('Concat', [b.ints([-1]), b.node('Gather', [b.node('Shape', ['image']), b.ints([3])])], {
    axis: 0,
  });
  const flat = b.node('Reshape', ['image', shape]);
  const graph = b.graph(b.node('Slice', [flat, start, b.ints([2 ** 40]), b.ints([1])]));
  const model = modelOf(graph);
  const session = await ort.InferenceSession.create(writeOnnx(model), QUIET);
  const known = await openProgram(ort as unknown as OnnxRuntime, session as never, model, [1, 1, 6], 'cpu').integers();
  await session.release();
  assert.deepEqual([...known.get(start)!.data], [-(2n ** 63n)]);
  assert.deepEqual([...known.get(shape)!.data], [-1n, 6n]);
  const network = differentiate(graph, 'image', graph.outputs[0]!.name, { known });
  assert.equal(network?.classes, 6);
});

test('what is too large, or not to be read, has no gradient', () => {
  const b = new GraphBuilder(['N', 4, 4, 4]);
  const flat = b.node('Flatten', ['image']);
  const product = b.node('MatMul', [flat, b.floats([64, 64], new Float32Array(64 * 64))]);
  assert.ok(differentiate(b.graph(product), 'image', product, { limit: 1e4 }) !== null);
  assert.equal(differentiate(b.graph(product), 'image', product, { limit: 4000 }), null);
  for (const [op, ...constants] of [
    ['Pad', b.ints([0, 0, 0, 2 ** 50])],
    ['Gather', b.ints([64])],
    ['Gather', b.ints([-65])],
    ['Slice', b.ints([9]), b.ints([3]), b.ints([1])],
    ['Reshape', b.ints([-1, 2 ** 40])],
    ['MatMul', b.ints([1])],
    ['TopK', b.ints([65])],
    ['Split', b.ints([70, -6])],
    ['Unsqueeze', b.ints([0])],
  ] as const) {
    const output = b.node(op, [flat, ...constants], op === 'Gather' ? { axis: 1 } : {});
    assert.equal(differentiate(b.graph(output), 'image', output), null, op);
  }
});
