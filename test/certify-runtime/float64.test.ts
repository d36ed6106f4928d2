/** Sealed float64 files: what they answer, what is refused of them, and providers that compute less than float64. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Certifier } from '../../src/certify-runtime/node.ts';
import * as ort from '../../src/certify-runtime/run/onnx-runtime.ts';
import { type OnnxRuntime, openProvider } from '../../src/certify-runtime/run/providers.ts';
import { ContradictionError, ProviderError } from '../../src/certify-runtime/trusted/errors.ts';
import { HEAD_PREFIX, TENSORS } from '../../src/certify-runtime/trusted/file/names.ts';
import { decodeOnnx, encodeOnnx } from '../../src/certify-runtime/trusted/onnx/codec.ts';
import type { Graph, OnnxModel, OnnxNode, ValueInfo } from '../../src/certify-runtime/trusted/onnx/model.ts';
import { proveConstants, verifyModel } from '../../src/certify-runtime/trusted/verify.ts';
import { precisionCosts, precisionLine } from '../../src/export/seal/precision-costs.ts';
import { seal } from '../../src/export/seal/seal.ts';
import { allRules } from '../support/networks/all-rules.ts';
import { GraphBuilder } from '../support/networks/graph-builder.ts';
import { forge, network, parts, run, sealedNetwork, withGraph } from '../support/networks/sealed.ts';
import {
  beforeCast,
  distance,
  lastCastInput,
  prove,
  SIZE as VECTOR,
  vectorNetwork,
} from '../support/networks/vector-network.ts';
import { Random } from '../support/numbers/random.ts';
import { type Dyadic, dyadic, EXACT, evaluate, nearest } from '../support/reference/dyadic.ts';

const SIZE = 48;
const FILE = await sealedNetwork({ precision: 'float64' });
const NARROW = await sealedNetwork();

const pixels = (seed: number): Float32Array => {
  const random = new Random(seed);
  return Float32Array.from({ length: SIZE }, () => random.next());
};

const own = ({ graph }: OnnxModel): Graph => ({
  ...graph,
  nodes: graph.nodes.filter(({ name }) => !name.startsWith(HEAD_PREFIX)),
});

const minus = (a: Dyadic, b: Dyadic) => EXACT.add(a, EXACT.mul(dyadic(-1), b));

test('a float64 file answers with the exact logits, rounded once', async () => {
  const { model, certificate } = parts(FILE);
  assert.equal(certificate.precision, 'float64');
  assert.deepEqual([certificate.float32 === undefined, certificate.float64 === undefined], [true, false]);
  const certifier = await Certifier.load(FILE);
  assert.equal(certifier.model.opinion?.float64, true);
  for (let seed = 1; seed <= 5; seed++) {
    const image = pixels(seed);
    const { logits } = await certifier.predict(image);
    const exact = evaluate(own(model), TENSORS.logits, [...image].map(dyadic), EXACT);
    const latent = evaluate(own(model), TENSORS.latent, [...image].map(dyadic), EXACT).map(nearest);
    exact.forEach((y, j) => {
      const row = certifier.model.head.weights.subarray(j * 8, j * 8 + 8);
      // The latent is rounded and the logit is: 2⁻²⁴ of each.
      const allowed = 2 ** -24 * (Math.abs(nearest(y)) + Math.hypot(...row) * Math.hypot(...latent)) * (1 + 1e-6);
      assert.ok(Math.abs(nearest(minus(dyadic(logits[j]!), y))) <= allowed);
    });
  }
  await certifier.dispose();
});

test('the radius is the exact margin but for a millionth', async () => {
  const [wide, narrow] = await Promise.all([Certifier.load(FILE), Certifier.load(NARROW)]);
  let [lost, lostNarrow, compared] = [0, 0, 0];
  for (let seed = 1; seed <= 20; seed++) {
    const image = pixels(seed);
    const { label, logits, radius } = await wide.predict(image);
    const { classes, inverse } = wide.model.terms;
    const margins = [...logits].map((y, j) => (logits[label]! - y) * inverse[label * classes + j]!);
    const exact = Math.min(...margins.filter((_, j) => j !== label));
    if (exact < 1e-3) continue;
    compared++;
    lost = Math.max(lost, exact - radius);
    lostNarrow = Math.max(lostNarrow, exact - (await narrow.predict(image)).radius);
  }
  assert.ok(compared > 5 && lost > 0 && lost < 1e-5, `${lost} over ${compared} images`);
  assert.ok(lostNarrow > 10 * lost, `${lostNarrow} in float32`);
  await Promise.all([wide.dispose(), narrow.dispose()]);
});

test('a file cannot be of another precision than it says', async () => {
  const [wide, narrow] = [parts(FILE), parts(NARROW)];
  const { float64, ...others } = wide.certificate;
  const forged: readonly (readonly [Promise<Uint8Array>, RegExp])[] = [
    [forge(wide.model, { ...others, precision: 'float32', float32: float64! }), /is of float64.*says float32/],
    [forge(narrow.model, { ...wide.certificate, weightsSha256: '' }), /is of float32.*says float64/],
    [forge(wide.model, { ...others, float32: float64! }), /no such field|expected a value/],
    [forge(wide.model, { ...wide.certificate, precision: 'float16' as 'float64' }), /no such field|expected "float32"/],
  ];
  for (const [bytes, reason] of forged) await assert.rejects(verifyModel(await bytes), reason);
});

/** The model with node i's first output rounded to float32 and cast back before anything reads it. */
function roundedAfter(model: OnnxModel, i: number): OnnxModel {
  const { nodes } = model.graph;
  const cast = (from: string, to: string, type: bigint): OnnxNode => ({
    op: 'Cast',
    name: `network/${to}`,
    inputs: [from],
    outputs: [to],
    attributes: new Map([['to', { kind: 'int', value: type }]]),
  });
  const [name] = nodes[i]!.outputs as [string];
  const rename = (node: OnnxNode): OnnxNode => ({
    ...node,
    inputs: node.inputs.map((input) => (input === name ? 'rounded/back' : input)),
  });
  return withGraph(model, {
    nodes: [
      ...nodes.slice(0, i + 1),
      cast(name, 'rounded', 1n),
      cast('rounded', 'rounded/back', 11n),
      ...nodes.slice(i + 1).map(rename),
    ],
  });
}

test('a network that passes through float32 inside does not have the claims of float64', async () => {
  const { model, certificate } = parts(FILE);
  const at = model.graph.nodes.findIndex(({ op }) => op === 'MatMul');
  const through = roundedAfter(model, at);
  const { layers } = proveConstants(through.graph, allRules).encoder;
  const claims = { ...certificate, lipschitz: { ...certificate.lipschitz, layers } };
  await assert.rejects(verifyModel(await forge(through, claims)), /latentError/);
});

test('what is measured contradicts claims below the one rounding out', async () => {
  const { model, certificate } = parts(FILE);
  const { secondOpinion } = await import('../../src/certify-runtime/second-opinion/second-opinion.ts');
  const { openProgram } = await import('../../src/certify-runtime/second-opinion/program.ts');
  const { networkBytes } = await import('../../src/certify-runtime/run/network-bytes.ts');
  const bytes = networkBytes(FILE);
  const session = await ort.InferenceSession.create(bytes);
  const runtime = ort as unknown as OnnxRuntime;
  const { shape } = certificate.input;
  const { constants, encoder, head } = proveConstants(own(model), allRules);
  const opinion = (share: number) =>
    secondOpinion({
      model: decodeOnnx(bytes),
      shape,
      head,
      shapes: encoder.shapes,
      known: [pixels(1), pixels(2)],
      claims: {
        ...constants,
        latentError: constants.latentError.map(({ constant, l2, l1 }) => ({
          constant: constant * share,
          l2: l2 * share,
          l1: l1 * share,
        })),
      },
      program: openProgram(runtime, session as never, decodeOnnx(bytes), shape, 'cpu'),
    });
  assert.ok((await opinion(1)).float32 > 0.05);
  await assert.rejects(opinion(0.02), ContradictionError);
  await session.release();
});

test('float64 is certified on the CPU and in WebAssembly alone', async () => {
  await assert.rejects(
    Certifier.load(FILE, { providers: 'cuda' }),
    /no radius is proven for a float64 network on provider 'cuda'/,
  );
});

/** The product of two float64 inputs, computed in float32: what a provider without float64 might do with it. */
function inFloat32(bytes: Uint8Array): Uint8Array {
  const model = decodeOnnx(bytes);
  const wide = model.graph.inputs.some(({ type }) => type === 'float64');
  if (!wide) return bytes;
  const b = new GraphBuilder([]);
  const [x, y] = ['a', 'b'].map((name) => b.node('Cast', [name], { to: 1 })) as [string, string];
  const product = b.node('Cast', [b.node('MatMul', [x, y])], { to: 11 });
  const nodes = b.nodes.map((node) => ({
    ...node,
    outputs: node.outputs.map((name) => (name === product ? 'y' : name)),
  }));
  return encodeOnnx({ ...model, graph: { ...model.graph, nodes } });
}

test('the probe refuses a provider that multiplies float64 in float32', async () => {
  const doctored: OnnxRuntime = {
    Tensor: ort.Tensor as unknown as OnnxRuntime['Tensor'],
    InferenceSession: {
      create: async (bytes, options) => (await ort.InferenceSession.create(inFloat32(bytes), options)) as never,
    },
  };
  const provider = { name: 'cpu', certified: true, float64: true };
  const options = { uncertified: false, operators: new Set<string>() };
  const honest = ort as unknown as OnnxRuntime;
  await (await openProvider(honest, FILE, provider, { ...options, precision: 'float64' })).release();
  await (await openProvider(doctored, NARROW, provider, { ...options, precision: 'float32' })).release();
  await assert.rejects(openProvider(doctored, FILE, provider, { ...options, precision: 'float64' }), (error: Error) => {
    assert.ok(error instanceof ProviderError);
    assert.match(error.message, /does not compute in float64/);
    return true;
  });
});

test('what either precision gives and costs is told of any sealed file', async () => {
  const original = network();
  const wide = await precisionCosts(original, FILE, await verifyModel(FILE));
  const narrow = await precisionCosts(original, NARROW, await verifyModel(NARROW));
  assert.ok('slack' in wide.other && 'slack' in narrow.other);
  assert.deepEqual([wide.precision, wide.other.precision], ['float64', 'float32']);
  assert.deepEqual([narrow.precision, narrow.other.precision], ['float32', 'float64']);
  assert.equal(wide.slack, narrow.other.slack);
  assert.equal(narrow.slack, wide.other.slack);
  assert.ok(wide.slack < narrow.slack / 10);
  assert.ok(narrow.other.bytes > 1.2 && narrow.other.time.single > 0 && narrow.other.time.batch! > 0);
  assert.match(precisionLine(narrow), /^float32, which takes .*; float64 would take .*--precision float64\)$/);
});

test('where there is no float64 kernel, sealing says so, and the costs do', async () => {
  const b = new GraphBuilder(['N', 4, 4, 2]);
  const chw = b.node('Transpose', ['image'], { perm: [0, 3, 1, 2] });
  const conv = b.node('Conv', [chw, b.floats([2, 2, 1, 1], [0.5, 0.1, 0.2, 0.4])]);
  const flat = b.node('Reshape', [conv, b.ints([-1, 32])]);
  const logits = b.node('MatMul', [flat, b.floats([32, 2], new Random(1).normals(64))]);
  const outputs: ValueInfo[] = [{ name: logits, type: 'float32', dims: ['N', 2] }];
  const model = {
    ...{ irVersion: 8, opset: 18, producerName: '', producerVersion: '', metadata: new Map<string, string>() },
    graph: { ...b.graph(logits), outputs },
  };
  const options = {
    ...{ classes: ['a', 'b'], sigma: null, training: {}, producerVersion: '0' },
    vectors: [Uint8Array.from({ length: 32 }, (_, i) => 8 * i)],
    run,
  };
  await assert.rejects(seal(model, { ...options, precision: 'float64' }), /Conv.*no float64 kernel.*leave out/);
  const { bytes, verified } = await seal(model, options);
  const costs = await precisionCosts(model, bytes, verified);
  assert.match(precisionLine(costs), /float64 is not possible: Conv/);
});

test("ONNX Runtime's own float64 keeps to the bounds, whatever its optimisers make of a network", async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const subject = vectorNetwork(seed, true);
    const wide = lastCastInput(subject);
    const graph: Graph = { ...subject.graph, outputs: [{ name: wide, type: 'float64', dims: ['N', 'd'] }] };
    const bytes = encodeOnnx({
      ...{ irVersion: 8, opset: 18, producerName: '', producerVersion: '', metadata: new Map() },
      graph: { ...graph, nodes: graph.nodes.slice(0, -1) },
    });
    const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 4, graphOptimizationLevel: 'all' });
    const image = Float32Array.from(new Random(seed).normals(VECTOR));
    const found = await session.run({ image: new ort.Tensor('float32', image, [1, VECTOR]) });
    const exact = evaluate(subject.graph, wide, [...image].map(dyadic), EXACT);
    const error = distance([...(found[wide]!.data as Float64Array)], exact);
    assert.ok(error <= beforeCast(prove(subject), image), `${seed}: ${error}`);
    await session.release();
  }
});
