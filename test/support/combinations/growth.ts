/** A graph while it is made: tensors with their shapes, constants, and the nodes that the generators of combinations share. */

import type { Graph } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { GraphBuilder } from '../networks/graph-builder.ts';
import type { Chance } from '../reference/chance.ts';

/** A tensor of the graph: dimension 0 is rows·N, the others are `dims`. */
export interface Grown {
  readonly name: string;
  readonly rows: number;
  readonly dims: readonly number[];
}

export interface Combination {
  readonly graph: Graph;
  readonly latent: string;
  /** Per sample. */
  readonly imageDims: readonly number[];
}

type Attributes = Parameters<GraphBuilder['node']>[2];

/** Elements per sample that no tensor may pass: what keeps a graph cheap. */
export const MOST_ELEMENTS = 48;

export function sizeOf(dims: readonly number[]): number {
  let size = 1;
  for (const dim of dims) size *= dim;
  return size;
}

export class Growth {
  readonly chance: Chance;
  readonly builder: GraphBuilder;
  readonly image: Grown;

  constructor(chance: Chance, imageDims: readonly number[]) {
    this.chance = chance;
    this.builder = new GraphBuilder(['N', ...imageDims]);
    this.image = { name: 'image', rows: 1, dims: imageDims };
  }

  node(op: string, inputs: readonly string[], dims: readonly number[], attributes?: Attributes, rows = 1): Grown {
    return { name: this.builder.node(op, inputs, attributes), rows, dims };
  }

  /** A node that keeps the shape of its first input. */
  like(x: Grown, op: string, more: readonly string[] = [], attributes?: Attributes): Grown {
    return { ...x, name: this.builder.node(op, [x.name, ...more], attributes) };
  }

  /** The k largest or smallest of an axis of the sample, in order. */
  topK(x: Grown, k: string, axis: number, count: number, largest: number): Grown {
    const names = this.builder.nodeWith('TopK', [x.name, k], 2, { axis: axis + 1, largest });
    return { name: names[0]!, rows: x.rows, dims: x.dims.with(axis, count) };
  }

  int64(values: readonly (number | bigint)[]): string {
    return this.builder.tensor({
      type: 'int64',
      dims: [values.length],
      data: BigInt64Array.from(values, BigInt),
    });
  }

  scalar(value: number): string {
    return this.builder.floats([], [value]);
  }

  /** float32 weights of one of several characters: what hides in random normal ones may show in others. */
  weights(dims: readonly number[], scale = 1): string {
    const { chance } = this;
    const character = chance.below(6);
    const special = chance.below(sizeOf(dims));
    const values = Float32Array.from({ length: sizeOf(dims) }, (_, i) => {
      if (character === 0) return scale * chance.between(-1, 1);
      if (character === 1) return scale;
      if (character === 2) return scale * chance.normal() * (i === special ? 100 : 0.1);
      return scale * chance.normal();
    });
    return this.builder.tensor({ type: 'float32', dims, data: values });
  }

  normals(dims: readonly number[], scale = 1): string {
    const values = Float32Array.from({ length: sizeOf(dims) }, () => scale * this.chance.normal());
    return this.builder.tensor({ type: 'float32', dims, data: values });
  }

  /** One vector for each sample, the parts side by side. */
  finish(parts: readonly Grown[]): Combination {
    const { chance } = this;
    const flat = parts.map((part) => this.flattened(part));
    let latent = flat[0]!;
    if (flat.length > 1) {
      const length = flat.reduce((n, part) => n + part.dims[0]!, 0);
      const names = flat.map(({ name }) => name);
      latent = this.node('Concat', names, [length], { axis: chance.pick([1, -1]) });
    }
    return { graph: this.builder.graph(latent.name), latent: latent.name, imageDims: this.image.dims };
  }

  private flattened(x: Grown): Grown {
    const size = x.rows * sizeOf(x.dims);
    if (x.rows === 1 && x.dims.length === 1 && this.chance.is(0.7)) return x;
    if (x.rows === 1 && this.chance.is(0.5)) return this.node('Flatten', [x.name], [size]);
    return this.node('Reshape', [x.name, this.int64([-1, size])], [size]);
  }
}

/** Some way to write `size` as a product of up to `rank` dimensions. */
export function factorised(chance: Chance, size: number, rank = 1 + chance.below(3)): number[] {
  const dims: number[] = [];
  let rest = size;
  for (let i = 1; i < rank; i++) {
    const divisors: number[] = [];
    for (let d = 1; d <= rest; d++) if (rest % d === 0) divisors.push(d);
    const dim = chance.is(0.1) ? 1 : chance.pick(divisors);
    dims.push(dim);
    rest /= dim;
  }
  dims.push(rest);
  return dims;
}
