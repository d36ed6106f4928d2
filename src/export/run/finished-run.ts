/** What both kinds of export begin with: a finished run as an ONNX network, and where it comes from. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import type { Precision } from '../../certify-runtime/trusted/bounds/precision.ts';
import type { OnnxModel } from '../../certify-runtime/trusted/onnx/model.ts';
import { type DataArguments, openData } from '../../evaluate/open-data.ts';
import type { CommitteeChecks } from '../../train/checks.ts';
import { recordOf, type TrainConfig } from '../../train/config.ts';
import type { DomainDataset } from '../../train/data/dataset.ts';
import { convertGraphModel } from '../convert/convert.ts';
import { bake } from '../graph-model/bake.ts';
import { GRAPH_MODEL, writeGraphModel } from '../graph-model/graph-model.ts';

const PACKAGES = ['@tensorflow/tfjs-node', 'onnxruntime-node'];
const PYTHON_PACKAGES = ['tensorflow-cpu', 'tf2onnx', 'onnx'];

/** The versions of the packages that made the file. */
export async function packageVersions(): Promise<Record<string, string>> {
  const require = createRequire(import.meta.url);
  const own = require('../../../package.json') as { version: string; dependencies: Record<string, string> };
  const requirements = await readFile(new URL('../../../pipeline/python/requirements.txt', import.meta.url), 'utf8');
  const python = PYTHON_PACKAGES.map((name) => {
    const version = new RegExp(`^${name}==(\\S+)`, 'm').exec(requirements)?.[1];
    return [name, version ?? 'unknown'] as const;
  });
  const node = PACKAGES.map((name) => [name, own.dependencies[name] ?? 'unknown'] as const);
  return { glean: own.version, ...Object.fromEntries([...node, ...python]) };
}

export interface ExportOptions extends DataArguments {
  /** The folder to write to; by default `models/ID-SEED`, which the project does not ship. */
  readonly directory?: string;
  /** What the sealed network computes in; by default what the run's configuration says, or float32. */
  readonly precision?: Precision;
  readonly say?: (message: string) => void;
}

export interface FinishedModel {
  readonly config: TrainConfig;
  readonly dataset: DomainDataset;
  /** The network as tf2onnx gives it. */
  readonly model: OnnxModel;
  readonly directory: string;
  readonly version: string;
  /** What could be told of a committee's answers; undefined if there was none. */
  readonly checks: CommitteeChecks | undefined;
  /** For the file's metadata. */
  readonly training: Record<string, unknown>;
}

/** A configuration whose `data.dir` is only a name: the file is published, and the path is this machine's. */
function withoutPath(record: unknown): unknown {
  const config = record as { readonly data: { readonly dir?: string } };
  const { dir } = config.data;
  return dir === undefined ? record : { ...config, data: { ...config.data, dir: basename(dir) } };
}

/** @throws what readRun and convertGraphModel throw */
export async function finishedModel(run: string, options: ExportOptions): Promise<FinishedModel> {
  // This loads TensorFlow, so it is imported only here: other commands and --help start at once.
  const { readRun, readRunConfig } = await import('../../train/run.ts');
  const { say = () => undefined } = options;
  const config = await readRunConfig(run);
  const dataset = await openData(config.data, options);
  const finished = await readRun(run, dataset, (error) => say(`refused ${error.message}; using the one before`));
  say('baking: orthogonal layers to the precision of float32');
  const modelJson = await writeGraphModel(bake(finished.network), dataset.shape, join(run, 'graph-model'));
  say('converting with tf2onnx, which takes up to a minute');
  const model = await convertGraphModel(modelJson, [GRAPH_MODEL.latent, GRAPH_MODEL.logits]);
  const packages = await packageVersions();
  const { name, title, sha256, licence, source } = dataset;
  return {
    config,
    dataset,
    model,
    directory: options.directory ?? join('models', `${config.id}-${config.seed}`),
    version: packages['glean']!,
    checks: finished.checks,
    training: {
      dataset: { name, title, sha256, licence, source },
      config: withoutPath(recordOf(config)),
      seed: config.seed,
      run: finished.run,
      packages,
    },
  };
}
