/** Random float64 networks of vectors, the bound of their error before the last cast, and how far off an execution is. */

import type { EncoderBound } from '../../../src/certify-runtime/trusted/bounds/bound.ts';
import { imageNorms } from '../../../src/certify-runtime/trusted/margin.ts';
import type { Graph } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { boundEncoder } from '../../../src/certify-runtime/trusted/walk/encoder.ts';
import { Random } from '../numbers/random.ts';
import { type Dyadic, dyadic, EXACT, nearest } from '../reference/dyadic.ts';
import { allRules } from './all-rules.ts';
import { GraphBuilder } from './graph-builder.ts';

const GAMMA = 2 ** -24 / (1 - 2 ** -24);

/** The pixels of an image. */
export const SIZE = 6;

export interface VectorNetwork {
  readonly graph: Graph;
  readonly latent: string;
}

/** A random network of vectors; with `wide` between two casts, otherwise the same in float32. */
export function vectorNetwork(seed: number, wide: boolean): VectorNetwork {
  const random = new Random(seed);
  const b = new GraphBuilder(['N', SIZE]);
  const constant = (dims: readonly number[], values: readonly number[]) =>
    wide ? b.tensor({ type: 'float64', dims, data: Float64Array.from(values) }) : b.floats(dims, values);
  let x = wide ? b.node('Cast', ['image'], { to: 11 }) : 'image';
  let n = SIZE;
  for (let step = 0; step < 5; step++) {
    const [before, width] = [x, n];
    const m = 2 * (1 + random.below(4));
    const spread = random.pick([1, 1, 30]);
    switch (random.below(8)) {
      case 0:
      case 1:
        x = b.node('MatMul', [x, constant([n, m], random.normals(n * m, 0.4))]);
        n = m;
        break;
      case 2:
        x = b.node('Gemm', [x, constant([n, m], random.normals(n * m, 0.4)), constant([m], random.normals(m, spread))]);
        n = m;
        break;
      case 3: {
        // One product in two parts, each finished before the sum.
        if (n % 2 !== 0) break;
        const parts = b.nodeWith('Split', [x], 2, { axis: 1, num_outputs: 2 });
        const products = parts.map((part) =>
          b.node('MatMul', [part, constant([n / 2, m], random.normals((n * m) / 2, 0.4))]),
        );
        x = b.node(random.pick(['Sum', 'Add']), products);
        n = m;
        break;
      }
      case 4:
        x = b.node('Add', [x, constant([n], random.normals(n, spread))]);
        break;
      case 5:
        x = n % 2 === 0 ? b.groupSort(x) : b.node('Relu', [x]);
        break;
      case 6:
        x = b.node('Mul', [x, constant([1, n], random.normals(n))]);
        break;
      default:
        x = b.node(random.pick(['Sub', 'Add']), [x, b.node('Relu', [x])]);
    }
    if (n === 1) [x, n] = [before, width];
  }
  const latent = wide ? b.node('Cast', [x], { to: 1 }) : b.node('Identity', [x]);
  return { graph: b.graph(latent), latent };
}

export const prove = ({ graph, latent }: VectorNetwork): EncoderBound =>
  boundEncoder(graph, { input: 'image', latent, rules: allRules });

export const evaluateAt = (bound: { constant: number; l2: number; l1: number }, x: Float32Array): number => {
  const { l2, l1 } = imageNorms(x);
  return bound.constant + bound.l2 * l2 + bound.l1 * l1;
};

/** The bound of the error before the last cast, whose own part is γ₁·‖v̂‖ and the flushes, to seven digits. */
export function beforeCast({ latentError, latentNorm, latentSize }: EncoderBound, x: Float32Array): number {
  const cast = evaluateAt(latentNorm, x) * (GAMMA / (1 + GAMMA));
  const flush = 2 * 2 ** -126 * Math.sqrt(latentSize);
  return (Math.min(...latentError.map((bound) => evaluateAt(bound, x))) - cast - flush) * (1 + 1e-7) + cast * 1e-15;
}

export function distance(computed: readonly number[], exact: readonly Dyadic[]): number {
  const gaps = computed.map((value, i) => nearest(EXACT.add(dyadic(value), EXACT.mul(dyadic(-1), exact[i]!))));
  return Math.hypot(...gaps);
}

export const lastCastInput = ({ graph }: VectorNetwork): string => graph.nodes.at(-1)!.inputs[0]!;
