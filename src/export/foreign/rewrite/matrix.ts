/**
 * Linear operators that have no rule of their own (CumSum, Einsum, Trilu, 3-D Conv, …) as what they are: a choice of
 * values, or a matrix, which ONNX Runtime itself is asked for.
 */
import type { OnnxNode } from '../../../certify-runtime/trusted/onnx/model.ts';
import type { Rewriter } from './rewriter.ts';
import { type Feed, runNode, type Value } from './run.ts';

/** Operators that are affine in their first input, if the others are constants. */
const AFFINE = new Set([
  ...['CumSum', 'Einsum', 'Trilu', 'DFT', 'Col2Im', 'GridSample', 'ReverseSequence', 'CenterCropPad'],
  ...['GatherND', 'GatherElements', 'ScatterND', 'ScatterElements'],
]);

/** A matrix with more entries, or a larger shorter side, costs the proof too much. */
const MOST_ENTRIES = 2 ** 21;
const MOST_ROWS = 1024;
/** More than this many inputs are not measured one by one. */
const MOST_INPUTS = 2 ** 13;
const PROBE = 2 ** 20;

function applies(rewriter: Rewriter, node: OnnxNode): boolean {
  const [x, ...others] = node.inputs;
  const isSpatial3 = node.op === 'Conv' && rewriter.dims(x)?.length === 5;
  if (!AFFINE.has(node.op) && !isSpatial3) return false;
  return others.every((name) => name === '' || rewriter.constant(name) !== undefined);
}

const sizeOf = (dims: readonly number[]) => dims.reduce((product, dim) => product * dim, 1);

/** An Einsum whose constant comes first is turned round, so that the first input is the one that varies. */
function dataFirst(rewriter: Rewriter, node: OnnxNode): OnnxNode {
  const equation = node.attributes.get('equation');
  if (node.op !== 'Einsum' || equation?.kind !== 'string' || node.inputs.length !== 2) return node;
  if (rewriter.constant(node.inputs[0]) === undefined) return node;
  const [terms = '', result] = equation.value.replaceAll(' ', '').split('->');
  const turned = terms.split(',').reverse().join(',');
  const value = result === undefined ? turned : `${turned}->${result}`;
  return { ...node, inputs: node.inputs.toReversed(), attributes: new Map([['equation', { kind: 'string', value }]]) };
}

export async function asMatrix(rewriter: Rewriter, original: OnnxNode): Promise<void> {
  const node = dataFirst(rewriter, original);
  if (!applies(rewriter, node)) return;
  const [from, to] = [rewriter.dims(node.inputs[0]), rewriter.dims(node.outputs[0])];
  if (from === undefined || to === undefined || from[0] !== to[0] || from.length < 2 || to.length < 2) return;
  const [inputs, outputs] = [sizeOf(from.slice(1)), sizeOf(to.slice(1))];
  if (inputs * outputs > MOST_ENTRIES || Math.min(inputs, outputs) > MOST_ROWS || inputs > MOST_INPUTS) return;

  const rows = from[0]!;
  const feed = (values: (i: number, row: number) => number): Feed => {
    const data = Float32Array.from({ length: rows * inputs }, (_, e) => values(e % inputs, Math.floor(e / inputs)));
    return { dims: from, data };
  };
  const random = feed((i, row) => Math.sin(1 + i * 1.7 + row * 0.9) * (1 + (i % 5)));
  function* feeds(): Generator<Feed> {
    yield feed(() => 0);
    yield random;
    for (let unit = 0; unit < inputs; unit++) yield feed((i) => (i === unit ? PROBE : 0));
  }
  const answers = await runNode(rewriter, node, from.length, feeds());
  const [zero, mixed, ...columns] = answers as [Value, Value, ...Value[]];
  const offset = Float32Array.from({ length: outputs }, (_, o) => Number(zero.data[o]));
  const matrix = new Float32Array(inputs * outputs);
  columns.forEach(({ data }, i) => {
    for (let o = 0; o < outputs; o++) matrix[i * outputs + o] = (Number(data[o]) - offset[o]!) / PROBE;
  });
  if (!isAffine(matrix, offset, random.data, mixed)) return;
  write(rewriter, original, node.inputs[0]!, { matrix, offset, inputs, outputs, shape: to.slice(1) });
}

/** Whether the samples of a batch do not meet, and nothing but the matrix and the offset is applied to each. */
function isAffine(matrix: Float32Array, offset: Float32Array, given: Float32Array, found: Value): boolean {
  const outputs = offset.length;
  const inputs = matrix.length / outputs;
  return Array.from({ length: found.data.length }, (_, e) => e).every((e) => {
    const [o, row] = [e % outputs, Math.floor(e / outputs)];
    let [sum, size] = [offset[o]!, Math.abs(offset[o]!)];
    for (let i = 0; i < inputs; i++) {
      const term = given[row * inputs + i]! * matrix[i * outputs + o]!;
      sum += term;
      size += Math.abs(term);
    }
    return Math.abs(sum - Number(found.data[e])) <= 1e-5 * size;
  });
}

interface Affine {
  /** [inputs, outputs]. */
  readonly matrix: Float32Array;
  readonly offset: Float32Array;
  readonly inputs: number;
  readonly outputs: number;
  readonly shape: readonly number[];
}

/** For each output, the only input that it is equal to; null if the matrix does more than choose. */
function choice({ matrix, inputs, outputs }: Affine): number[] | null {
  const chosen = Array.from({ length: outputs }, () => -1);
  for (let i = 0; i < inputs; i++) {
    for (let o = 0; o < outputs; o++) {
      const value = matrix[i * outputs + o];
      if (value === 0) continue;
      if (value !== 1 || chosen[o] !== -1) return null;
      chosen[o] = i;
    }
  }
  return chosen.includes(-1) ? null : chosen;
}

function write(rewriter: Rewriter, node: OnnxNode, x: string, affine: Affine): void {
  const { matrix, offset, inputs, outputs, shape } = affine;
  rewriter.replace(node, (make) => {
    const flat = make.op('Reshape', [x, make.integers([-1, inputs])]);
    const chosen = choice(affine);
    let result =
      chosen === null
        ? make.op('MatMul', [flat, make.floats([inputs, outputs], matrix)])
        : make.op('Gather', [flat, make.integers(chosen)], { axis: 1 });
    if (offset.some((value) => value !== 0)) result = make.op('Add', [result, make.floats([outputs], offset)]);
    return make.op('Reshape', [result, make.integers([-1, ...shape])]);
  });
}
