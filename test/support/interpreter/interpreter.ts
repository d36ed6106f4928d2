/** A naive interpreter of the operators that have a rule, index by index: the oracle of the proof's tests. */

import type { Graph, OnnxNode } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import type { Arithmetic } from '../numbers/arithmetic.ts';
import { functionOf } from './interpreter-functions.ts';
import {
  at,
  attributeOf,
  broadcast,
  build,
  conv,
  matMul,
  pool,
  reduce,
  reshape,
  sizeOf,
  slice,
  split,
  type Value,
} from './interpreter-operators.ts';

/** The tensors of the graph at the image(s) given as [N, …]. */
export function run(graph: Graph, image: Value, arithmetic: Arithmetic): Map<string, Value> {
  const values = new Map<string, Value>([[graph.inputs[0]!.name, image]]);
  for (const [name, tensor] of graph.initializers) {
    values.set(name, { dims: tensor.dims, data: Array.from(tensor.data as ArrayLike<number | bigint>, Number) });
  }
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => values.get(name));
    apply(node, inputs, arithmetic).forEach((value, i) => {
      values.set(node.outputs[i]!, value);
    });
  }
  return values;
}

function apply(node: OnnxNode, inputs: readonly (Value | undefined)[], arithmetic: Arithmetic): Value[] {
  const [x, y] = inputs as [Value, Value];
  const { add, mul, div, keep } = arithmetic;
  const map = (of: (v: number) => number): Value => ({ dims: x.dims, data: x.data.map((v) => keep(of(keep(v)))) });
  const axisOf = (value: Value, otherwise: number): number => {
    const axis = attributeOf(node, 'axis', otherwise);
    return axis < 0 ? axis + value.dims.length : axis;
  };
  const scalar = functionOf(node, arithmetic);
  if (scalar !== null) return [map(scalar)];
  switch (node.op) {
    case 'Add':
      return [broadcast([x, y], ([a, b]) => add(a!, b!))];
    case 'Sum':
      return [
        broadcast(inputs as Value[], (parts) =>
          arithmetic.dot(
            parts,
            parts.map(() => 1),
            0,
          ),
        ),
      ];
    case 'Sub':
      return [broadcast([x, y], ([a, b]) => add(a!, -b!))];
    case 'Mul':
      return [broadcast([x, y], ([a, b]) => mul(a!, b!))];
    case 'Div':
      return [broadcast([x, y], ([a, b]) => div(a!, b!))];
    case 'Max':
      return [broadcast(inputs as Value[], (parts) => Math.max(...parts.map(keep)))];
    case 'Min':
      return [broadcast(inputs as Value[], (parts) => Math.min(...parts.map(keep)))];
    case 'Relu':
      return [map((v) => Math.max(v, 0))];
    case 'Abs':
      return [map(Math.abs)];
    case 'Sqrt':
      return [map(arithmetic.sqrt)];
    case 'Neg':
      return [map((v) => -v)];
    case 'LeakyRelu':
      return [map((v) => (v < 0 ? mul(Math.fround(attributeOf(node, 'alpha', 0.01)), v) : v))];
    case 'PRelu':
      return [broadcast([x, y], ([v, slope]) => (v! < 0 ? mul(v!, slope!) : v!))];
    case 'Clip':
      return [map((v) => Math.min(Math.max(v, inputs[1]?.data[0] ?? -Infinity), inputs[2]?.data[0] ?? Infinity))];
    case 'BatchNormalization': {
      const [, gamma, beta, centre, variance] = inputs as Value[];
      const epsilon = Math.fround(attributeOf(node, 'epsilon', 1e-5));
      return [
        build(x.dims, (index) => {
          const c = index[1]!;
          const factor = div(gamma!.data[c]!, arithmetic.sqrt(add(variance!.data[c]!, epsilon)));
          return add(mul(add(at(x, index), -centre!.data[c]!), factor), beta!.data[c]!);
        }),
      ];
    }
    case 'MatMul':
      return [matMul(x, y, arithmetic)];
    case 'Gemm': {
      const weights =
        attributeOf(node, 'transB', 0) === 1 ? build([y.dims[1]!, y.dims[0]!], ([i, j]) => at(y, [j!, i!])) : y;
      const [alpha, beta] = [attributeOf(node, 'alpha', 1), attributeOf(node, 'beta', 1)];
      const bias = inputs[2];
      const product = matMul(x, weights, arithmetic);
      const scaled = { dims: product.dims, data: product.data.map((v) => (alpha === 1 ? v : mul(v, alpha))) };
      if (bias === undefined) return [scaled];
      return [broadcast([scaled, bias], ([v, b]) => add(v!, beta === 1 ? b! : mul(beta, b!)))];
    }
    case 'Conv':
      return [conv(node, inputs, arithmetic)];
    case 'AveragePool':
    case 'MaxPool':
      return [pool(node, x, arithmetic)];
    case 'GlobalAveragePool':
    case 'GlobalMaxPool': {
      const of = { ...node, op: node.op === 'GlobalMaxPool' ? 'ReduceMax' : 'ReduceMean' };
      const axes = x.dims.map((_, axis) => axis).slice(2);
      return [reduce(of, x, { dims: [axes.length], data: axes }, arithmetic)];
    }
    case 'ReduceMax':
    case 'ReduceMin':
    case 'ReduceMean':
    case 'ReduceSum':
      return [reduce(node, x, inputs[1], arithmetic)];
    case 'TopK': {
      const axis = axisOf(x, -1);
      const sign = attributeOf(node, 'largest', 1) === 1 ? -1 : 1;
      const dims = x.dims.map((dim, i) => (i === axis ? y.data[0]! : dim));
      const ranked = (index: number[]): number[] =>
        Array.from({ length: x.dims[axis]! }, (_, i) => at(x, index.with(axis, i))).sort((a, b) => sign * (a - b));
      return [build(dims, (index) => ranked(index)[index[axis]!]!)];
    }
    case 'Identity':
    case 'Dropout':
    case 'Cast':
      return [x];
    case 'Shape':
      return [{ dims: [x.dims.length], data: x.dims }];
    case 'Reshape':
      return [reshape(x, y.data)];
    case 'Flatten':
      return [reshape(x, [sizeOf(x.dims.slice(0, axisOf(x, 1))), sizeOf(x.dims.slice(axisOf(x, 1)))])];
    case 'Squeeze':
      return [
        {
          dims: x.dims.filter((_, axis) => !y.data.some((a) => (a < 0 ? a + x.dims.length : a) === axis)),
          data: x.data,
        },
      ];
    case 'Unsqueeze': {
      const rank = x.dims.length + y.data.length;
      const rest = [...x.dims];
      const added = y.data.map((axis) => (axis < 0 ? axis + rank : axis));
      return [
        { dims: Array.from({ length: rank }, (_, axis) => (added.includes(axis) ? 1 : rest.shift()!)), data: x.data },
      ];
    }
    case 'Transpose': {
      const perm = attributeOf(node, 'perm', [] as number[]);
      return [
        build(
          perm.map((axis) => x.dims[axis]!),
          (index) =>
            at(
              x,
              x.dims.map((_, axis) => index[perm.indexOf(axis)]!),
            ),
        ),
      ];
    }
    case 'Split':
      return split(node, x, inputs[1]?.data);
    case 'Slice':
      return [slice(x, y.data, inputs[2]!.data, inputs[3]?.data ?? y.data.map((_, i) => i), inputs[4]?.data ?? [])];
    case 'Gather': {
      const axis = axisOf(x, 0);
      const rank = y.dims.length;
      return [
        build([...x.dims.slice(0, axis), ...y.dims, ...x.dims.slice(axis + 1)], (index) => {
          const i = at(y, index.slice(axis, axis + rank));
          return at(x, [...index.slice(0, axis), i < 0 ? i + x.dims[axis]! : i, ...index.slice(axis + rank)]);
        }),
      ];
    }
    case 'Concat': {
      const axis = axisOf(x, 0);
      const parts = inputs as Value[];
      const dims = x.dims.map((dim, i) => (i === axis ? parts.reduce((n, part) => n + part.dims[axis]!, 0) : dim));
      return [
        build(dims, (index) => {
          let start = 0;
          for (const part of parts) {
            const i = index[axis]! - start;
            if (i < part.dims[axis]!) return at(part, index.with(axis, i));
            start += part.dims[axis]!;
          }
          throw new Error('an index beyond the parts');
        }),
      ];
    }
    case 'Pad': {
      const rank = x.dims.length;
      const pads = y.data;
      const value = inputs[2]?.data[0] ?? 0;
      const mode = attributeOf(node, 'mode', 'constant');
      const inside = (i: number, dim: number): number =>
        mode === 'edge' ? Math.min(Math.max(i, 0), dim - 1) : dim - 1 - Math.abs(dim - 1 - Math.abs(i));
      return [
        build(
          x.dims.map((dim, axis) => dim + pads[axis]! + pads[axis + rank]!),
          (index) => {
            const from = index.map((i, axis) => i - pads[axis]!);
            if (mode !== 'constant')
              return at(
                x,
                from.map((i, axis) => inside(i, x.dims[axis]!)),
              );
            return from.every((i, axis) => i >= 0 && i < x.dims[axis]!) ? at(x, from) : value;
          },
        ),
      ];
    }
    default:
      throw new Error(`the test interpreter does not know ${node.op}`);
  }
}
