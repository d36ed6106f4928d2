/**
 * Collects the nodes and constants of a TensorFlow.js graph model in the order they are added. Format: TensorFlow's
 * NodeDef in JSON.
 */

type AttributeJson = Readonly<Record<string, unknown>>;

interface NodeJson {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr: Readonly<Record<string, AttributeJson>>;
}

interface WeightJson {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32';
}

const FLOAT = { type: 'DT_FLOAT' };
const INT = { type: 'DT_INT32' };

export class GraphBuilder {
  readonly nodes: NodeJson[] = [];
  readonly weights: WeightJson[] = [];
  readonly data: Uint8Array[] = [];

  /** Adds the graph's input, with a free batch. */
  input(name: string, shape: readonly number[]): string {
    const dim = [-1, ...shape].map((size) => ({ size: String(size) }));
    this.nodes.push({ name, op: 'Placeholder', attr: { dtype: FLOAT, shape: { shape: { dim } } } });
    return name;
  }

  /** Adds a node and gives its name, which is also that of its first output. */
  node(op: string, name: string, input: readonly string[], attr: Readonly<Record<string, AttributeJson>> = {}): string {
    this.nodes.push({ name, op, input, attr: { T: FLOAT, ...attr } });
    return name;
  }

  /** Adds a constant, unless one of this name is already there. */
  constant(name: string, shape: readonly number[], values: Float32Array | Int32Array): string {
    if (this.weights.some((weight) => weight.name === name)) return name;
    const dtype = values instanceof Float32Array ? 'float32' : 'int32';
    const size = { dim: shape.map((length) => ({ size: String(length) })) };
    const type = dtype === 'float32' ? FLOAT : INT;
    const value = { tensor: { dtype: type.type, tensorShape: size } };
    this.nodes.push({ name, op: 'Const', attr: { dtype: type, value } });
    this.weights.push({ name, shape, dtype });
    this.data.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return name;
  }

  /** Reshapes `value`; the batch, dimension 0, stays free. */
  reshape(name: string, value: string, shape: readonly number[]): string {
    const target = this.constant(`shape/${shape.join('x')}`, [shape.length + 1], Int32Array.of(-1, ...shape));
    return this.node('Reshape', name, [value, target], { Tshape: INT });
  }

  transpose(name: string, value: string, permutation: readonly number[]): string {
    const axes = this.constant(`axes/${permutation.join('')}`, [permutation.length], Int32Array.from(permutation));
    return this.node('Transpose', name, [value, axes], { Tperm: INT });
  }

  /**
   * The product over the last two axes; if constants have a higher rank, their other axes go with the axes before them.
   */
  matMul(name: string, left: string, right: string): string {
    return this.node('BatchMatMulV2', name, [left, right], { adj_x: { b: false }, adj_y: { b: false } });
  }

  /** Splits an axis into equal parts. */
  split(name: string, value: string, axis: number, parts: number): readonly string[] {
    const at = this.constant(`axis/${axis}`, [], Int32Array.of(axis));
    this.node('Split', name, [at, value], { num_split: { i: String(parts) } });
    return Array.from({ length: parts }, (_, i) => (i === 0 ? name : `${name}:${i}`));
  }

  /** The sum of tensors, each of which is complete before it is added. */
  sum(name: string, values: readonly string[]): string {
    return this.node('AddN', name, values, { N: { i: String(values.length) } });
  }

  concat(name: string, values: readonly string[], axis: number): string {
    const at = this.constant(`axis/${axis}`, [], Int32Array.of(axis));
    return this.node('ConcatV2', name, [...values, at], { N: { i: String(values.length) }, Tidx: INT });
  }
}
