/** Sealed models for the tests of verification: a tiny one, the shipped one, and what an attacker makes of them. */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { ModelAnswer } from '../../../src/certify-runtime/run/known-vectors.ts';
import * as ort from '../../../src/certify-runtime/run/onnx-runtime.ts';
import { createRandom, type Random } from '../../../src/certify-runtime/smoothing/random.ts';
import type { Precision } from '../../../src/certify-runtime/trusted/bounds/precision.ts';
import {
  CERTIFICATE_KEY,
  type Certificate,
  certificateConstants,
  type KnownVector,
} from '../../../src/certify-runtime/trusted/file/claims.ts';
import { EMPTY_DIGEST, weightsDigest } from '../../../src/certify-runtime/trusted/file/digest.ts';
import { HEAD_PREFIX } from '../../../src/certify-runtime/trusted/file/names.ts';
import { vectorPixels } from '../../../src/certify-runtime/trusted/file/vectors.ts';
import { readLinearHead } from '../../../src/certify-runtime/trusted/head.ts';
import { headGraph } from '../../../src/certify-runtime/trusted/head-graph.ts';
import { imageNorms, marginCertificate, marginTerms } from '../../../src/certify-runtime/trusted/margin.ts';
import type { Graph, OnnxModel, Tensor } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { readOnnx } from '../../../src/certify-runtime/trusted/onnx/read.ts';
import { fillFileDigest } from '../../../src/export/seal/digest.ts';
import { writeOnnx } from '../../../src/export/seal/onnx-writer.ts';
import { seal } from '../../../src/export/seal/seal.ts';
import { GraphBuilder } from './graph-builder.ts';

const SHIPPED = new URL('../../../models/cmnist/model.onnx', import.meta.url);

/** The model glean ships; a network of the same form and size where it has not been made yet. */
export async function shippedModel(): Promise<Uint8Array> {
  if (existsSync(SHIPPED)) return new Uint8Array(await readFile(SHIPPED));
  return sealedNetwork({ seed: 1, shape: [28, 28, 3], widths: [128, 128, 128], classes: 2 });
}

export interface NetworkOptions {
  readonly seed?: number;
  readonly shape?: readonly [number, number, number];
  /** Of the encoder's layers, all even. */
  readonly widths?: readonly number[];
  readonly classes?: number;
  /** Factor of the encoder's weights, which have entries of about 1/√inputs. */
  readonly scale?: number;
  readonly headScale?: number;
  readonly bias?: number;
  readonly precision?: Precision;
}

/** A network of the form glean trains, with random weights: Reshape, then MatMul, Add and GroupSort, then a linear head. */
export function network(options: NetworkOptions = {}): OnnxModel {
  const { seed = 1, shape = [4, 4, 3], widths = [8, 8], classes = 3, scale = 1, headScale = 1, bias = 0.1 } = options;
  const random = createRandom(seed);
  const builder = new GraphBuilder(['N', ...shape]);
  let inputs = shape.reduce((a, b) => a * b, 1);
  let x = builder.node('Reshape', ['image', builder.ints([-1, inputs])]);
  const linear = (outputs: number, factor: number) => {
    const weights = normals(random, inputs * outputs, factor / Math.sqrt(Math.max(inputs, outputs)));
    const product = builder.node('MatMul', [x, builder.floats([inputs, outputs], weights)]);
    inputs = outputs;
    return builder.node('Add', [product, builder.floats([outputs], normals(random, outputs, bias))]);
  };
  for (const width of widths) x = builder.groupSort(linear(width, scale));
  const logits = linear(classes, headScale);
  const graph: Graph = { ...builder.graph(logits), outputs: [{ name: logits, type: 'float32', dims: ['N', classes] }] };
  return { irVersion: 8, opset: 18, producerName: 'test', producerVersion: '0', graph, metadata: new Map() };
}

function normals(random: Random, length: number, scale = 1): Float32Array {
  return Float32Array.from({ length }, () => random.normal() * scale);
}

/** Random pixels as bytes. */
function randomImage(random: Random, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, () => random.uint32() & 255);
}

export async function sealModel(
  model: OnnxModel,
  classes: readonly string[],
  precision: Precision = 'float32',
  seed = 7,
): Promise<Uint8Array> {
  const size = model.graph.inputs[0]!.dims.slice(1).reduce<number>((product, dim) => product * Number(dim), 1);
  const random = createRandom(seed);
  const { bytes } = await seal(model, {
    classes,
    sigma: 0.12,
    vectors: [randomImage(random, size), randomImage(random, size)],
    training: { data: 'none', seed },
    producerVersion: '0.1.0',
    run,
    precision,
  });
  return bytes;
}

export async function sealedNetwork(options: NetworkOptions = {}): Promise<Uint8Array> {
  const classes = Array.from({ length: options.classes ?? 3 }, (_, i) => `class ${i}`);
  return sealModel(network(options), classes, options.precision);
}

export function certificateOf(model: OnnxModel): Certificate {
  return JSON.parse(model.metadata.get(CERTIFICATE_KEY)!) as Certificate;
}

/** The file with this certificate text; nothing else is adjusted. */
function withCertificateText(model: OnnxModel, text: string): Uint8Array {
  const others = [...model.metadata].filter(([key]) => key !== CERTIFICATE_KEY);
  return writeOnnx({ ...model, metadata: new Map([...others, [CERTIFICATE_KEY, text]]) });
}

export function withGraph(model: OnnxModel, change: Partial<Graph>): OnnxModel {
  return { ...model, graph: { ...model.graph, ...change } };
}

export function withTensor(model: OnnxModel, tensor: Tensor): OnnxModel {
  return withGraph(model, { initializers: new Map([...model.graph.initializers, [tensor.name, tensor]]) });
}

/** Both digests made right for whatever the file holds now. */
export async function withDigests(model: OnnxModel, certificate: Certificate): Promise<Uint8Array> {
  const blank = { ...certificate, weightsSha256: await weightsDigest(model.graph), fileSha256: EMPTY_DIGEST };
  const text = JSON.stringify(blank);
  return fillFileDigest(withCertificateText(model, text), text);
}

/** The head that belongs to the claims and to the network's own last layer, in place of the one that is there. */
function withHead(model: OnnxModel, certificate: Certificate): OnnxModel {
  const head = readLinearHead(model.graph, { latent: 'latent', logits: 'logits' });
  const inputs = certificate.input.shape.reduce((a, b) => a * b, 1);
  const { initializers, nodes } = headGraph(marginTerms(certificateConstants(certificate), head), inputs);
  const own = (name: string) => name.startsWith(HEAD_PREFIX);
  return withGraph(model, {
    nodes: [...model.graph.nodes.filter(({ name }) => !own(name)), ...nodes],
    initializers: new Map([
      ...[...model.graph.initializers].filter(([name]) => !own(name)),
      ...initializers.map((tensor) => [tensor.name, tensor] as const),
    ]),
  });
}

/** ONNX Runtime without its warnings: of mutants there are many. */
export const QUIET = { executionProviders: ['cpu'], logSeverityLevel: 4 } as const;

export async function run(
  bytes: Uint8Array,
  images: Float32Array,
  shape: readonly number[],
): Promise<readonly ModelAnswer[]> {
  const session = await ort.InferenceSession.create(bytes, QUIET);
  try {
    const n = images.length / shape.reduce((a, b) => a * b, 1);
    const { label, radius, logits } = await session.run({ image: new ort.Tensor('float32', images, [n, ...shape]) });
    const K = logits!.data.length / n;
    return Array.from({ length: n }, (_, i) => ({
      label: Number(label!.data[i]),
      radius: Number(radius!.data[i]),
      logits: (logits!.data as Float32Array).slice(i * K, (i + 1) * K),
    }));
  } finally {
    await session.release();
  }
}

const answered = new WeakMap<OnnxModel, readonly ModelAnswer[]>();

/** Known vectors as the network answers them, with the radius the claims allow. */
async function withVectors(model: OnnxModel, certificate: Certificate): Promise<Certificate> {
  const { shape } = certificate.input;
  const head = readLinearHead(model.graph, { latent: 'latent', logits: 'logits' });
  const terms = marginTerms(certificateConstants(certificate), head);
  const images = certificate.vectors.map((vector) => vectorPixels(vector, shape));
  const joined = Float32Array.from(images.flatMap((pixels) => [...pixels]));
  const answers = answered.get(model) ?? (await run(writeOnnx(model), joined, shape));
  if (answers.length === images.length) answered.set(model, answers);
  const vectors = certificate.vectors.map((vector, i): KnownVector => {
    const logits = [...answers[i]!.logits];
    return { image: vector.image, logits, ...marginCertificate(logits, imageNorms(images[i]!), terms) };
  });
  return { ...certificate, vectors };
}

/**
 * The best an attacker can do with a graph and claims of his choice: canonical head for the claims, honest vectors, right
 * digests. What cannot be done for this graph is left as it is.
 */
export async function forge(model: OnnxModel, certificate: Certificate, keepHead = false): Promise<Uint8Array> {
  let [forged, claims] = [model, certificate];
  if (!keepHead) {
    try {
      forged = withHead(model, certificate);
    } catch {}
  }
  try {
    claims = await withVectors(model, certificate);
  } catch {}
  return withDigests(forged, claims);
}

/** The file read back, if it can be. */
export function parts(bytes: Uint8Array): { readonly model: OnnxModel; readonly certificate: Certificate } {
  const model = readOnnx(bytes);
  return { model, certificate: certificateOf(model) };
}
