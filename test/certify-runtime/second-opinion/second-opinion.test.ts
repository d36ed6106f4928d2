/** The second opinion: silent where the claims are true, and alone able to refuse what a broken proof has claimed. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { describe, it, test } from 'node:test';
import { Certifier } from '../../../src/certify-runtime/node.ts';
import { loadModel } from '../../../src/certify-runtime/run/load.ts';
import type { SecondOpinion } from '../../../src/certify-runtime/run/loaded-model.ts';
import * as ort from '../../../src/certify-runtime/run/onnx-runtime.ts';
import type { OnnxRuntime } from '../../../src/certify-runtime/run/providers.ts';
import { subspaces } from '../../../src/certify-runtime/second-opinion/directions.ts';
import type { Claims } from '../../../src/certify-runtime/second-opinion/judge.ts';
import { openProgram, type Program } from '../../../src/certify-runtime/second-opinion/program.ts';
import { secondOpinion } from '../../../src/certify-runtime/second-opinion/second-opinion.ts';
import type { LinearHead } from '../../../src/certify-runtime/trusted/bounds/bound.ts';
import { ContradictionError } from '../../../src/certify-runtime/trusted/errors.ts';
import { readLinearHead } from '../../../src/certify-runtime/trusted/head.ts';
import type { Graph, OnnxModel } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { readForeignOnnx } from '../../../src/export/foreign/onnx/read.ts';
import { prepareNetwork } from '../../../src/export/foreign/prepare.ts';
import { networkGraph } from '../../../src/export/seal/network-graph.ts';
import { writeOnnx } from '../../../src/export/seal/onnx-writer.ts';
import { glean, SHIPPED_MODEL } from '../../support/command/glean.ts';
import { FIXTURES, type HostileEntry } from '../../support/hostile/hostile.ts';
import { GraphBuilder } from '../../support/networks/graph-builder.ts';
import { QUIET, sealedNetwork } from '../../support/networks/sealed.ts';
import { singularValues } from '../../support/numbers/svd.ts';

const runtime = ort as unknown as OnnxRuntime;

/** Claims that nothing contradicts: only what a test puts in their place is tried. */
const GENEROUS: Claims = {
  lipschitz: 1e30,
  latentError: [{ constant: 1e-3, l2: 1e-3, l1: 0 }],
  logitError: { constant: 10, l2: 10, l1: 0 },
  maxImageNorm: 2 ** 60,
};

/** A network that gives out `latent` and `logits`, with its image shape and head. */
interface Network {
  readonly model: OnnxModel;
  readonly shape: readonly number[];
  readonly head: LinearHead;
}

function networkOf(graph: Graph, shape: readonly number[]): Network {
  const head = readLinearHead(graph);
  const outputs = [
    { name: 'logits', type: 'float32', dims: ['N', head.classes] },
    { name: 'latent', type: 'float32', dims: ['N', head.latentSize] },
  ] as const;
  const model = { irVersion: 8, opset: 18, producerName: 'test', producerVersion: '0', metadata: new Map() };
  return { model: { ...model, graph: { ...graph, outputs } }, shape, head };
}

/** A linear head of two classes on what the builder gives. */
function withHead(builder: GraphBuilder, latent: string, latentSize: number, shape: readonly number[]): Network {
  const weights = Float32Array.from({ length: 2 * latentSize }, (_, i) => Math.cos(i));
  builder.nodes.push(
    { op: 'Identity', name: 'name', inputs: [latent], outputs: ['latent'], attributes: new Map() },
    {
      op: 'MatMul',
      name: 'head',
      inputs: ['latent', builder.floats([latentSize, 2], weights)],
      outputs: ['logits'],
      attributes: new Map(),
    },
  );
  return networkOf(builder.graph('logits'), shape);
}

/** Another program's file as `glean seal` brings it into form, before anything is proven of it. */
function preparedNetwork(bytes: Uint8Array): Network {
  const { model } = prepareNetwork(readForeignOnnx(bytes), { layout: 'NHWC' });
  const { nodes, initializers, shape } = networkGraph(model);
  const inputs = [{ name: 'image', type: 'float32', dims: ['N', ...shape] }] as const;
  return networkOf({ name: 'test', nodes, initializers, inputs, outputs: [] }, shape);
}

async function measure(network: Network, claims: Partial<Claims>, known: Float32Array[] = []): Promise<SecondOpinion> {
  const { model, shape, head } = network;
  const session = await ort.InferenceSession.create(writeOnnx(model), QUIET);
  try {
    const program = openProgram(runtime, session as never, model, shape, 'cpu');
    return await secondOpinion({ model, shape, head, claims: { ...GENEROUS, ...claims }, known, program });
  } finally {
    await session.release();
  }
}

const contradicted = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ContradictionError, String(error));
  assert.equal(error.code, 'CONTRADICTED');
  assert.match(error.message, pattern);
  assert.match(error.message, /please report the file, see SECURITY\.md/);
  const { measured, claimed } = error.details as { readonly measured: number; readonly claimed: number };
  assert.ok(!(measured <= claimed));
  return true;
};

const TOO_STEEP = /a Lipschitz constant of \S+ is measured, at most \S+ is claimed/;

describe('shipped models', () => {
  for (const name of ['cmnist', 'cmnist-erm', 'avatars']) {
    const path = `models/${name}/model.onnx`;
    it(`${name}: within its claims, and close to L`, { skip: !existsSync(path) }, async () => {
      const opinions: SecondOpinion[] = [];
      for (let time = 0; time < 2; time++) {
        const certifier = await Certifier.load(path);
        const { opinion, certificate } = certifier.model;
        await certifier.dispose();
        assert.ok(opinion?.float64);
        assert.ok(opinion.lipschitz >= 0.95 * certificate.lipschitz.upper, `${opinion.lipschitz}`);
        assert.ok(opinion.lipschitz <= certificate.lipschitz.upper);
        assert.ok(opinion.float32 > 0 && opinion.float32 < 0.5, `${opinion.float32}`);
        opinions.push(opinion);
      }
      assert.deepEqual(opinions[0], opinions[1]);
    });
  }
});

/** What the prover of 2026-11-25, not yet cured, claimed of files of the other kinds: all of it. */
const FALSE_CLAIMS = JSON.parse(readFileSync('test/fixtures/second-opinion/claims.json', 'utf8')) as Readonly<
  Record<string, Claims>
>;

describe('without the cures, the second opinion alone refuses', () => {
  const manifest = JSON.parse(readFileSync(new URL('manifest.json', FIXTURES), 'utf8')) as readonly HostileEntry[];
  const ofKind = (kind: RegExp) => manifest.filter((entry) => kind.test(entry.kind));
  const first = ofKind(/^products joined/);
  const second = ofKind(/^integers folded/);

  it('has files of both kinds', () => assert.ok(first.length > 10 && second.length > 10));

  for (const { file, base, batches } of [...first, ...second]) {
    it(`${file}, by the Lipschitz bound that was claimed`, async () => {
      const network = preparedNetwork(await readFile(new URL(file, FIXTURES)));
      const measuring = measure(network, { lipschitz: base.claimed });
      // Where it is the batch that breaks it, no bound of one image is false: answers differ, or there is none.
      if (batches.length > 0) {
        await assert.rejects(measuring, /two runs of an image|the provider failed on \d+ images/);
      } else {
        await assert.rejects(measuring, contradicted(TOO_STEEP));
      }
    });
  }

  for (const [file, claims] of Object.entries(FALSE_CLAIMS)) {
    it(`${file}, by all that was claimed`, async () => {
      const network = preparedNetwork(await readFile(new URL(file, FIXTURES)));
      await assert.rejects(measure(network, claims), contradicted(/measured|answers/));
    });
  }
});

const random = (seed: number, length: number) =>
  Float32Array.from({ length }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed) * ((i % 7) - 2));

function linear(pixels: number, outputs: number, before: (b: GraphBuilder, x: string) => string = (_, x) => x) {
  const shape = [1, pixels / 4, 4];
  const b = new GraphBuilder(['N', ...shape]);
  const weights = random(pixels, pixels * outputs);
  const x = b.node('Reshape', [before(b, 'image'), b.ints([-1, pixels])]);
  const z = b.node('Add', [
    b.node('MatMul', [x, b.floats([pixels, outputs], weights)]),
    b.floats([outputs], random(3, outputs)),
  ]);
  return { network: withHead(b, z, outputs, shape), norm: singularValues(weights, pixels, outputs)[0]! };
}

/** A move of pixels that gradient/ does not know: the provider is all there is to ask. */
function withoutGradient(b: GraphBuilder, x: string): string {
  const planes = b.node('Transpose', [x], { perm: [0, 3, 1, 2] });
  return b.node('DepthToSpace', [planes], { blocksize: 2 });
}

describe('a linear network', () => {
  const cases = [
    ['small', linear(24, 5), true],
    ['large', linear(1200, 6), true],
    ['small, without gradients', linear(24, 5, withoutGradient), false],
    ['larger, without gradients', linear(1200, 6, withoutGradient), false],
  ] as const;
  for (const [name, { network, norm }, float64] of cases) {
    it(`${name}: 2 % below its norm is refused, 10⁻⁶ above is not`, async () => {
      // δ as small as a proof would have it: without gradients, secants of float32 answers are all there is.
      const latentError = [{ constant: 1e-5, l2: 1e-5, l1: 0 }];
      const above = await measure(network, { lipschitz: norm * (1 + 1e-6), latentError });
      assert.equal(above.float64, float64);
      assert.ok(above.lipschitz > norm * 0.998, `${above.lipschitz} of ${norm}`);
      await assert.rejects(measure(network, { lipschitz: norm * 0.98, latentError }), contradicted(TOO_STEEP));
    });
  }

  it('is refused where no more is claimed of its float32 errors than exact arithmetic would give', async () => {
    const { network } = linear(1200, 6);
    const zero = { constant: 0, l2: 0, l1: 0 };
    const none = measure(network, { latentError: [zero] });
    await assert.rejects(
      none,
      contradicted(/a float32 error of the latent of \S+ is measured, at most 0\.000 is claimed/),
    );
    await assert.rejects(measure(network, { logitError: zero }), contradicted(/a float32 error of the logits/));
  });

  it('is refused where its head is taken for another one', async () => {
    const { network } = linear(24, 5);
    const weights = network.head.weights.map((w, i) => (i === 3 ? w + 0.5 : w));
    const wrong = { ...network, head: { ...network.head, weights } };
    const logitError = { constant: 1e-4, l2: 1e-4, l1: 0 };
    await assert.rejects(measure(wrong, { logitError }), contradicted(/a float32 error of the logits/));
  });
});

test('an overflow within the claims is refused, beyond them it is not', async () => {
  const b = new GraphBuilder(['N', 1, 1, 4]);
  const x = b.node('Reshape', ['image', b.ints([-1, 4])]);
  const z = b.node('MatMul', [x, b.floats([4, 1], [3e38, 3e38, -3e38, -3e38])]);
  const network = withHead(b, z, 1, [1, 1, 4]);
  const loose = { constant: 1e37, l2: 0, l1: 0 };
  const claims = { lipschitz: 1e39, latentError: [loose], logitError: loose };
  await assert.rejects(measure(network, claims), contradicted(/answers (-?Infinity|NaN) for an image of norm/));
  const opinion = await measure(network, { ...claims, maxImageNorm: 0.25 });
  assert.ok(opinion.lipschitz > 5.9e38, `${opinion.lipschitz}`);
});

test('a sum over a large image is seen without gradients', async () => {
  const b = new GraphBuilder(['N', 40, 40, 4]);
  const sum = b.node('ReduceSum', [withoutGradient(b, 'image'), b.ints([1, 2, 3])], { keepdims: 0 });
  const network = withHead(b, b.node('Reshape', [sum, b.ints([-1, 1])]), 1, [40, 40, 4]);
  await assert.rejects(measure(network, { lipschitz: 70 }), contradicted(TOO_STEEP));
  assert.ok((await measure(network, { lipschitz: 80.1 })).lipschitz > 79.9);
});

test('known images are among those looked at', async () => {
  // Relu(Σx − 59): flat but for images that are nearly white, of which two are known.
  const b = new GraphBuilder(['N', 1, 15, 4]);
  const flat = b.node('Reshape', ['image', b.ints([-1, 60])]);
  const sum = b.node('MatMul', [flat, b.floats([60, 1], new Float32Array(60).fill(1))]);
  const z = b.node('Relu', [b.node('Sub', [sum, b.floats([1], [59])])]);
  const z2 = b.node('Min', [z, b.floats([1], [0.75])]);
  const network = withHead(b, z2, 1, [1, 15, 4]);
  const near = [0.99, 0.995].map((value) => new Float32Array(60).fill(value));
  await assert.rejects(measure(network, { lipschitz: 7 }, near), contradicted(TOO_STEEP));
  assert.ok((await measure(network, { lipschitz: 7.75 }, near)).lipschitz > 7.7);
});

test('subspaces have orthonormal directions, and all of a small space', () => {
  assert.equal(subspaces(20, 25).length, 1);
  assert.equal(subspaces(20, 25)[0]!.dimension, 20);
  for (const [size, room] of [
    [20, 25],
    [1000, 30],
    [1000, 2],
  ] as const) {
    for (const { dimension, group, weight } of subspaces(size, room)) {
      const squares = new Float64Array(dimension);
      for (const [i, g] of group.entries()) if (g >= 0) squares[g]! += weight[i]! ** 2;
      for (const square of squares) assert.ok(Math.abs(square - 1) < 1e-12);
    }
  }
});

test('a network too large to look at closely is only run on a few images', async () => {
  // 10⁹ multiply-adds an image; nothing is ever run here.
  const shape = [256, 256, 3];
  const b = new GraphBuilder(['N', ...shape]);
  let x = b.node('Transpose', ['image'], { perm: [0, 3, 1, 2] });
  x = b.node('Conv', [x, b.floats([64, 3, 9, 9], new Float32Array(64 * 3 * 81))]);
  const network = withHead(b, b.node('Reshape', [b.node('GlobalAveragePool', [x]), b.ints([-1, 64])]), 64, shape);
  let images = 0;
  const program: Program = {
    run: async (_, n) => {
      images += n;
      return { latent: new Float32Array(64 * n), logits: new Float32Array(2 * n) };
    },
    integers: async () => new Map(),
  };
  const opinion = await secondOpinion({ ...network, claims: GENEROUS, known: [], program });
  assert.equal(opinion.float64, false);
  assert.equal(opinion.images, images);
  assert.ok(images >= 6 && images < 80, `${images}`);
});

describe('loading', () => {
  it('measures what is proven, unless told not to', async () => {
    const bytes = await sealedNetwork();
    const on = await Certifier.load(bytes);
    assert.ok(on.model.opinion !== null && on.model.opinion.lipschitz > 0);
    await on.dispose();
    const off = await Certifier.load(bytes, { secondOpinion: false });
    assert.equal(off.model.opinion, null);
    await off.dispose();
    const unproven = await Certifier.load(bytes, { uncertified: true });
    assert.equal(unproven.model.opinion, null);
    await unproven.dispose();
  });

  it('refuses where the opinion contradicts, and frees the session', async () => {
    let open = 0;
    const counted: OnnxRuntime = {
      Tensor: runtime.Tensor,
      InferenceSession: {
        create: async (...asked) => {
          const session = await runtime.InferenceSession.create(...asked);
          open++;
          return {
            run: (...feeds) => session.run(...feeds),
            release: () => {
              open--;
              return session.release();
            },
          };
        },
      },
    };
    const bytes = await sealedNetwork();
    const providers = [
      { name: 'cpu', certified: true },
      { name: 'cpu', certified: true },
    ];
    const loading = loadModel(counted, bytes, providers, {}, async () => {
      throw new ContradictionError('measured');
    });
    await assert.rejects(loading, ContradictionError);
    assert.equal(open, 0);
  });
});

test('glean verify says what was measured', { skip: !existsSync(SHIPPED_MODEL) }, async () => {
  const text = await glean('verify', SHIPPED_MODEL);
  assert.equal(text.code, 0, text.stderr);
  assert.match(
    text.stdout,
    / {2}second opinion {3}L ≥ (0\.99\d*|1) measured, float32 error at most 0\.\d+ of the claim/,
  );
  const json = JSON.parse((await glean('verify', SHIPPED_MODEL, '--json')).stdout) as {
    readonly secondOpinion: SecondOpinion;
  };
  assert.ok(json.secondOpinion.lipschitz > 0.99);
});

test('the second opinion shares no code with the proof', async () => {
  const sources = async (folder: string) =>
    (await readdir(folder, { recursive: true }))
      .filter((file) => file.endsWith('.ts'))
      .map((file) => `${folder}/${file}`);
  const runtimeFolder = 'src/certify-runtime';
  const own = [...(await sources(`${runtimeFolder}/gradient`)), ...(await sources(`${runtimeFolder}/second-opinion`))];
  assert.ok(own.length > 10);
  for (const file of own) {
    // Types are no code: what the proof and its claims look like must be known.
    for (const [line] of (await readFile(file, 'utf8')).matchAll(/^import (?!type )[^;]*;/gm)) {
      assert.doesNotMatch(line, /(bounds|walk|rules)\/|(margin|head|verify|vectors)\.ts/, file);
    }
  }
  for (const file of await sources(`${runtimeFolder}/trusted`)) {
    assert.doesNotMatch(await readFile(file, 'utf8'), /from '[^']*(gradient|second-opinion)/, file);
  }
});
