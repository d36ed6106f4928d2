/** Other programs' ONNX files, put together from parts: everything that glean's own writer has no use for. */
import { encode } from '../../../src/certify-runtime/trusted/onnx/wire.ts';

type Data = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint16Array | Uint8Array;

export interface FileTensor {
  readonly dims: readonly number[];
  readonly data?: Data;
  /** The number of another element type than that of `data`'s values (10 is float16, 9 bool). */
  readonly type?: number;
  /** Entries of external_data, in place of data. */
  readonly external?: Readonly<Record<string, string>>;
}

/** An attribute's value; `ref` takes that of the function around it. */
type Value =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly text: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly tensor: FileTensor }
  | { readonly graph: FileGraph }
  | { readonly ref: string; readonly type: number };

export interface FileNode {
  readonly op: string;
  readonly inputs?: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, Value>>;
  readonly domain?: string;
  readonly name?: string;
  readonly overload?: string;
}

interface FileInfo {
  readonly name: string;
  /** The number of the element type; 0 leaves the type out. */
  readonly type?: number;
  readonly dims: readonly (number | string)[];
}

interface FileGraph {
  readonly nodes: readonly FileNode[];
  readonly tensors?: Readonly<Record<string, FileTensor>>;
  readonly inputs?: readonly FileInfo[];
  readonly outputs: readonly FileInfo[];
}

export interface FileFunction {
  readonly domain: string;
  readonly name: string;
  readonly overload?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: readonly string[];
  readonly defaults?: Readonly<Record<string, Value>>;
  readonly nodes: readonly FileNode[];
  readonly opset?: number;
  readonly domains?: readonly string[];
}

export interface FileModel extends FileGraph {
  readonly opset: number;
  readonly ir?: number;
  readonly functions?: readonly FileFunction[];
  readonly domains?: readonly string[];
}

const TYPES: readonly (readonly [new (...of: never[]) => Data, number])[] = [
  [Float32Array, 1],
  [Float64Array, 11],
  [BigInt64Array, 7],
  [Int32Array, 6],
  [Uint16Array, 10],
  [Uint8Array, 9],
];

function tensorBytes(name: string, { dims, data, type, external }: FileTensor): Uint8Array {
  const number = type ?? TYPES.find(([array]) => data instanceof array)?.[1] ?? 1;
  const common = { 1: dims.map(BigInt), 2: BigInt(number), 8: name };
  if (external !== undefined) {
    return encode({
      ...common,
      13: Object.entries(external).map(([key, value]) => encode({ 1: key, 2: value })),
      14: 1n,
    });
  }
  return encode({ ...common, 9: new Uint8Array(data!.buffer, data!.byteOffset, data!.byteLength), 14: 0n });
}

function attributeBytes(name: string, value: Value): Uint8Array {
  if ('ref' in value) return encode({ 1: name, 20: BigInt(value.type), 21: value.ref });
  if ('int' in value) return encode({ 1: name, 3: BigInt(value.int), 20: 2n });
  if ('float' in value) return encode({ 1: name, 2: value.float, 20: 1n });
  if ('text' in value) return encode({ 1: name, 4: value.text, 20: 3n });
  if ('ints' in value) return encode({ 1: name, 8: value.ints.map(BigInt), 20: 7n });
  if ('floats' in value) return encode({ 1: name, 7: [...value.floats], 20: 6n });
  if ('tensor' in value) return encode({ 1: name, 5: tensorBytes('', value.tensor), 20: 4n });
  return encode({ 1: name, 6: graphBytes(value.graph), 20: 5n });
}

function nodeBytes({ op, inputs, outputs, attributes, domain, name, overload }: FileNode): Uint8Array {
  const written = Object.entries(attributes ?? {}).map(([key, value]) => attributeBytes(key, value));
  return encode({ 1: inputs, 2: outputs, 3: name, 4: op, 5: written, 7: domain, 8: overload });
}

function infoBytes({ name, type = 1, dims }: FileInfo): Uint8Array {
  if (type === 0) return encode({ 1: name });
  const dim = dims.map((size) => encode(typeof size === 'string' ? { 2: size } : { 1: BigInt(size) }));
  return encode({ 1: name, 2: encode({ 1: encode({ 1: BigInt(type), 2: encode({ 1: dim }) }) }) });
}

function graphBytes({ nodes, tensors, inputs, outputs }: FileGraph): Uint8Array {
  return encode({
    1: nodes.map(nodeBytes),
    2: 'g',
    5: Object.entries(tensors ?? {}).map(([name, tensor]) => tensorBytes(name, tensor)),
    11: (inputs ?? []).map(infoBytes),
    12: outputs.map(infoBytes),
  });
}

const opsetBytes = (domain: string, version: number) => encode({ 1: domain, 2: BigInt(version) });

function functionBytes(own: FileFunction): Uint8Array {
  const { domain, name, overload, inputs, outputs, attributes, defaults, nodes, opset = 18, domains } = own;
  return encode({
    1: name,
    4: inputs,
    5: outputs,
    6: attributes,
    7: nodes.map(nodeBytes),
    9: [opsetBytes('', opset), ...(domains ?? []).map((other) => opsetBytes(other, 1))],
    10: domain,
    11: Object.entries(defaults ?? {}).map(([key, value]) => attributeBytes(key, value)),
    13: overload,
  });
}

export function fileOf({ opset, ir = 10, functions, domains, ...graph }: FileModel): Uint8Array {
  return encode({
    1: BigInt(ir),
    2: 'test',
    7: graphBytes(graph),
    8: [opsetBytes('', opset), ...(domains ?? []).map((domain) => opsetBytes(domain, 1))],
    25: (functions ?? []).map(functionBytes),
  });
}

export const floats = (...values: number[]): FileTensor => ({ dims: [values.length], data: Float32Array.from(values) });
export const longs = (...values: number[]): FileTensor => ({
  dims: [values.length],
  data: BigInt64Array.from(values.map(BigInt)),
});
