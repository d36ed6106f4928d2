/** Brings operators that only move values into the forms that have a rule, and takes out those that move nothing. */
import type { OnnxNode } from '../../../certify-runtime/trusted/onnx/model.ts';
import { integerOf, without } from '../graph-draft.ts';
import { positive, type Rewriter, textOf } from './rewriter.ts';

type Rewrite = (rewriter: Rewriter, node: OnnxNode) => void;

/** Exporters write "to the end" as a number that no axis reaches. */
const END = 1e9;

interface Range {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

function isWhole({ axis, start, end, step }: Range, dim: number, batch: number | null): boolean {
  if (step !== 1) return false;
  // The size of a free batch is not known.
  if (axis === 0 && batch === null) return start === 0 && end >= END;
  return (start === 0 || start <= -dim) && end >= dim;
}

/** Leaves out the axes that a Slice takes whole, also the batch. */
function slice(rewriter: Rewriter, node: OnnxNode): void {
  const dims = rewriter.dims(node.inputs[0]);
  const [starts, ends] = [1, 2].map((i) => rewriter.integers(node.inputs[i]));
  if (dims === undefined || starts === undefined || ends === undefined) return;
  const axes = (node.inputs[3] ?? '') === '' ? starts.map((_, i) => i) : rewriter.integers(node.inputs[3]);
  const steps = (node.inputs[4] ?? '') === '' ? starts.map(() => 1) : rewriter.integers(node.inputs[4]);
  if (axes === undefined || steps === undefined) return;
  const ranges = starts.map((start, i): Range => {
    return { axis: positive(axes[i]!, dims.length), start, end: ends[i]!, step: steps[i]! };
  });
  const kept = ranges.filter((range) => !isWhole(range, dims[range.axis]!, rewriter.batch));
  if (kept.length === ranges.length) return;
  rewriter.replace(node, (make) => {
    if (kept.length === 0) return node.inputs[0]!;
    const list = (of: (range: Range) => number) => make.integers(kept.map(of));
    // Numbers beyond 2⁵³ have been rounded; they mean the end all the same.
    const near = (value: number) => Math.max(-(2 ** 31), Math.min(2 ** 31, value));
    const bounds = [list(({ start }) => near(start)), list(({ end }) => near(end))];
    return make.op('Slice', [node.inputs[0]!, ...bounds, list(({ axis }) => axis), list(({ step }) => step)]);
  });
}

/** Pads of every axis, none of them negative; `wrap` as parts of the tensor put together. */
function pad(rewriter: Rewriter, node: OnnxNode): void {
  const [x, , value, axesName] = node.inputs as [string, string, string?, string?];
  const dims = rewriter.dims(x);
  const given = rewriter.integers(node.inputs[1]);
  if (dims === undefined || given === undefined) return;
  const rank = dims.length;
  const all = dims.map((_, axis) => axis);
  const axes = (axesName ?? '') === '' ? all : rewriter.integers(axesName)?.map((axis) => positive(axis, rank));
  if (axes === undefined || given.length !== 2 * axes.length) return;
  const pads = Array<number>(2 * rank).fill(0);
  axes.forEach((axis, i) => {
    pads[axis] = given[i]!;
    pads[axis + rank] = given[i + axes.length]!;
  });
  const wraps = textOf(node, 'mode', 'constant') === 'wrap';
  const crops = pads.some((size) => size < 0);
  if (!wraps && !crops && (axesName ?? '') === '') return;
  rewriter.replace(node, (make) => {
    let tensor = x;
    if (crops) {
      const cropped = all.filter((axis) => pads[axis]! < 0 || pads[axis + rank]! < 0);
      const starts = cropped.map((axis) => Math.max(0, -pads[axis]!));
      const ends = cropped.map((axis) => dims[axis]! + Math.min(0, pads[axis + rank]!));
      tensor = make.op('Slice', [tensor, make.integers(starts), make.integers(ends), make.integers(cropped)]);
    }
    const kept = pads.map((size) => Math.max(0, size));
    if (!wraps) {
      if (kept.every((size) => size === 0)) return tensor;
      const rest = (value ?? '') === '' ? [] : [value!];
      return make.like(node, [tensor, make.integers(kept), ...rest]);
    }
    for (const axis of all) {
      const [before, after, dim] = [kept[axis]!, kept[axis + rank]!, dims[axis]!];
      const part = (start: number, end: number) =>
        make.op('Slice', [tensor, make.integers([start]), make.integers([end]), make.integers([axis])]);
      const parts = [...(before > 0 ? [part(dim - before, dim)] : []), tensor, ...(after > 0 ? [part(0, after)] : [])];
      if (parts.length > 1) tensor = make.op('Concat', parts, { axis });
    }
    return tensor;
  });
}

const BROADCASTING = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Max',
  'Min',
  'Where',
  'Less',
  'LessOrEqual',
  'Greater',
  'GreaterOrEqual',
]);

/** A number that is repeated to the shape of a batch is the number, if all who read it have that shape by another input. */
function fill(rewriter: Rewriter, node: OnnxNode): boolean {
  const { draft } = rewriter;
  const [output] = node.outputs as [string];
  const value = node.op === 'ConstantOfShape' ? filled(node) : rewriter.scalar(node.inputs[0]);
  const dims = rewriter.dims(output);
  if (value === undefined || dims === undefined || rewriter.type(output) !== 'float32') return false;
  const fits = draft.nodes
    .filter(({ inputs }) => inputs.includes(output))
    .every(({ op, inputs }) => {
      return BROADCASTING.has(op) && inputs.some((name) => name !== output && `${rewriter.dims(name)}` === `${dims}`);
    });
  if (!fits || draft.outputs.some(({ name }) => name === output)) return false;
  rewriter.replace(node, (make) => make.scalar(value));
  return true;
}

/** What a ConstantOfShape fills with. */
function filled(node: OnnxNode): number {
  const value = node.attributes.get('value');
  return value?.kind === 'tensor' ? Number(value.value.data[0]) : 0;
}

/** A choice by a constant is a product with ones and zeros, and what stands where the zeros are. */
function chosen(rewriter: Rewriter, node: OnnxNode): void {
  const mask = rewriter.constant(node.inputs[0]);
  const [a, b] = node.inputs.slice(1) as [string, string];
  const [i, x, other] = rewriter.constant(a) === undefined ? [1, a, b] : [0, b, a];
  const values = rewriter.floats(other);
  if (mask?.type !== 'bool' || values === undefined || rewriter.constant(x) !== undefined) return;
  if (`${rewriter.dims(x)}` !== `${rewriter.dims(node.outputs[0])}`) return;
  const kept = Float32Array.from(mask.data as Uint8Array, (value) => (value === i ? 1 : 0));
  const same = `${rewriter.dims(other)}` === `${mask.dims}`;
  if (!same && values.length !== 1) return;
  const filling = kept.map((keep, e) => (keep === 1 ? 0 : values[values.length === 1 ? 0 : e]!));
  rewriter.replace(node, (make) => {
    const product = make.op('Mul', [x, make.floats(mask.dims, kept)]);
    return filling.every((value) => value === 0) ? product : make.op('Add', [product, make.floats(mask.dims, filling)]);
  });
}

/** Windows that reach beyond the input by ceil_mode alone count what they hold, if nothing is padded. */
function averagePool(rewriter: Rewriter, node: OnnxNode): void {
  const pads = node.attributes.get('pads');
  const padded = pads?.kind === 'ints' && pads.value.some((size) => size !== 0n);
  const whole = integerOf(node, 'ceil_mode', 0) === 1 && integerOf(node, 'count_include_pad', 0) === 1;
  if (padded || !whole || textOf(node, 'auto_pad', 'NOTSET') !== 'NOTSET') return;
  rewriter.replace(node, (make) => make.like({ ...node, attributes: without(node, 'count_include_pad') }, node.inputs));
}

/** Expand and Tile of a tensor: a Gather that takes positions again and again. */
function repeat(rewriter: Rewriter, node: OnnxNode): void {
  if (fill(rewriter, node)) return;
  // What is no scalar, but constant, is left to the folding of constants.
  if (rewriter.constant(node.inputs[0]) !== undefined) return;
  const [from, to] = [rewriter.dims(node.inputs[0]), rewriter.dims(node.outputs[0])];
  if (from === undefined || to === undefined || to.length !== from.length || from[0] !== to[0]) return;
  rewriter.replace(node, (make) => {
    let tensor = node.inputs[0]!;
    from.forEach((dim, axis) => {
      if (dim === to[axis]) return;
      const positions = Array.from({ length: to[axis]! }, (_, i) => i % dim);
      tensor = make.op('Gather', [tensor, make.integers(positions)], { axis });
    });
    return tensor;
  });
}

/** A Cast of float32 to itself. */
function cast(rewriter: Rewriter, node: OnnxNode): void {
  const [x] = node.inputs as [string];
  const same = rewriter.type(x) === 'float32' && rewriter.type(node.outputs[0]!) === 'float32';
  if (same) rewriter.replace(node, () => x);
}

/** A Concat, Max, Min, Sum or Mean of one tensor, and a Split into one part. */
function single(rewriter: Rewriter, node: OnnxNode): void {
  if (node.inputs.filter((name) => name !== '').length !== 1) return;
  rewriter.replace(node, () => node.inputs[0]!);
}

function split(rewriter: Rewriter, node: OnnxNode): void {
  if (node.outputs.length === 1) rewriter.replace(node, () => node.inputs[0]!);
}

/** The mean of several tensors is their sum over their number. */
function mean(rewriter: Rewriter, node: OnnxNode): void {
  if (node.inputs.length === 1) single(rewriter, node);
  else rewriter.replace(node, (make) => make.op('Div', [make.op('Sum', node.inputs), make.scalar(node.inputs.length)]));
}

/** A reduction without axes goes over all of a sample if the file fixes the batch to 1, and over nothing if it says so. */
function reduce(rewriter: Rewriter, node: OnnxNode): void {
  const [x, axesName] = node.inputs as [string, string?];
  const dims = rewriter.dims(x);
  const axes = (axesName ?? '') === '' ? [] : rewriter.integers(axesName);
  if (dims === undefined || axes === undefined) return;
  if (axes.length === 0 && integerOf(node, 'noop_with_empty_axes', 0) === 1) {
    rewriter.replace(node, () => x);
    return;
  }
  const all = axes.length === 0 ? dims.map((_, axis) => axis) : axes.map((axis) => positive(axis, dims.length));
  // The batch axis of one sample may be reduced as well, if it is kept.
  if (!all.includes(0) || rewriter.batch !== 1 || dims[0] !== 1 || integerOf(node, 'keepdims', 1) !== 1) return;
  rewriter.replace(node, (make) => make.like(node, [x, make.integers(all.filter((axis) => axis > 0))]));
}

/** A choice of positions by a constant. */
function compress(rewriter: Rewriter, node: OnnxNode): void {
  const kept = rewriter.constant(node.inputs[1]);
  const axis = integerOf(node, 'axis', Number.NaN);
  if (kept?.type !== 'bool' || axis === undefined || Number.isNaN(axis)) return;
  const positions = Array.from(kept.data, Number).flatMap((keep, i) => (keep === 1 ? [i] : []));
  rewriter.replace(node, (make) => make.op('Gather', [node.inputs[0]!, make.integers(positions)], { axis }));
}

/** A Squeeze without axes takes out every axis of 1 but the batch, which the file may have fixed to 1. */
export function statedAxes(rewriter: Rewriter): boolean {
  let changed = false;
  for (const node of [...rewriter.draft.nodes]) {
    const dims = rewriter.dims(node.inputs[0]);
    if (node.op !== 'Squeeze' || (node.inputs[1] ?? '') !== '' || dims === undefined) continue;
    const axes = dims.flatMap((dim, axis) => (axis > 0 && dim === 1 ? [axis] : []));
    rewriter.replace(node, (make) => make.op('Squeeze', [node.inputs[0]!, make.integers(axes)]));
    changed = true;
  }
  return changed;
}

/** Blocks of places become channels: [C, H, W] as [C, H/b, b, W/b, b]. */
function spaceToDepth(rewriter: Rewriter, node: OnnxNode): void {
  const dims = rewriter.dims(node.inputs[0]);
  const b = integerOf(node, 'blocksize', 0);
  if (dims?.length !== 4 || !b) return;
  const [, c, h, w] = dims as [number, number, number, number];
  rewriter.replace(node, (make) => {
    const blocks = make.op('Reshape', [node.inputs[0]!, make.integers([-1, c, h / b, b, w / b, b])]);
    const moved = make.op('Transpose', [blocks], { perm: [0, 3, 5, 1, 2, 4] });
    return make.op('Reshape', [moved, make.integers([-1, c * b * b, h / b, w / b])]);
  });
}

/** Channels become blocks of places; DCR has the place in front of the channel, CRD behind it. */
function depthToSpace(rewriter: Rewriter, node: OnnxNode): void {
  const dims = rewriter.dims(node.inputs[0]);
  const b = integerOf(node, 'blocksize', 0);
  if (dims?.length !== 4 || !b) return;
  const [, channels, h, w] = dims as [number, number, number, number];
  const c = channels / (b * b);
  const crd = textOf(node, 'mode', 'DCR') === 'CRD';
  rewriter.replace(node, (make) => {
    const shape = crd ? [-1, c, b, b, h, w] : [-1, b, b, c, h, w];
    const blocks = make.op('Reshape', [node.inputs[0]!, make.integers(shape)]);
    const moved = make.op('Transpose', [blocks], { perm: crd ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2] });
    return make.op('Reshape', [moved, make.integers([-1, c, h * b, w * b])]);
  });
}

export const MOVES: Readonly<Record<string, Rewrite>> = {
  Slice: slice,
  Pad: pad,
  ConstantOfShape: fill,
  Expand: repeat,
  Tile: repeat,
  Cast: cast,
  CastLike: cast,
  Concat: single,
  Max: single,
  Min: single,
  Sum: single,
  Mean: mean,
  Split: split,
  ReduceMean: reduce,
  ReduceSum: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  Where: chosen,
  Compress: compress,
  AveragePool: averagePool,
  SpaceToDepth: spaceToDepth,
  DepthToSpace: depthToSpace,
};
