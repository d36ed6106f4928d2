/** Infinite bounds and padding that decide nothing, and the refusal of numbers that are not finite anywhere else. */
import { UnprovableError } from '../../../certify-runtime/trusted/errors.ts';
import type { OnnxNode, Tensor } from '../../../certify-runtime/trusted/onnx/model.ts';
import { quote } from '../../../certify-runtime/trusted/onnx/wire.ts';
import { type GraphDraft, integerOf } from '../graph-draft.ts';

const LARGEST = 2 ** 128 - 2 ** 104;

/** The one number that input i holds as a constant; undefined if it does not. */
function numberAt(draft: GraphDraft, node: OnnxNode, i: number): number | undefined {
  const data = draft.initializers.get(node.inputs[i] ?? '')?.data;
  return data instanceof Float32Array && data.length === 1 ? data[0] : undefined;
}

/** A bound that no finite number crosses is left out; without any, a Clip is the identity. */
function dropBounds(draft: GraphDraft, node: OnnxNode): void {
  const [x, low = '', high = ''] = node.inputs;
  const min = (numberAt(draft, node, 1) ?? 0) <= -LARGEST ? '' : low;
  const max = (numberAt(draft, node, 2) ?? 0) >= LARGEST ? '' : high;
  if (min === low && max === high) return;
  if (min === '' && max === '') draft.bypass(node, node.outputs[0]!, x!);
  else draft.replace(node, { inputs: max === '' ? [x!, min] : [x!, min, max] });
}

/** The padding [before…, after…] of the spatial axes; null if other axes are padded, or anything is cropped. */
function spatialPads(draft: GraphDraft, pad: OnnxNode): bigint[] | null {
  const data = draft.initializers.get(pad.inputs[1] ?? '')?.data;
  if (!(data instanceof BigInt64Array) || (pad.inputs[3] ?? '') !== '') return null;
  const half = data.length / 2;
  const [begin, end] = [data.slice(0, half), data.slice(half)];
  const outside = [...begin.slice(0, 2), ...end.slice(0, 2)];
  if (outside.some((size) => size !== 0n) || data.some((size) => size < 0n)) return null;
  return [...begin.slice(2), ...end.slice(2)];
}

/** Padding with the smallest number in front of a MaxPool is the padding that a MaxPool does itself. */
function mergePad(draft: GraphDraft, pad: OnnxNode): void {
  const mode = pad.attributes.get('mode');
  if (mode !== undefined && mode.value !== 'constant') return;
  if (!((numberAt(draft, pad, 2) ?? 0) <= -LARGEST)) return;
  const pads = spatialPads(draft, pad);
  const readers = draft.nodes.filter(({ inputs }) => inputs.includes(pad.outputs[0]!));
  const output = draft.outputs.some(({ name }) => name === pad.outputs[0]);
  if (pads === null || output || readers.length === 0 || !readers.every((node) => takes(node, pads))) return;
  for (const node of readers) {
    const own = node.attributes.get('pads');
    const before = own?.kind === 'ints' ? own.value : pads.map(() => 0n);
    const merged = { kind: 'ints', value: pads.map((size, i) => size + before[i]!) } as const;
    draft.replace(node, { attributes: new Map([...node.attributes, ['pads', merged]]) });
  }
  draft.bypass(pad, pad.outputs[0]!, pad.inputs[0]!);
}

/** Whether a node is a MaxPool that may pad that much: less than its window, so that each window has a pixel. */
function takes(node: OnnxNode, pads: readonly bigint[]): boolean {
  if (node.op !== 'MaxPool' || (node.outputs[1] ?? '') !== '') return false;
  const kernel = node.attributes.get('kernel_shape');
  const own = node.attributes.get('pads');
  const auto = node.attributes.get('auto_pad')?.value ?? 'NOTSET';
  if (auto !== 'NOTSET' || kernel?.kind !== 'ints' || 2 * kernel.value.length !== pads.length) return false;
  if (integerOf(node, 'ceil_mode', 0) !== 0) return false;
  const before = own?.kind === 'ints' ? own.value : pads.map(() => 0n);
  return pads.every((size, i) => size + before[i]! < kernel.value[i % kernel.value.length]!);
}

/** Call it when all operators are of set 18. */
export function dropInfinite(draft: GraphDraft): void {
  for (const node of [...draft.nodes]) {
    const current = draft.producer(node.outputs[0] ?? '');
    if (current?.op === 'Clip') dropBounds(draft, current);
    if (current?.op === 'Pad') mergePad(draft, current);
  }
}

function notFinite({ data }: Tensor): number {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return -1;
  return data.findIndex((value) => !Number.isFinite(value));
}

/** @throws UnprovableError if a number that the network computes with is not finite */
export function refuseNonFinite(draft: GraphDraft): void {
  for (const node of draft.nodes) {
    const place = `${node.op} ${quote(node.name || (node.outputs[0] ?? ''))}`;
    for (const name of node.inputs) {
      const tensor = draft.initializers.get(name);
      const i = tensor === undefined ? -1 : notFinite(tensor);
      if (i < 0) continue;
      throw new UnprovableError(
        `${place} computes with ${tensor!.data[i]} (value ${i} of ${quote(name)}): the training went wrong, or the export; mend the weights`,
        { tensor: name, index: i },
      );
    }
    for (const [name, { kind, value }] of node.attributes) {
      const numbers = kind === 'float' || kind === 'floats' ? [value].flat() : [];
      if (numbers.every(Number.isFinite)) continue;
      throw new UnprovableError(`${place}: attribute ${name} is ${value}; export the model with a finite number`, {
        attribute: name,
      });
    }
  }
}
