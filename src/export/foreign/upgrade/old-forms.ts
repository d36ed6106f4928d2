/** Forms of operator sets 7 to 10 that later ones express differently: numbers that were attributes are inputs. */
import { UnprovableError } from '../../../certify-runtime/trusted/errors.ts';
import type { OnnxNode } from '../../../certify-runtime/trusted/onnx/model.ts';
import { type GraphDraft, integerOf, without } from '../graph-draft.ts';

const LARGEST = 2 ** 128 - 2 ** 104;

type Upgrade = (draft: GraphDraft, node: OnnxNode) => OnnxNode;

function intsOf(node: OnnxNode, name: string): readonly bigint[] | undefined {
  const attribute = node.attributes.get(name);
  return attribute?.kind === 'ints' ? attribute.value : undefined;
}

function floatOf(node: OnnxNode, name: string, otherwise: number): number {
  const attribute = node.attributes.get(name);
  return attribute?.kind === 'float' ? attribute.value : otherwise;
}

/** A constant of the name of the attribute that it was. */
function scalar(draft: GraphDraft, node: OnnxNode, name: string, value: number): string {
  const wish = `${node.outputs[0]}/${name}`;
  return draft.constant(wish, { type: 'float32', dims: [], data: Float32Array.of(value) });
}

function lists(draft: GraphDraft, node: OnnxNode, ...names: readonly string[]): string[] {
  return names.map((name) => {
    const list = intsOf(node, name);
    return list === undefined ? '' : draft.integers(`${node.outputs[0]}/${name}`, list);
  });
}

/** The bounds that are left out are the largest numbers, which bound nothing. */
function clip(draft: GraphDraft, node: OnnxNode): OnnxNode {
  const [min, max] = [floatOf(node, 'min', -LARGEST), floatOf(node, 'max', LARGEST)];
  const low = min <= -LARGEST ? '' : scalar(draft, node, 'min', min);
  const high = max >= LARGEST ? [] : [scalar(draft, node, 'max', max)];
  return draft.replace(node, { inputs: [node.inputs[0]!, low, ...high], attributes: without(node, 'min', 'max') });
}

function pad(draft: GraphDraft, node: OnnxNode): OnnxNode {
  const value = floatOf(node, 'value', 0);
  const inputs = [node.inputs[0]!, ...lists(draft, node, 'pads')];
  if (!Object.is(value, 0)) inputs.push(scalar(draft, node, 'value', value));
  return draft.replace(node, { inputs, attributes: without(node, 'pads', 'value') });
}

function slice(draft: GraphDraft, node: OnnxNode): OnnxNode {
  const [starts, ends, axes] = lists(draft, node, 'starts', 'ends', 'axes') as [string, string, string];
  const inputs = [node.inputs[0]!, starts, ends, ...(axes === '' ? [] : [axes])];
  return draft.replace(node, { inputs, attributes: without(node, 'starts', 'ends', 'axes') });
}

function topK(draft: GraphDraft, node: OnnxNode): OnnxNode {
  const k = draft.integers(`${node.outputs[0]}/k`, [BigInt(integerOf(node, 'k', 0) ?? 0)]);
  return draft.replace(node, { inputs: [node.inputs[0]!, k], attributes: without(node, 'k') });
}

function batchNormalization(draft: GraphDraft, node: OnnxNode): OnnxNode {
  if (integerOf(node, 'spatial', 1) !== 1) {
    throw new UnprovableError(
      `BatchNormalization '${node.name}': spatial = 0 has no form in opset 18; export the model again with opset 9 or later`,
    );
  }
  return draft.replace(node, { attributes: without(node, 'spatial') });
}

/** Upsample and the first Resize take the pixel at ⌊i/scale⌋, or interpolate from there. */
function resize(draft: GraphDraft, node: OnnxNode): OnnxNode {
  const given = node.attributes.get('scales');
  const scales =
    given?.kind === 'floats'
      ? draft.constant(`${node.outputs[0]}/scales`, {
          type: 'float32',
          dims: [given.value.length],
          data: Float32Array.from(given.value),
        })
      : (node.inputs[1] ?? '');
  const attributes = new Map([
    ...without(node, 'scales'),
    ['coordinate_transformation_mode', { kind: 'string', value: 'asymmetric' } as const] as const,
    ['nearest_mode', { kind: 'string', value: 'floor' } as const] as const,
  ]);
  return draft.replace(node, { op: 'Resize', inputs: [node.inputs[0]!, '', scales], attributes });
}

/** The form that lasted up to, but not including, this set. */
const OLD: Readonly<Record<string, readonly [before: number, upgrade: Upgrade]>> = {
  BatchNormalization: [9, batchNormalization],
  Clip: [11, clip],
  Pad: [11, pad],
  Resize: [11, resize],
  Slice: [10, slice],
  TopK: [10, topK],
  Upsample: [Number.POSITIVE_INFINITY, resize],
};

/** @throws UnprovableError if a form has no counterpart in set 18 */
export function upgradeOld(draft: GraphDraft, node: OnnxNode, opset: number): OnnxNode {
  const [before, upgrade] = Object.hasOwn(OLD, node.op) ? OLD[node.op]! : [0, null];
  return upgrade !== null && opset < before ? upgrade(draft, node) : node;
}
