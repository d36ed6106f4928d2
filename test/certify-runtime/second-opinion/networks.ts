/** Networks, the claims about them, and what the second opinion says, for its tests. */
import assert from 'node:assert/strict';
import type { SecondOpinion } from '../../../src/certify-runtime/run/loaded-model.ts';
import * as ort from '../../../src/certify-runtime/run/onnx-runtime.ts';
import type { OnnxRuntime } from '../../../src/certify-runtime/run/providers.ts';
import type { Claims } from '../../../src/certify-runtime/second-opinion/judge.ts';
import { openProgram } from '../../../src/certify-runtime/second-opinion/program.ts';
import { type Subject, secondOpinion } from '../../../src/certify-runtime/second-opinion/second-opinion.ts';
import type { LinearHead } from '../../../src/certify-runtime/trusted/bounds/bound.ts';
import { ContradictionError } from '../../../src/certify-runtime/trusted/errors.ts';
import { readLinearHead } from '../../../src/certify-runtime/trusted/head.ts';
import type { Graph, OnnxModel } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { readForeignOnnx } from '../../../src/export/foreign/onnx/read.ts';
import { prepareNetwork } from '../../../src/export/foreign/prepare.ts';
import { runWithOnnxRuntime } from '../../../src/export/onnx-runtime/node.ts';
import { networkGraph } from '../../../src/export/seal/network-graph.ts';
import { writeOnnx } from '../../../src/export/seal/onnx-writer.ts';
import type { GraphBuilder } from '../../support/networks/graph-builder.ts';
import { QUIET } from '../../support/networks/sealed.ts';

export const runtime = ort as unknown as OnnxRuntime;

/** Claims that nothing contradicts: only what a test puts in their place is tried. */
export const GENEROUS: Claims = {
  lipschitz: 1e30,
  latentError: [{ constant: 1e-3, l2: 1e-3, l1: 0 }],
  logitError: { constant: 10, l2: 10, l1: 0 },
  maxImageNorm: 2 ** 60,
};

/** A network that gives out `latent` and `logits`, with its image shape and head. */
export interface Network {
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
export function withHead(builder: GraphBuilder, latent: string, latentSize: number, shape: readonly number[]): Network {
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
export async function preparedNetwork(bytes: Uint8Array): Promise<Network> {
  const { model } = await prepareNetwork(readForeignOnnx(bytes), { layout: 'NHWC', runGraph: runWithOnnxRuntime });
  const { nodes, initializers, shape } = networkGraph(model);
  const inputs = [{ name: 'image', type: 'float32', dims: ['N', ...shape] }] as const;
  return networkOf({ name: 'test', nodes, initializers, inputs, outputs: [] }, shape);
}

export async function measure(
  network: Network,
  claims: Partial<Claims>,
  known: Float32Array[] = [],
  inside: Subject['shapes'] = new Map(),
): Promise<SecondOpinion> {
  const { model, shape, head } = network;
  const shapes = new Map([...inside, ['latent', [1, head.latentSize]], ['logits', [1, head.classes]]]);
  const session = await ort.InferenceSession.create(writeOnnx(model), QUIET);
  try {
    const program = openProgram(runtime, session as never, model, shape, 'cpu');
    return await secondOpinion({ model, shape, head, claims: { ...GENEROUS, ...claims }, shapes, known, program });
  } finally {
    await session.release();
  }
}

export const contradicted = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ContradictionError, String(error));
  assert.equal(error.code, 'CONTRADICTED');
  assert.match(error.message, pattern);
  assert.match(error.message, /please report the file, see SECURITY\.md/);
  const { measured, claimed } = error.details as { readonly measured: number; readonly claimed: number };
  assert.ok(!(measured <= claimed));
  return true;
};

export const TOO_STEEP = /a Lipschitz constant of \S+ is measured, at most \S+ is claimed/;
