/** Tensors that grow with the batch and nothing else, in a form that does not: −1 in a target, or one row for all. */
import { firstDifference } from '../../../certify-runtime/trusted/onnx/wire.ts';
import { readAttribute } from '../onnx/attribute.ts';
import type { RawNode } from '../onnx/raw.ts';
import { type RawTensor, valuesOf } from '../onnx/tensor.ts';

/** A tensor at each of several batch sizes. */
type AtBatches = ReadonlyMap<number, RawTensor>;

export const same = (a: RawTensor, b: RawTensor) =>
  a.type === b.type && `${a.dims}` === `${b.dims}` && firstDifference(a.bytes, b.bytes) < 0;

/** The names of the forms that a tensor has. */
export interface BatchForms {
  readonly target?: string;
  readonly row?: string;
}

/** The target of a Reshape with −1 where it is a multiple of the batch size; null if there is not one such entry. */
export function freeTarget(values: AtBatches): RawTensor | null {
  const tensors = [...values.values()];
  const [{ type, dims }] = tensors as [RawTensor];
  if (type !== 'int64' || dims.length !== 1 || tensors.some((tensor) => `${tensor.dims}` !== `${dims}`)) return null;
  const lists = [...values].map(([n, { bytes }]) => ({ n: BigInt(n), list: valuesOf('int64', bytes) }));
  const [first] = lists as [(typeof lists)[number]];
  const free = [...first.list.keys()].filter((i) => lists.some(({ list }) => list[i] !== first.list[i]));
  const [i, ...more] = free;
  if (i === undefined || more.length > 0) return null;
  const multiple = lists.every(({ n, list }) => list[i]! * first.n === first.list[i]! * n);
  if (!multiple || first.list.some((size, axis) => axis !== i && size <= 0n)) return null;
  const target = first.list.map((size, axis) => (axis === i ? -1n : size));
  return { type, dims, bytes: new Uint8Array(target.buffer) };
}

/** The row [1, …] of a tensor that has it once for each image; null if it is not such a tensor. */
export function rowOf(values: AtBatches): RawTensor | null {
  let row: RawTensor | null = null;
  for (const [n, { type, dims, bytes }] of values) {
    if (dims[0] !== n) return null;
    const size = bytes.length / n;
    for (let i = 0; i < n; i++) {
      const own: RawTensor = { type, dims: [1, ...dims.slice(1)], bytes: bytes.subarray(i * size, (i + 1) * size) };
      row ??= own;
      if (!same(row, own)) return null;
    }
  }
  return row;
}

/** Operators that stretch a row to all images. */
const STRETCHING = new Set(['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Sum', 'PRelu']);

/** What the node may read as its input i in place of a tensor with these forms; a Concat's row is stretched later. */
export function inputFor(node: RawNode, i: number, forms: BatchForms | undefined): string | undefined {
  if (forms === undefined || node.domain !== '') return undefined;
  if (node.op === 'Reshape') return i === 1 ? forms.target : undefined;
  if (STRETCHING.has(node.op)) return forms.row;
  return node.op === 'Concat' && joinsWithin(node) ? forms.row : undefined;
}

/** Whether a Concat joins along an axis that is not the batch. */
function joinsWithin({ attributes }: RawNode): boolean {
  const axis = attributes.find(({ name }) => name === 'axis');
  const value = axis === undefined ? undefined : readAttribute(axis, false);
  return value?.kind === 'int' && value.value !== 0n;
}
