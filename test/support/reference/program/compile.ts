/**
 * The reference interpreter: from a graph, for a batch of a given size, to a program of steps on flat arrays. Integers are
 * computed here, as they do not depend on pixels. It shares nothing with the proof but the type of a graph.
 */

import type { Graph, OnnxNode, Tensor } from '../../../../src/certify-runtime/trusted/onnx/model.ts';
import { integerNode, shapeOf } from '../integers.ts';
import { concat, moveOf, split } from '../moves.ts';
import { Assembler, NodeSite } from './assembler.ts';
import { intOf } from './attributes.ts';
import { averagePool, conv, gemm, matMul, reduceLinear } from './lower-linear.ts';
import { each, extreme, normalize, point, topK } from './lower-others.ts';
import type { Program } from './program.ts';
import { invalid, type RealTensor, type RefTensor, sizeOf, unsupported } from './tensors.ts';

type Lower = (site: NodeSite) => RealTensor;

const LOWER: ReadonlyMap<string, Lower> = new Map([
  ['MatMul', matMul],
  ['Gemm', gemm],
  ['Conv', conv],
  ...['ReduceSum', 'ReduceMean'].map((op): [string, Lower] => [op, reduceLinear]),
  ...['AveragePool', 'GlobalAveragePool'].map((op): [string, Lower] => [op, averagePool]),
  ...['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Sum'].map((op): [string, Lower] => [op, each]),
  ...['Relu', 'Abs', 'Neg', 'LeakyRelu', 'PRelu', 'Clip', 'Sqrt'].map((op): [string, Lower] => [op, point]),
  ...['ReduceMax', 'ReduceMin', 'MaxPool', 'GlobalMaxPool'].map((op): [string, Lower] => [op, extreme]),
  ['TopK', topK],
  ['BatchNormalization', normalize],
]);

/** TensorProto.DataType. */
const FLOAT32 = 1;

/**
 * The program that computes `outputs` from `batch` images.
 *
 * @throws MeaninglessError where ONNX Runtime would not run the graph, or ONNX says not what it computes
 */
export function compile(graph: Graph, batch: number, outputs: readonly string[]): Program {
  const assembler = new Assembler();
  const values = new Map<string, RefTensor>();
  const input = graph.inputs[0] ?? invalid('the graph has no input');
  const dims = input.dims.map((dim, axis) => (axis === 0 && typeof dim === 'string' ? batch : Number(dim)));
  const image = assembler.place(dims, true);
  values.set(input.name, image);

  const find = (name: string): RefTensor => {
    const value = values.get(name);
    if (value !== undefined) return value;
    const tensor = graph.initializers.get(name) ?? invalid(`no tensor "${name}"`);
    const constant = constantOf(assembler, tensor);
    values.set(name, constant);
    return constant;
  };
  for (const node of neededNodes(graph, outputs)) {
    const inputs = node.inputs.map((name) => (name === '' || isBool(graph, name) ? undefined : find(name)));
    const results = lower(new NodeSite(node, inputs, assembler));
    node.outputs.forEach((name, i) => {
      const result = results[i];
      if (result !== undefined) values.set(name, result);
    });
  }
  const { slots, steps, active } = assembler;
  return { slots, steps, active, image: image.slot, outputs: outputs.map(find) };
}

/** Only Dropout takes one: false, or training. */
function isBool(graph: Graph, name: string): boolean {
  const tensor = graph.initializers.get(name);
  if (tensor?.type !== 'bool') return false;
  return tensor.data.every((value: number | bigint) => Number(value) === 0) || unsupported('training_mode');
}

function constantOf(assembler: Assembler, { type, dims, data }: Tensor): RefTensor {
  if (sizeOf(dims) !== data.length) invalid(`${data.length} values for [${dims}]`);
  if (type === 'float32') return assembler.constant(dims, Float64Array.from(data as Float32Array));
  if (type !== 'int64' && type !== 'int32') unsupported(`a constant of ${type}`);
  const entries = Array.from(data as ArrayLike<number | bigint>, BigInt);
  return { kind: 'int', width: type === 'int64' ? 64 : 32, dims, data: entries };
}

/** The nodes that the outputs are computed from, in the graph's order. */
function neededNodes(graph: Graph, outputs: readonly string[]): OnnxNode[] {
  const needed = new Set(outputs);
  const nodes: OnnxNode[] = [];
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    if (!node.outputs.some((name) => needed.has(name))) continue;
    nodes.push(node);
    for (const name of node.inputs) needed.add(name);
  }
  return nodes.reverse();
}

function lower(site: NodeSite): RefTensor[] {
  const { node, inputs } = site;
  const first = inputs[0] ?? invalid(`${node.op} without an input`);
  if (first.kind === 'int')
    return integerNode(
      node,
      inputs.map((_, i) => site.int(i)),
    );
  if (node.op === 'Shape') return [shapeOf(node, first.dims)];
  if (node.op === 'Cast') return intOf(node, 'to', 0) === FLOAT32 ? [first] : unsupported('a cast of float32 values');
  if (node.op === 'Split') {
    return split(node, first.dims, site.int(1)).map(({ dims, index }) => moved(site, first, dims, index!));
  }
  if (node.op === 'Concat') return [joined(site)];
  const operation = LOWER.get(node.op);
  if (operation !== undefined) return [operation(site)];
  // Pad's third input is the value, a float.
  const integers = inputs.map((input, i) => (i === 0 || input?.kind === 'real' ? undefined : site.int(i)));
  const move = moveOf(node, first.dims, integers) ?? unsupported(`the operator ${node.op}`);
  if (move.index === null) return [{ ...first, dims: move.dims }];
  const fill = node.op === 'Pad' && inputs[2] !== undefined ? site.values(2) : [0];
  if (fill.length !== 1) invalid('the value of a Pad must be one');
  return [moved(site, first, move.dims, move.index, fill[0])];
}

function moved(site: NodeSite, from: RealTensor, dims: readonly number[], index: Int32Array, fill = 0): RealTensor {
  const { assembler } = site;
  const values = assembler.slots[from.slot]!.constant;
  if (values !== null)
    return assembler.constant(
      dims,
      Float64Array.from(index, (i) => (i < 0 ? fill : values[i]!)),
    );
  const out = site.place(dims, from);
  site.add({ kind: 'move', op: site.node.op, out: out.slot, inputs: [from.slot], source: null, index, fill });
  return out;
}

function joined(site: NodeSite): RealTensor {
  const parts = site.reals();
  const { dims, source, index } = concat(
    site.node,
    parts.map((part) => part.dims),
  );
  const out = site.place(dims, ...parts);
  const inputs = parts.map(({ slot }) => slot);
  site.add({ kind: 'move', op: site.node.op, out: out.slot, inputs, source, index, fill: 0 });
  return out;
}
