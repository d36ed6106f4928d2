/** An ONNX model as plain values: what the reader gives, the proof walks and the writer takes. */

export type TensorData = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

/** The ONNX element types that glean knows, by their TensorProto.DataType number. */
export const ElementType = { float32: 1, int32: 6, int64: 7, bool: 9, float64: 11 } as const;
export type ElementTypeName = keyof typeof ElementType;

export interface Tensor {
  readonly name: string;
  readonly type: ElementTypeName;
  readonly dims: readonly number[];
  /** The values in row-major order, with a bool as one byte. */
  readonly data: TensorData;
}

export type Attribute =
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly bigint[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensor'; readonly value: Tensor };

export interface OnnxNode {
  readonly op: string;
  readonly name: string;
  /** An omitted optional input is the empty string. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** A graph input or output. A dimension is a number, or a name if it is free, as the batch is. */
export interface ValueInfo {
  readonly name: string;
  readonly type: ElementTypeName;
  readonly dims: readonly (number | string)[];
}

export interface Graph {
  readonly name: string;
  /** The nodes, in an order in which every input is computed before it is used. */
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, Tensor>;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

export interface OnnxModel {
  readonly irVersion: number;
  /** The version of the default operator set, which is the only one allowed. */
  readonly opset: number;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly graph: Graph;
  readonly metadata: ReadonlyMap<string, string>;
}
