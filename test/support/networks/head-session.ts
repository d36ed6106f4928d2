/** The certificate head alone in ONNX Runtime, with the logits as an input of their own, and terms for it. */

import * as wasmRuntime from 'onnxruntime-web';
import * as cpuRuntime from '../../../src/certify-runtime/run/onnx-runtime.ts';
import type { AffineBound } from '../../../src/certify-runtime/trusted/bounds/bound.ts';
import { gamma32 } from '../../../src/certify-runtime/trusted/bounds/rounding.ts';
import { headGraph } from '../../../src/certify-runtime/trusted/head-graph.ts';
import { type MarginTerms, marginTerms } from '../../../src/certify-runtime/trusted/margin.ts';
import { writeOnnx } from '../../../src/export/seal/onnx-writer.ts';
import type { Random } from '../numbers/random.ts';
import { QUIET } from './sealed.ts';

type Runtime = typeof cpuRuntime;
export const RUNTIMES: Readonly<Record<string, { runtime: Runtime; options: Record<string, unknown> }>> = {
  cpu: { runtime: cpuRuntime, options: QUIET },
  'cpu, as it is written': { runtime: cpuRuntime, options: { ...QUIET, graphOptimizationLevel: 'disabled' } },
  wasm: { runtime: wasmRuntime as unknown as Runtime, options: { executionProviders: ['wasm'], logSeverityLevel: 4 } },
};

interface Answer {
  readonly label: number;
  readonly radius: number;
}

/** The head alone, with the logits as an input of their own. */
export async function openHead(terms: MarginTerms, inputs: number, where = 'cpu', head = headGraph) {
  const { nodes, initializers } = head(terms, inputs);
  const file = writeOnnx({
    irVersion: 8,
    opset: 18,
    producerName: 't',
    producerVersion: '0',
    metadata: new Map(),
    graph: {
      name: 'head',
      nodes,
      initializers: new Map(initializers.map((tensor) => [tensor.name, tensor] as const)),
      inputs: [
        { name: 'image', type: 'float32', dims: ['N', 1, 1, inputs] },
        { name: 'logits', type: 'float32', dims: ['N', terms.classes] },
      ],
      outputs: [
        { name: 'label', type: 'int64', dims: ['N'] },
        { name: 'radius', type: 'float32', dims: ['N'] },
      ],
    },
  });
  const { runtime, options } = RUNTIMES[where]!;
  const session = await runtime.InferenceSession.create(file, options);
  return {
    async run(images: readonly ArrayLike<number>[], logits: readonly ArrayLike<number>[]): Promise<readonly Answer[]> {
      const flat = (rows: readonly ArrayLike<number>[]) => Float32Array.from(rows.flatMap((row) => Array.from(row)));
      const tensor = (rows: readonly ArrayLike<number>[], ...dims: number[]) =>
        new runtime.Tensor('float32', flat(rows), dims);
      const N = images.length;
      const { label, radius } = await session.run({
        image: tensor(images, N, 1, 1, inputs),
        logits: tensor(logits, N, terms.classes),
      });
      return images.map((_, i) => ({
        label: Number((label!.data as BigInt64Array)[i]),
        radius: (radius!.data as Float32Array)[i]!,
      }));
    },
    close: () => session.release(),
  };
}

export const NONE: AffineBound = { constant: 0, l2: 0, l1: 0 };

interface Shape {
  readonly classes: number;
  readonly latentSize: number;
  readonly inputs: number;
  /** Up to where logits may be, in magnitude; ρ is what Lemma 15 makes of it. */
  readonly largest: number;
}

/** Terms as a network might have them, whose logits may be up to `largest`. */
export function randomTerms(
  random: Random,
  { classes, latentSize, inputs, largest }: Shape,
  change = NONE,
): MarginTerms {
  const weights = Float32Array.from(random.normals(classes * latentSize, 10 ** (2 * random.next() - 1)));
  const error = 10 ** (-3 * random.next() - 3);
  const bound = (constant: number, l2: number, l1: number): AffineBound => ({ constant, l2, l1 });
  const logitError = { ...change, constant: gamma32(latentSize + 8) * largest + change.constant };
  const root = Math.sqrt(inputs);
  return marginTerms(
    {
      lipschitz: 0.5 + random.next(),
      latentError: [bound(error, error, 0), bound(error, error / 3, error / root)],
      logitError,
      latentErrorSlope: 2 * error,
      logitErrorSlope: logitError.l2 + root * logitError.l1,
      maxImageNorm: 2 ** 60,
    },
    { classes, latentSize, weights, bias: new Float32Array(classes) },
  );
}

export const pixels = (random: Random, n: number, scale = 1) =>
  Float32Array.from({ length: n }, () => (random.next() < 0.3 ? 0 : random.next() * scale));
