/** What a file that verification accepts must satisfy, found by other means than verify.ts's. */

import assert from 'node:assert/strict';
import * as ort from '../../../src/certify-runtime/run/onnx-runtime.ts';
import { createRandom } from '../../../src/certify-runtime/smoothing/random.ts';
import type { AffineBound } from '../../../src/certify-runtime/trusted/bounds/bound.ts';
import { certificateConstants } from '../../../src/certify-runtime/trusted/file/claims.ts';
import { HEAD_PREFIX } from '../../../src/certify-runtime/trusted/file/names.ts';
import { readLinearHead } from '../../../src/certify-runtime/trusted/head.ts';
import { headGraph } from '../../../src/certify-runtime/trusted/head-graph.ts';
import { marginConstants, marginTerms } from '../../../src/certify-runtime/trusted/margin.ts';
import type { Graph, OnnxNode, Tensor } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { boundEncoder } from '../../../src/certify-runtime/trusted/walk/encoder.ts';
import { allRules } from './all-rules.ts';
import { parts, QUIET } from './sealed.ts';

const evaluate = ({ constant, l2, l1 }: AffineBound, a: number, b: number) => constant + l2 * a + l1 * b;

/**
 * Every provable claim is at least what a fresh proof of this graph gives, at any image; the head is the canonical one,
 * written out and compared as text; nothing else is in the file.
 */
function assertClaims(bytes: Uint8Array): { graph: Graph; lipschitz: number; size: number } {
  const { model, certificate } = parts(bytes);
  const { graph } = model;
  const encoder = boundEncoder(graph, { input: 'image', latent: 'latent', rules: allRules });
  const head = readLinearHead(graph, { latent: 'latent', logits: 'logits' });
  const proven = marginConstants(encoder, head);
  const claimed = certificateConstants(certificate);
  assert(claimed.lipschitz >= encoder.lipschitz);
  assert(claimed.maxImageNorm <= proven.maxImageNorm);
  const size = certificate.input.shape.reduce((a, b) => a * b, 1);
  // ‖x‖₂ ≤ ‖x‖₁ ≤ √n‖x‖₂: the corners of what an image can be.
  for (const l2 of [0, 1e-20, 1e-3, 1, Math.sqrt(size)]) {
    for (const l1 of [l2, l2 * Math.sqrt(size)]) {
      const least = (bounds: readonly AffineBound[]) => Math.min(...bounds.map((bound) => evaluate(bound, l2, l1)));
      assert(least(claimed.latentError) >= least(proven.latentError));
      assert(evaluate(claimed.logitError, l2, l1) >= evaluate(proven.logitError, l2, l1));
    }
  }
  assert(claimed.latentErrorSlope >= proven.latentErrorSlope && claimed.logitErrorSlope >= proven.logitErrorSlope);

  const own = ({ name }: { readonly name: string }) => name.startsWith(HEAD_PREFIX);
  const expected = headGraph(marginTerms(claimed, head), size);
  assert.equal(text(graph.nodes.filter(own)), text(expected.nodes));
  const constants = [...graph.initializers.values()].filter(own);
  const sorted = (tensors: readonly Tensor[]) => [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
  assert.equal(text(sorted(constants)), text(sorted(expected.initializers)));
  assert.deepEqual(
    graph.outputs.map(({ name }) => name),
    ['label', 'radius', 'logits', 'latent'],
  );
  assert.equal(model.metadata.size, 1);
  return { graph, lipschitz: claimed.lipschitz, size };
}

function text(value: readonly OnnxNode[] | readonly Tensor[]): string {
  return JSON.stringify(value, (_, entry) => {
    if (entry instanceof Map) return [...entry];
    if (typeof entry === 'bigint') return `${entry}n`;
    return ArrayBuffer.isView(entry) ? Buffer.from(entry.buffer).toString('hex') : entry;
  });
}

const RUNS = 8;

/** Run on random images: label = argmax of the logits, radius ≥ 0, and no difference quotient of the latent above L. */
async function assertRuns(bytes: Uint8Array, lipschitz: number, size: number): Promise<void> {
  const { certificate } = parts(bytes);
  const random = createRandom(5);
  const session = await ort.InferenceSession.create(bytes, QUIET);
  try {
    const pixels = Float32Array.from({ length: RUNS * size }, () => random.uniform());
    const image = new ort.Tensor('float32', pixels, [RUNS, ...certificate.input.shape]);
    const outputs = await session.run({ image });
    const [labels, radii, logits, latents] = ['label', 'radius', 'logits', 'latent'].map(
      (name) => outputs[name]!.data as Float32Array,
    ) as [Float32Array, Float32Array, Float32Array, Float32Array];
    const K = certificate.classes.length;
    const row = (data: Float32Array, i: number, width: number) => data.subarray(i * width, (i + 1) * width);
    for (let i = 0; i < RUNS; i++) {
      const y = row(logits, i, K);
      assert.equal(Number(labels[i]), y.indexOf(Math.max(...y)));
      assert(radii[i]! >= 0);
      const j = (i + 1) % RUNS;
      const d = latents.length / RUNS;
      const [dz, dx] = [
        distance(row(latents, i, d), row(latents, j, d)),
        distance(row(pixels, i, size), row(pixels, j, size)),
      ];
      assert(dz <= lipschitz * dx * (1 + 1e-4) + 1e-30, `${dz} > ${lipschitz}·${dx}`);
    }
  } finally {
    await session.release();
  }
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(squares);
}

/** @throws AssertionError if the file claims anything that is not so */
export async function assertHonest(bytes: Uint8Array): Promise<void> {
  const { lipschitz, size } = assertClaims(bytes);
  await assertRuns(bytes, lipschitz, size);
}
