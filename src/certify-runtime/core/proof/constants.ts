/** Values that do not depend on the pixels: Constant nodes, rearranged constants, and integers computed from shapes. */

import { ElementType, type Tensor } from '../onnx/model.ts';
import { type ShapeEntry, shapeValue } from './shape-value.ts';
import type { Constant, Site, Value } from './site.ts';

/** The output of a node that does not depend on the pixels, or null where it does. */
export function constantResult(site: Site): Value | null {
  const { op, inputs } = site.node;
  if (op === 'Constant') return constantNode(site);
  if (op === 'Shape') return shapeOf(site);
  const values = inputs.map((_, i) => (site.has(i) ? site.value(i) : null));
  if (values.length === 0 || values.some((value) => value?.kind === 'data')) return null;
  if (op === 'Identity') return site.value(0);
  return site.refuse('this operator has no rule for constants');
}

function constantNode(site: Site): Constant {
  const attributes = [...site.node.attributes];
  const [name, attribute] = attributes[0] ?? ['', undefined];
  if (attributes.length !== 1 || attribute === undefined) site.refuse('must have exactly one value');
  const make = (type: Tensor['type'], dims: number[], data: Tensor['data']): Constant => ({
    kind: 'constant',
    tensor: { name: site.node.outputs[0] ?? '', type, dims, data },
  });
  if (name === 'value' && attribute.kind === 'tensor') return { kind: 'constant', tensor: attribute.value };
  if (name === 'value_float' && attribute.kind === 'float')
    return make('float32', [], Float32Array.of(attribute.value));
  if (name === 'value_floats' && attribute.kind === 'floats') {
    return make('float32', [attribute.value.length], Float32Array.from(attribute.value));
  }
  if (name === 'value_int' && attribute.kind === 'int') return make('int64', [], BigInt64Array.of(attribute.value));
  if (name === 'value_ints' && attribute.kind === 'ints') {
    return make('int64', [attribute.value.length], BigInt64Array.from(attribute.value));
  }
  return site.refuse(`${name} has no rule`);
}

/** Shape of a tensor, from `start` to `end`: its dimension 0 is k·N. */
function shapeOf(site: Site): Value {
  const value = site.value(0);
  if (value.kind === 'shape') site.refuse('the shape of a shape has no rule');
  const dims: ShapeEntry[] =
    value.kind === 'constant'
      ? value.tensor.dims.map((constant) => ({ perSample: 0, constant }))
      : value.shape.map((dim, axis) => (axis === 0 ? batchEntry(site, dim) : { perSample: 0, constant: dim }));
  const start = site.int('start', 0);
  const end = site.int('end', dims.length);
  return shapeValue(dims.slice(start, end));
}

function batchEntry(site: Site, rows: number): ShapeEntry {
  const { batch } = site.walk;
  return batch === null ? { perSample: rows, constant: 0 } : { perSample: 0, constant: rows * batch };
}

void ElementType;
