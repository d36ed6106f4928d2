/** Arithmetic in another precision than float32: what is refused, and float64, which is rounded. */
import { UnprovableError } from '../../../certify-runtime/trusted/errors.ts';
import { ElementType } from '../../../certify-runtime/trusted/onnx/model.ts';
import { quote } from '../../../certify-runtime/trusted/onnx/wire.ts';
import { readAttribute } from '../onnx/attribute.ts';
import { elementName } from '../onnx/elements.ts';
import { makeAttribute } from '../onnx/make.ts';
import type { RawGraph, RawNode } from '../onnx/raw.ts';
import { keptTensor, type RawTensor, valuesOf } from '../onnx/tensor.ts';

const REDUCED = /^(float16|bfloat16|float8|float4)/;
const QUANTIZED =
  /^(QuantizeLinear|DequantizeLinear|DynamicQuantizeLinear|MatMulInteger|ConvInteger|QLinear.*|QGemm|QAttention)$/;

/** The type that a Cast gives; null for any other node. */
function castType(node: RawNode): string | null {
  const to = node.attributes.find(({ name }) => name === 'to');
  if (node.op !== 'Cast' || to === undefined) return null;
  const { kind, value } = readAttribute(to, false);
  return kind === 'int' ? elementName(value) : null;
}

function refuseReduced(what: string, type: string): never {
  throw new UnprovableError(
    `${what} is ${type}: a radius holds for float32 arithmetic only, and rounding to ${type} would break it; give the float32 network that it was made from`,
    { type },
  );
}

/**
 * @param inputType the element type of the network's input
 * @throws UnprovableError if data flows through float16, bfloat16, float8 or quantized operators
 */
export function refuseReducedPrecision({ nodes, initializers }: RawGraph, inputType: string): void {
  if (REDUCED.test(inputType)) refuseReduced('the input', inputType);
  for (const node of nodes) {
    const name = `${node.op} ${quote(node.name || (node.outputs[0] ?? ''))}`;
    if (QUANTIZED.test(node.op)) refuseReduced(`what ${name} takes or gives`, 'quantized');
    const type = castType(node);
    if (type !== null && REDUCED.test(type)) refuseReduced(`what ${name} gives`, type);
  }
  for (const { name, read } of initializers.values()) {
    const { type } = read();
    if (REDUCED.test(type)) refuseReduced(`the constant ${quote(name)}`, type);
  }
}

/** A tensor of float64 in float32; any other is itself. */
export function rounded(tensor: RawTensor): RawTensor {
  const { type, dims, bytes } = tensor;
  if (type !== 'float64') return tensor;
  const values = Float32Array.from(valuesOf('float64', bytes));
  return { type: 'float32', dims, bytes: new Uint8Array(values.buffer) };
}

/** The float64 constants, by name. */
export function doublesOf({ initializers }: RawGraph): ReadonlyMap<string, Float64Array> {
  const found = new Map<string, Float64Array>();
  for (const { name, read } of initializers.values()) {
    const { type, bytes } = read();
    if (type === 'float64') found.set(name, Float64Array.from(valuesOf('float64', bytes), Number));
  }
  return found;
}

/** The same graph in float32: constants are rounded, casts to float64 are casts to float32. */
export function roundFloat64(graph: RawGraph): { graph: RawGraph; changed: boolean } {
  let changed = false;
  const initializers = new Map(graph.initializers);
  for (const { name, at, read } of graph.initializers.values()) {
    const tensor = read();
    if (tensor.type !== 'float64') continue;
    initializers.set(name, keptTensor(name, rounded(tensor), at));
    changed = true;
  }
  const nodes = graph.nodes.map((node) => {
    if (castType(node) !== 'float64') return node;
    changed = true;
    return { ...node, attributes: [makeAttribute('to', 'int', BigInt(ElementType.float32))] };
  });
  return { graph: { ...graph, nodes, initializers }, changed };
}
