/** One node on its own: what a rule or a fold makes of given inputs, and what it refuses. */

import assert from 'node:assert/strict';
import type { EncoderBound } from '../../../../src/certify-runtime/trusted/bounds/bound.ts';
import { UnprovableError } from '../../../../src/certify-runtime/trusted/errors.ts';
import type { Tensor } from '../../../../src/certify-runtime/trusted/onnx/model.ts';
import { folds } from '../../../../src/certify-runtime/trusted/walk/constants.ts';
import { boundEncoder } from '../../../../src/certify-runtime/trusted/walk/encoder.ts';
import type { ShapeValue } from '../../../../src/certify-runtime/trusted/walk/shape-value.ts';
import { Site, type Value, type Walk } from '../../../../src/certify-runtime/trusted/walk/site.ts';
import { rulesAlone } from '../../../support/networks/all-rules.ts';
import { GraphBuilder } from '../../../support/networks/graph-builder.ts';

export type Make = (b: GraphBuilder) => string;
export type Dims = readonly (number | string)[];
type Attributes = Parameters<GraphBuilder['node']>[2];

export function prove(dims: Dims, make: Make): EncoderBound {
  const builder = new GraphBuilder(dims);
  const latent = make(builder);
  return boundEncoder(builder.graph(latent), { input: 'image', latent, rules: rulesAlone });
}

/** The tensor that `make` gives, flattened, as the latent. */
export function proveFlat(dims: Dims, make: Make): EncoderBound {
  return prove(dims, (b) => b.node('Flatten', [make(b)]));
}

export function refusal(run: () => unknown, reason: RegExp): void {
  assert.throws(run, (error: unknown) => {
    assert.ok(error instanceof UnprovableError, String(error));
    assert.match(error.message, reason);
    return true;
  });
}

/** `right` is proven; each of `wrong`, which breaks one condition alone, is refused for that reason. */
export function onlyIf(dims: Dims, right: Make, wrong: readonly (readonly [reason: RegExp, make: Make])[]): void {
  assert.ok(Number.isFinite(proveFlat(dims, right).lipschitz));
  for (const [reason, make] of wrong) refusal(() => proveFlat(dims, make), reason);
}

/** A walk that has just begun. */
export function walkOf(values: readonly Value[]): Walk {
  return {
    ...{
      imageSize: 24,
      layers: [],
      rebases: new Map(),
      shapes: new Map(),
      doubles: new Set<string>(),
      work: 0,
      elements: 0,
      viewElements: 0,
      copied: 0,
      maxImageNorm: Number.MAX_VALUE,
    },
    values: new Map(values.map((value, i) => [`v${i}`, value])),
  };
}

export function siteOf(op: string, walk: Walk, attributes: Attributes = {}, outputs = 1): Site {
  const builder = new GraphBuilder(['N', 1]);
  builder.nodeWith(op, [...walk.values.keys()], outputs, attributes);
  return new Site(builder.nodes[0]!, 0, walk);
}

/** What a rule makes of its inputs, nothing else being checked. */
export function apply(op: string, values: readonly Value[], attributes?: Attributes): readonly Value[] {
  return rulesAlone.get(op)!.apply(siteOf(op, walkOf(values), attributes)).outputs;
}

export function int64(values: readonly (number | bigint)[], dims: readonly number[] = [values.length]): Value {
  return { kind: 'constant', tensor: { name: 'c', type: 'int64', dims, data: BigInt64Array.from(values.map(BigInt)) } };
}

export function int32(values: readonly number[], dims: readonly number[] = [values.length]): Value {
  return { kind: 'constant', tensor: { name: 'c', type: 'int32', dims, data: Int32Array.from(values) } };
}

export function float32(values: ArrayLike<number>, dims: readonly number[] = [values.length]): Value {
  return { kind: 'constant', tensor: { name: 'c', type: 'float32', dims, data: Float32Array.from(values) } };
}

/** What a fold makes of `values`. */
export function fold(op: string, values: readonly Value[], attributes?: Attributes): Value {
  return folds.get(op)!(siteOf(op, walkOf(values), attributes));
}

/** Its integers, the multiples of the batch size as strings such as "3N". */
export function integers(value: Value): (number | string)[] {
  assert.equal(value.kind, 'shape');
  return (value as ShapeValue).entries.map(({ perSample, constant }) => {
    assert.ok(BigInt(perSample) === 0n || BigInt(constant) === 0n);
    return BigInt(perSample) === 0n ? Number(constant) : `${perSample}N`;
  });
}

export function tensorOf(value: Value): Tensor {
  assert.equal(value.kind, 'constant');
  return (value as Extract<Value, { kind: 'constant' }>).tensor;
}
