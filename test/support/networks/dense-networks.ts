/** Small dense networks for the attacks: described as plain numbers, built as ONNX, sealed, and run in float64. */

import { differentiate } from '../../../src/certify-runtime/gradient/network.ts';
import { runUnverified } from '../../../src/certify-runtime/node.ts';
import type { Random } from '../../../src/certify-runtime/smoothing/random.ts';
import { uniformInt } from '../../../src/certify-runtime/smoothing/random.ts';
import type { OnnxModel } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import type { VerifiedModel } from '../../../src/certify-runtime/trusted/verify.ts';
import { type SessionJudge, sessionJudge } from '../../../src/evaluate/attack/judge.ts';
import { seal } from '../../../src/export/seal/seal.ts';
import { GraphBuilder } from './graph-builder.ts';

export interface Dense {
  readonly inputs: number;
  readonly outputs: number;
  /** outputs × inputs, row-major. */
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  readonly activation: 'none' | 'MaxMin' | 'Relu';
}

/** Layers from `inputs` pixels to the logits; the last one is the head. */
export type DenseSpec = readonly Dense[];

export function dense(
  rows: readonly (readonly number[])[],
  bias: readonly number[],
  activation: Dense['activation'] = 'none',
): Dense {
  return {
    inputs: rows[0]!.length,
    outputs: rows.length,
    weights: Float32Array.from(rows.flat()),
    bias: Float32Array.from(bias),
    activation,
  };
}

/** MatMul and Add, as tf2onnx writes a layer, or one Gemm with transB, as PyTorch does. */
function denseModel(spec: DenseSpec, style: 'MatMul' | 'Gemm' = 'MatMul'): OnnxModel {
  const builder = new GraphBuilder(['N', 1, spec[0]!.inputs, 1]);
  let x = builder.node('Reshape', ['image', builder.ints([-1, spec[0]!.inputs])]);
  for (const { inputs, outputs, weights, bias, activation } of spec) {
    if (style === 'Gemm') {
      x = builder.node('Gemm', [x, builder.floats([outputs, inputs], weights), builder.floats([outputs], bias)], {
        transB: 1,
      });
    } else {
      const transposed = Float32Array.from(
        weights,
        (_, e) => weights[(e % outputs) * inputs + Math.floor(e / outputs)]!,
      );
      x = builder.node('Add', [
        builder.node('MatMul', [x, builder.floats([inputs, outputs], transposed)]),
        builder.floats([outputs], bias),
      ]);
    }
    if (activation === 'Relu') x = builder.node('Relu', [x]);
    if (activation === 'MaxMin') x = builder.groupSort(x);
  }
  return {
    irVersion: 8,
    opset: 18,
    producerName: 'test',
    producerVersion: '0',
    graph: { ...builder.graph(x), outputs: [{ name: x, type: 'float32', dims: ['N', spec.at(-1)!.outputs] }] },
    metadata: new Map(),
  };
}

export interface SealedNetwork {
  readonly spec: DenseSpec;
  readonly bytes: Uint8Array;
  readonly verified: VerifiedModel;
  readonly judge: SessionJudge;
  readonly network: NonNullable<ReturnType<typeof differentiate>>;
}

/** Seals the network and opens it; the caller releases the judge. */
export async function sealDense(spec: DenseSpec, style: 'MatMul' | 'Gemm' = 'MatMul'): Promise<SealedNetwork> {
  const model = denseModel(spec, style);
  const { inputs } = spec[0]!;
  const classes = spec.at(-1)!.outputs;
  const { bytes, verified } = await seal(model, {
    classes: Array.from({ length: classes }, (_, j) => `class ${j}`),
    sigma: null,
    // Black: no network overflows there, so that those that do elsewhere are sealed, and must guard themselves.
    vectors: [new Uint8Array(inputs)],
    training: {},
    producerVersion: '0',
    run: runUnverified,
  });
  const network = differentiate(model.graph, 'image', model.graph.outputs[0]!.name);
  if (network === null) throw new Error('a dense network has a gradient');
  return { spec, bytes, verified, judge: await sessionJudge(bytes, [1, inputs, 1], classes), network };
}

/** The logits in float64. */
function exactLogits(spec: DenseSpec, image: ArrayLike<number>): Float64Array {
  let x = Float64Array.from(image);
  for (const { inputs, outputs, weights, bias, activation } of spec) {
    const y = Float64Array.from(bias);
    for (let j = 0; j < outputs; j++) for (let i = 0; i < inputs; i++) y[j]! += weights[j * inputs + i]! * x[i]!;
    x = activate(y, activation);
  }
  return x;
}

/** MaxMin: the larger ones of two halves, then the smaller ones. */
export function activate<T extends Float64Array | Float32Array>(y: T, activation: Dense['activation']): T {
  if (activation === 'none') return y;
  const half = y.length / 2;
  const activated = y.map((value, i) => {
    if (activation === 'Relu') return Math.max(value, 0);
    return i < half ? Math.max(value, y[i + half]!) : Math.min(y[i - half]!, value);
  });
  return activated as T;
}

export interface RandomSpecOptions {
  readonly inputs: number;
  readonly classes: number;
  /** Hidden layers. */
  readonly depth: number;
  readonly activation: 'MaxMin' | 'Relu';
  /** Typical size of the singular values, layer by layer (the head last). */
  readonly scale: (layer: number) => number;
  /** Typical size of hidden biases. */
  readonly bias: number;
}

/** A random network whose head bias makes the logits of one image meet at about 0, whatever the hidden biases. */
export function randomSpec(options: RandomSpecOptions, random: Random): DenseSpec {
  const { inputs, classes, depth, activation, scale, bias } = options;
  const layers: Dense[] = [];
  let width = inputs;
  for (let layer = 0; layer <= depth; layer++) {
    const last = layer === depth;
    const outputs = last ? classes : 2 * (2 + uniformInt(5, random));
    layers.push({
      inputs: width,
      outputs,
      weights: Float32Array.from(
        { length: outputs * width },
        () => (random.normal() * scale(layer)) / Math.sqrt(width),
      ),
      bias: Float32Array.from({ length: outputs }, () => (last ? 0 : bias * random.normal())),
      activation: last ? 'none' : activation,
    });
    width = outputs;
  }
  const centre = exactLogits(
    layers,
    Array.from({ length: inputs }, () => random.uniform()),
  );
  const head = layers.at(-1)!;
  const centred = Float32Array.from(centre, (value) => -value);
  return [...layers.slice(0, -1), { ...head, bias: centred.every(Number.isFinite) ? centred : head.bias }];
}

function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let j = 1; j < values.length; j++) if (values[j]! > values[best]!) best = j;
  return best;
}

/**
 * Images on [0, 1]^d as an attacker picks them: a third anywhere, the rest near the decision boundary of the exact network,
 * from a tenth down to 10⁻⁷ of a random step away; some pixels 0, 1, or subnormal.
 */
export function hardImages(spec: DenseSpec, count: number, random: Random): Float32Array {
  const { inputs } = spec[0]!;
  const pixel = (): number => {
    const kind = uniformInt(12, random);
    if (kind === 0) return 0;
    if (kind === 1) return 1;
    return kind === 2 ? random.uniform() * 2 ** -130 : random.uniform();
  };
  const anywhere = (): Float64Array => Float64Array.from({ length: inputs }, pixel);
  const images = new Float32Array(count * inputs);
  for (let k = 0; k < count; k++) {
    const start = anywhere();
    images.set(start, k * inputs);
    if (k % 3 === 0) continue;
    const label = argmax(exactLogits(spec, start));
    const end = anywhere();
    if (argmax(exactLogits(spec, end)) === label) continue;
    const at = (t: number): Float64Array => start.map((value, i) => value + t * (end[i]! - value));
    let [low, high] = [0, 1];
    for (let round = 0; round < 50; round++) {
      const middle = (low + high) / 2;
      if (argmax(exactLogits(spec, at(middle))) === label) low = middle;
      else high = middle;
    }
    images.set(at(low * (1 - 10 ** -(1 + 6 * random.uniform()))), k * inputs);
  }
  return images;
}
