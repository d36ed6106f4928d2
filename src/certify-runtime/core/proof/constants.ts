/** Values that do not depend on the pixels: rearranged constants, and integers computed from shapes. */

import { ElementType } from '../onnx/model.ts';
import { transposeIndex } from './rearrange.ts';
import type { Fold } from './rule.ts';
import { type ShapeEntry, type ShapeValue, shapeValue } from './shape-value.ts';
import type { Site, Value } from './site.ts';
import { product } from './state.ts';

/** The output of a node whose inputs are constants or shapes; Shape's input may be anything. */
export const folds: ReadonlyMap<string, Fold> = new Map([
  ['Shape', shapeOf],
  ['Identity', (site: Site): Value => site.value(0)],
  ['Cast', castIntegers],
  ['Gather', gatherEntries],
  ['Slice', sliceEntries],
  ['Concat', concatEntries],
  ['Unsqueeze', (site: Site): Value => withAxes(site, 'add')],
  ['Squeeze', (site: Site): Value => withAxes(site, 'remove')],
  ['Reshape', reshapeConstant],
  ['Transpose', transposeConstant],
  ['Mul', arithmetic],
  ['Div', arithmetic],
]);

/** Shape of a tensor: its dimension 0 is k·N. */
function shapeOf(site: Site): ShapeValue {
  const value = site.value(0);
  if (value.kind === 'shape') site.refuse('the shape of a shape has no rule');
  const fixed = (constant: number): ShapeEntry => ({ perSample: 0, constant });
  const { batch } = site.walk;
  const dims =
    value.kind === 'constant'
      ? value.tensor.dims.map(fixed)
      : value.shape.map((dim, axis): ShapeEntry => {
          if (axis !== 0) return fixed(dim);
          return batch === null ? { perSample: dim, constant: 0 } : fixed(dim * batch);
        });
  return shapeValue(dims.slice(site.int('start', 0), site.int('end', dims.length)));
}

/** Input i as integers that may depend on the batch size. */
function integersOf(site: Site, i: number): ShapeValue {
  const value = site.value(i);
  if (value.kind === 'shape') return value;
  const { dims } = site.constant(i);
  if (dims.length > 1) site.refuse(`integers of shape [${dims}] have no rule`);
  return shapeValue(
    site.integers(i).map((constant) => ({ perSample: 0, constant })),
    dims.length === 0 ? 0 : 1,
  );
}

/** Integers stay what they are: their sizes are far below the 2³¹ that int32 could cut off. */
function castIntegers(site: Site): Value {
  const to = site.int('to', 0);
  const value = site.value(0);
  if (value.kind === 'constant' && ElementType[value.tensor.type] === to) return value;
  if (to !== ElementType.int64 && to !== ElementType.int32) site.refuse('only casts between integers have a rule');
  return integersOf(site, 0);
}

function gatherEntries(site: Site): Value {
  const { entries } = integersOf(site, 0);
  const indices = integersOf(site, 1);
  if (site.int('axis', 0) !== 0) site.refuse('only axis 0 of integers has a rule');
  const picked = site.integers(1).map((i) => entries[i < 0 ? i + entries.length : i] ?? site.refuse(`index ${i}`));
  return shapeValue(picked, indices.rank);
}

function sliceEntries(site: Site): Value {
  const { entries } = integersOf(site, 0);
  const one = (i: number, otherwise: number): number => {
    const values = site.has(i) ? site.integers(i) : [otherwise];
    return values.length === 1 ? values[0]! : site.refuse(`input ${i} has ${values.length} entries`);
  };
  if (!site.has(1) || one(3, 0) !== 0 || one(4, 1) !== 1) site.refuse('only a plain range of integers has a rule');
  return shapeValue(entries.slice(one(1, 0), one(2, entries.length)));
}

function concatEntries(site: Site): Value {
  const parts = site.node.inputs.map((_, i) => integersOf(site, i));
  if (parts.some(({ rank }) => rank === 0) || ![0, -1].includes(site.int('axis', 0)))
    site.refuse('only lists of integers have a rule');
  return shapeValue(parts.flatMap(({ entries }) => entries));
}

/** Unsqueeze or Squeeze: of a list of integers, or of a constant's dimensions. */
function withAxes(site: Site, change: 'add' | 'remove'): Value {
  const value = site.value(0);
  if (value.kind === 'shape') {
    if (value.entries.length !== 1) site.refuse('only one integer has a rule');
    return shapeValue(value.entries, change === 'add' ? 1 : 0);
  }
  const tensor = site.constant(0);
  const rank = tensor.dims.length;
  const axes = site.has(1) ? site.integers(1) : (site.ints('axes') ?? site.refuse('its axes are missing'));
  const total = change === 'add' ? rank + axes.length : rank;
  const chosen = new Set(axes.map((axis) => (axis < 0 ? axis + total : axis)));
  const rest = [...tensor.dims];
  const dims =
    change === 'add'
      ? Array.from({ length: total }, (_, axis) => (chosen.has(axis) ? 1 : rest.shift()!))
      : rest.filter((_, axis) => !chosen.has(axis));
  if (
    chosen.size !== axes.length ||
    product(dims) !== product(tensor.dims) ||
    rest.length === (change === 'add' ? 1 : -1)
  ) {
    site.refuse(`axes [${axes}] do not fit [${tensor.dims}]`);
  }
  return { kind: 'constant', tensor: { ...tensor, dims } };
}

function reshapeConstant(site: Site): Value {
  const tensor = site.constant(0);
  const target = site.integers(1).map((dim, axis) => (dim === 0 ? (tensor.dims[axis] ?? 0) : dim));
  const free = target.indexOf(-1);
  if (free >= 0) target[free] = -product(tensor.dims) / product(target);
  const fits = product(target) === product(tensor.dims) && target.every((dim) => Number.isInteger(dim) && dim > 0);
  if (!fits || site.int('allowzero', 0) !== 0) site.refuse(`[${tensor.dims}] does not fit [${target}]`);
  return { kind: 'constant', tensor: { ...tensor, dims: target } };
}

function transposeConstant(site: Site): Value {
  const tensor = site.constant(0);
  const rank = tensor.dims.length;
  const perm = site.ints('perm') ?? tensor.dims.map((_, axis) => rank - 1 - axis);
  if (perm.length !== rank || new Set(perm).size !== rank || perm.some((axis) => axis < 0 || axis >= rank)) {
    site.refuse(`perm [${perm}] is no permutation of ${rank} axes`);
  }
  const { values } = site.floats(0);
  const data = Float32Array.from(transposeIndex(tensor.dims, perm), (source) => values[source]!);
  return { kind: 'constant', tensor: { ...tensor, dims: perm.map((axis) => tensor.dims[axis]!), data } };
}

/** Products and quotients, entry by entry; a list of one entry fits any other. */
function arithmetic(site: Site): Value {
  const [a, b] = [integersOf(site, 0), integersOf(site, 1)];
  const at = (value: ShapeValue, i: number): ShapeEntry =>
    value.entries[value.entries.length === 1 ? 0 : i] ?? site.refuse('lists of different lengths');
  const entries = Array.from({ length: Math.max(a.entries.length, b.entries.length) }, (_, i): ShapeEntry => {
    const [p, q] = [at(a, i), at(b, i)];
    if (q.perSample !== 0 && (p.perSample !== 0 || site.node.op === 'Div'))
      site.refuse('no multiple of the batch size comes out');
    // Only quotients without a remainder are taken: no rounding convention matters.
    const [perSample, constant] =
      site.node.op === 'Div'
        ? [p.perSample / q.constant, p.constant / q.constant]
        : [p.perSample * q.constant + q.perSample * p.constant, p.constant * q.constant];
    return { perSample: whole(site, perSample), constant: whole(site, constant) };
  });
  return shapeValue(entries, a.rank === 0 && b.rank === 0 ? 0 : 1);
}

function whole(site: Site, value: number): number {
  return Number.isSafeInteger(value) ? value : site.refuse(`${value} is not an integer`);
}
