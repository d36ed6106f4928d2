/**
 * What ARCHITECTURE.md says about additions: each recipe is walked on a scratch copy of the tree, the files it names suffice, and
 * what was added works. The new files are in test/fixtures/recipes.
 */
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { differentiate as differentiateHere } from '../../src/certify-runtime/gradient/network.ts';
import { verifyModel as verifyHere } from '../../src/certify-runtime/trusted/verify.ts';
import { sealOriginal as sealHere } from '../../src/export/seal/seal-original.ts';
import { orthogonalityDefect } from '../../src/network/orthogonalize.ts';
import { fileOf } from '../support/networks/brought.ts';
import { GraphBuilder } from '../support/networks/graph-builder.ts';
import { run } from '../support/networks/sealed.ts';

const FIXTURES = 'test/fixtures/recipes';
/** What the project is built from, with a scratch copy's own name for each. */
const COPIED = ['src', 'pipeline', 'bin', 'package.json', 'tsconfig.json'];
const LINKED = ['node_modules', 'models'];

let scratch: string;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'glean-recipes-'));
  const filter = (path: string) => !/(^|\/)(dist|node_modules)(\/|$)/.test(path);
  for (const name of COPIED) await cp(name, join(scratch, name), { recursive: true, filter });
  for (const name of LINKED) await symlink(resolve(name), join(scratch, name));
  await mkdir(join(scratch, 'served'));
  await symlink(resolve('models/cmnist'), join(scratch, 'served/cmnist'));
  await apply([...RULE, ...TWIN, ...DATA, ...LAYER, ...PROVIDER, ...ROUTE]);
});
after(() => rm(scratch, { recursive: true }));

/** A new file from a fixture, or text put before the first occurrence of another in a file that is there. */
type Change =
  | { readonly file: string; readonly from: string }
  | { readonly file: string; readonly insert: string; readonly before: string };

/** An operator's rule, without which nothing is proven about it. */
const RULE: readonly Change[] = [
  { file: 'src/certify-runtime/trusted/rules/atan.ts', from: 'atan-rule.ts.txt' },
  {
    file: 'src/certify-runtime/trusted/rules/table.ts',
    insert: "  ['Atan', async () => (await import('./atan.ts')).atanRules],\n",
    before: "  ['Add Sub Sum',",
  },
];

/** Its twin, without which attacks and the second opinion have no gradient of it. */
const TWIN: readonly Change[] = [
  {
    file: 'src/certify-runtime/gradient/functions.ts',
    insert: '  Atan: twin(() => ({ value: Math.atan, slope: (x) => 1 / (1 + x * x) })),\n',
    before: '  Sqrt: twin(',
  },
];

const DATA: readonly Change[] = [
  { file: 'src/train/data/sets/squares.ts', from: 'squares-set.ts.txt' },
  {
    file: 'src/train/data/table.ts',
    insert:
      "  squares: { options: [], open: async (request) => (await import('./sets/squares.ts')).openSquares(request) },\n",
    before: '  folder: {',
  },
];

/** A parametrisation of orthogonal layers. */
const LAYER: readonly Change[] = [
  { file: 'src/train/layers/householder.ts', from: 'householder.ts.txt' },
  {
    file: 'src/train/network/layers.ts',
    insert: "import { householder } from '../layers/householder.ts';\n",
    before: 'import type { Layer, OrthogonalMatrix }',
  },
  {
    file: 'src/train/network/layers.ts',
    insert: '  householder: { matrix: householder },\n',
    before: '  [DEFAULT]:',
  },
];

const PROVIDER: readonly Change[] = [
  { file: 'src/certify-runtime/node.ts', insert: '  nothing: { certified: true },\n', before: '  cpu: {' },
];

const ROUTE: readonly Change[] = [
  { file: 'src/serve/http/routes/counts.ts', from: 'counts-route.ts.txt' },
  {
    file: 'src/serve/http/routes/table.ts',
    insert: "import { COUNTS_ROUTE } from './counts.ts';\n",
    before: 'import { INFERENCE_ROUTES }',
  },
  { file: 'src/serve/http/routes/table.ts', insert: '  COUNTS_ROUTE,\n', before: '  ...PAGE_ROUTES,' },
];

async function apply(changes: readonly Change[]): Promise<void> {
  for (const change of changes) {
    const path = join(scratch, change.file);
    if ('from' in change) {
      await writeFile(path, await readFile(join(FIXTURES, change.from)), { flag: 'wx' });
      continue;
    }
    const text = await readFile(path, 'utf8');
    const at = text.indexOf(change.before);
    assert.ok(at >= 0, `${change.file}: found no '${change.before}'`);
    await writeFile(path, text.slice(0, at) + change.insert + text.slice(at));
  }
}

/** How many source files a recipe touches. */
const filesOf = (changes: readonly Change[]) => new Set(changes.map(({ file }) => file)).size;

/** A module of the scratch copy, with the types of the same module here. */
const load = <T>(path: string): Promise<T> => import(join(scratch, path)) as Promise<T>;

describe('an operator', () => {
  /** image [N, 3, 3, 1] ↦ logits [N, 2]. */
  function network(): { readonly b: GraphBuilder; readonly weights: Float32Array; readonly logits: string } {
    const b = new GraphBuilder(['n', 3, 3, 1]);
    const latent = b.node('Flatten', [b.node('Atan', ['image'])]);
    const weights = Float32Array.from({ length: 18 }, (_, i) => ((7 * i) % 11) / 11 - 0.5);
    const product = b.node('MatMul', [latent, b.floats([9, 2], weights)]);
    return { b, weights, logits: b.node('Add', [product, b.floats([2], [0.1, -0.1])]) };
  }
  const options = { source: 'atan.onnx', producerVersion: '0', run, layout: 'NHWC' } as const;

  it('seals and verifies with its rule in two files, and has a gradient with its twin in one more', async () => {
    const { b, weights, logits } = network();
    const file = fileOf(b, logits);
    await assert.rejects(sealHere(file, options), /Atan/);
    assert.equal(differentiateHere(b.graph(logits), 'image', logits), null);

    assert.equal(filesOf(RULE), 2);
    assert.equal(filesOf(TWIN), 1);
    const { sealOriginal } = await load<{ sealOriginal: typeof sealHere }>('src/export/seal/seal-original.ts');
    const { bytes } = await sealOriginal(file, options);
    const { verifyModel } = await load<{ verifyModel: typeof verifyHere }>('src/certify-runtime/trusted/verify.ts');
    const { certificate } = await verifyModel(bytes);
    assert.ok(certificate.lipschitz.upper >= 1 && certificate.lipschitz.upper < 1 + 1e-6);
    await assert.rejects(verifyHere(bytes), /Atan/);

    const { differentiate } = await load<{ differentiate: typeof differentiateHere }>(
      'src/certify-runtime/gradient/network.ts',
    );
    const x = Float64Array.from({ length: 9 }, (_, i) => i / 9);
    const { output, pullback } = differentiate(b.graph(logits), 'image', logits)!.trace(x, 1);
    const gradient = pullback(Float64Array.of(1, 0));
    for (const [i, value] of gradient.entries()) {
      assert.ok(Math.abs(value - weights[2 * i]! / (1 + x[i]! ** 2)) < 1e-12);
    }
    assert.ok(output.every(Number.isFinite));
  });
});

describe('a data set and a layer', () => {
  const CONFIG = {
    id: 'recipes',
    title: 'Recipes',
    data: { name: 'squares' },
    network: { hidden: [8, 4], orthogonal: 'householder' },
    objective: {
      noise: 0.12,
      penalty: { kind: 'irm', weight: 1, before: 1, warmup: 1 },
      environments: { kind: 'given' },
    },
    optimizer: { steps: 2, perEnvironment: 20, learningRate: 0.01 },
    augmentation: { shift: 1 },
    seed: 0,
  };

  it('are listed, opened, and trained two steps, in two files each', async () => {
    assert.equal(filesOf(DATA), 2);
    assert.equal(filesOf(LAYER), 2);
    const { DATASET_NAMES, openDataset } =
      await load<typeof import('../../src/train/data/registry.ts')>('src/train/data/registry.ts');
    assert.ok((DATASET_NAMES as readonly string[]).includes('squares'));
    const { DATA_NAMES } = await load<typeof import('../../src/cli/terminal/data-options.ts')>(
      'src/cli/terminal/data-options.ts',
    );
    assert.match(DATA_NAMES, /squares/);
    const { parseConfig } = await load<typeof import('../../src/train/config.ts')>('src/train/config.ts');
    const config = parseConfig(CONFIG, 'recipes.json');
    const dataset = await openDataset(config.data);
    assert.deepEqual([dataset.title, dataset.test.size], ['Squares', 40]);

    const { readRun, train } = await load<typeof import('../../src/train/run.ts')>('src/train/run.ts');
    const directory = join(scratch, 'run');
    await train(config, dataset, directory);
    const { network } = await readRun(directory, dataset);
    for (const layer of network.encoder) {
      assert.ok(layer.kind === 'dense' && layer.orthogonal);
      assert.ok(orthogonalityDefect(layer.weights, layer.inputs, layer.outputs) < 1e-5);
    }

    const { createNetwork } =
      await load<typeof import('../../src/train/network/network.ts')>('src/train/network/network.ts');
    const unknown = { ...config.network, orthogonal: 'householders' };
    assert.throws(
      () => createNetwork(unknown, [8, 8, 1], 2),
      /network\.orthogonal: found 'householders', expected .*householder/,
    );
  });
});

describe('a provider', () => {
  const MODEL = 'models/cmnist/model.onnx';

  it('is asked for, in one file', async () => {
    const { Certifier: here } = await import('../../src/certify-runtime/node.ts');
    await assert.rejects(here.load(MODEL, { providers: 'nothing' }), /no radius is proven for provider 'nothing'/);
    assert.equal(filesOf(PROVIDER), 1);
    const { Certifier } = await load<typeof import('../../src/certify-runtime/node.ts')>('src/certify-runtime/node.ts');
    await assert.rejects(Certifier.load(MODEL, { providers: 'nothing' }), (error: Error) => {
      // Whoever asked ONNX Runtime for it has its answer as the cause.
      assert.match(error.message, /provider 'nothing' is not available here/);
      return error.cause instanceof Error;
    });
    const certifier = await Certifier.load(MODEL, { providers: ['nothing', 'cpu'] });
    await certifier.dispose();
  });
});

describe('a route', () => {
  it('answers and is described, in two files', async () => {
    assert.equal(filesOf(ROUTE), 2);
    const { ServiceProcess } = await load<typeof import('../../pipeline/bench/service-process.ts')>(
      'pipeline/bench/service-process.ts',
    );
    const service = await ServiceProcess.start('--workers', '1', '--models', 'served');
    try {
      const counted = await fetch(`${service.url}/v2/counts`);
      assert.equal(counted.status, 200);
      assert.ok(((await counted.json()) as { models: number }).models >= 1);
      assert.equal((await fetch(`${service.url}/v2/counts`, { method: 'DELETE' })).status, 405);
      const { paths } = (await (await fetch(`${service.url}/openapi.json`)).json()) as {
        paths: Record<string, { get: { summary: string } }>;
      };
      assert.equal(paths['/v2/counts']!.get.summary, 'How many models are served');
    } finally {
      await service.stop();
    }
  });
});
