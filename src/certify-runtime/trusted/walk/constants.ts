/** Values that do not depend on the pixels: rearranged constants, and integers computed from shapes. */

import { MAX_OPERANDS } from '../bounds/budget.ts';
import { ElementType } from '../onnx/model.ts';
import { transposeIndex } from './rearrange.ts';
import type { Fold } from './rule.ts';
import type { IntegerType, ShapeEntry, ShapeValue } from './shape-value.ts';
import type { Site, Value } from './site.ts';
import { sizeOf } from './state.ts';

/** The largest batch that a run may have; see docs/soundness.md, A5. */
const LARGEST_BATCH = 2n ** 31n;

/**
 * The entries computed at `site`, of a type that can represent each of them for every batch that a run may have.
 * @throws UnprovableError if the type cannot
 */
export function shapeValue(site: Site, type: IntegerType, entries: readonly ShapeEntry[], rank: 0 | 1 = 1): ShapeValue {
  const limit = type === 'int32' ? 2n ** 31n : 2n ** 63n;
  for (const { perSample, constant } of entries) {
    if (constant < -limit || constant >= limit) site.refuse(`${constant} is no ${type}`);
    // An image of that many pixels for each sample has fewer than 2³¹ in a batch; int64 has room for any batch.
    const most = type === 'int32' ? BigInt(site.walk.imageSize) : limit / LARGEST_BATCH - 1n;
    if (perSample < 0n || perSample > most) site.refuse(`${perSample} times the batch size may not fit ${type}`);
  }
  if (rank === 0 && entries.length !== 1) site.refuse(`${entries.length} integers are no scalar`);
  return { kind: 'shape', type, rank, entries };
}

/** The output of a node whose inputs are constants or shapes; Shape's input may be anything. */
export const folds: ReadonlyMap<string, Fold> = new Map([
  ['Shape', shapeOf],
  ['Identity', (site: Site): Value => site.value(0)],
  ['Cast', castConstant],
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

const fixed = (constant: bigint): ShapeEntry => ({ perSample: 0n, constant });

/** The Shape of a tensor, whose dimension 0 is k·N. */
function shapeOf(site: Site): ShapeValue {
  const value = site.value(0);
  if (value.kind === 'shape' || value.kind === 'squares')
    site.refuse('the shape of a shape or of a square has no rule');
  const dims =
    value.kind === 'constant'
      ? value.tensor.dims.map((dim) => fixed(BigInt(dim)))
      : value.shape.map((dim, axis) => (axis === 0 ? rows(dim) : fixed(BigInt(dim))));
  return shapeValue(site, 'int64', dims.slice(site.int('start', 0), site.int('end', dims.length)));
}

/** Dimension 0 of a tensor with `dim` rows for each sample. */
const rows = (dim: number): ShapeEntry => ({ perSample: BigInt(dim), constant: 0n });

/** Input i as integers that may depend on the batch size. */
function integersOf(site: Site, i: number): ShapeValue {
  const value = site.value(i);
  if (value.kind === 'shape') return value;
  const { dims, type } = site.constant(i);
  if (type !== 'int64' && type !== 'int32') site.refuse(`input ${i} must be int64 or int32, not ${type}`);
  if (dims.length > 1) site.refuse(`integers of shape [${dims}] have no rule`);
  return shapeValue(site, type, site.integerEntries(i).map(fixed), dims.length === 0 ? 0 : 1);
}

const INTEGERS: ReadonlyMap<number, IntegerType> = new Map([
  [ElementType.int32, 'int32'],
  [ElementType.int64, 'int64'],
]);

/** Integers, if they fit, and float32 to float64, which is exact. */
function castConstant(site: Site): Value {
  const to = site.int('to', 0);
  const value = site.value(0);
  if (value.kind === 'constant' && ElementType[value.tensor.type] === to) return value;
  if (value.kind === 'constant' && value.tensor.data instanceof Float32Array && to === ElementType.float64) {
    site.spend(0, value.tensor.data.length);
    return {
      kind: 'constant',
      tensor: { ...value.tensor, type: 'float64', data: Float64Array.from(value.tensor.data) },
    };
  }
  const type = INTEGERS.get(to) ?? site.refuse('only casts between integers, and from float32 to float64, have a rule');
  const { entries, rank } = integersOf(site, 0);
  return shapeValue(site, type, entries, rank);
}

function gatherEntries(site: Site): Value {
  const list = listOf(site, 0);
  if (site.int('axis', 0) !== 0) site.refuse('only axis 0 of integers has a rule');
  const { rank } = integersOf(site, 1);
  const { length } = list.entries;
  const picked = site
    .integers(1)
    .map((i) => list.entries[i < 0 ? i + length : i] ?? site.refuse(`index ${i} of ${length} integers`));
  return shapeValue(site, list.type, picked, rank);
}

/** Input i as a list, which has rank 1. */
function listOf(site: Site, i: number): ShapeValue {
  const value = integersOf(site, i);
  return value.rank === 1 ? value : site.refuse(`input ${i} must be a list of integers, not one`);
}

function sliceEntries(site: Site): Value {
  const { type, entries } = listOf(site, 0);
  const one = (i: number, otherwise: number): number => {
    const values = site.has(i) ? site.positions(i) : [otherwise];
    return values.length === 1 ? values[0]! : site.refuse(`input ${i} has ${values.length} entries`);
  };
  if (!site.has(1) || one(3, 0) !== 0 || one(4, 1) !== 1) site.refuse('only a plain range of integers has a rule');
  return shapeValue(site, type, entries.slice(one(1, 0), one(2, entries.length)));
}

function concatEntries(site: Site): Value {
  const parts = site.node.inputs.map((_, i) => listOf(site, i));
  const [{ type }] = parts as [ShapeValue];
  if (![0, -1].includes(site.int('axis', 1))) site.refuse('only lists of integers have a rule');
  if (parts.some((part) => part.type !== type)) site.refuse('its integers are of different types');
  const length = parts.reduce((n, part) => n + part.entries.length, 0);
  if (length > MAX_OPERANDS) site.refuse(`more than ${MAX_OPERANDS} integers (limit of the verifier)`);
  const entries = parts.flatMap((part) => part.entries);
  return shapeValue(site, type, entries);
}

/** Unsqueeze or Squeeze of a list of integers, or of a constant's dimensions. */
function withAxes(site: Site, change: 'add' | 'remove'): Value {
  const value = site.value(0);
  const axes = site.axes(1) ?? site.refuse('its axes are missing');
  if (value.kind === 'shape') {
    const [from, to] = change === 'add' ? ([0, 1] as const) : ([1, 0] as const);
    if (value.rank !== from || axes.length !== 1 || ![0, -1].includes(axes[0]!))
      site.refuse(`axes [${axes}] of integers of rank ${value.rank} have no rule`);
    return shapeValue(site, value.type, value.entries, to);
  }
  const tensor = site.constant(0);
  const rank = tensor.dims.length;
  const total = change === 'add' ? rank + axes.length : rank;
  const chosen = new Set(axes.map((axis) => (axis < 0 ? axis + total : axis)));
  if (chosen.size !== axes.length || [...chosen].some((axis) => axis < 0 || axis >= total))
    site.refuse(`axes [${axes}] do not fit [${tensor.dims}]`);
  if (change === 'remove' && [...chosen].some((axis) => tensor.dims[axis] !== 1))
    site.refuse(`axes [${axes}] of [${tensor.dims}] are not all 1`);
  const rest = [...tensor.dims];
  const dims =
    change === 'add'
      ? Array.from({ length: total }, (_, axis) => (chosen.has(axis) ? 1 : rest.shift()!))
      : rest.filter((_, axis) => !chosen.has(axis));
  return { kind: 'constant', tensor: { ...tensor, dims } };
}

function reshapeConstant(site: Site): Value {
  const tensor = site.constant(0);
  const target = site.integers(1).map((dim, axis) => (dim === 0 ? (tensor.dims[axis] ?? 0) : dim));
  const free = target.indexOf(-1);
  if (free >= 0) target[free] = -sizeOf(tensor.dims) / sizeOf(target);
  const fits = sizeOf(target) === sizeOf(tensor.dims) && target.every((dim) => Number.isInteger(dim) && dim > 0);
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
  const { values } = site.reals(0);
  site.spend(0, values.length);
  const data = values.slice();
  transposeIndex(tensor.dims, perm).forEach((source, e) => {
    data[e] = values[source]!;
  });
  return { kind: 'constant', tensor: { ...tensor, dims: perm.map((axis) => tensor.dims[axis]!), data } };
}

/** Products and quotients, entry by entry; a list of one entry fits any other. */
function arithmetic(site: Site): Value {
  const [a, b] = [integersOf(site, 0), integersOf(site, 1)];
  if (a.type !== b.type) site.refuse('its integers are of different types');
  const lengths = [a, b].map(({ entries }) => entries.length);
  // ONNX stretches only one entry, to any length, including that of an empty list.
  const length = lengths[0] === 1 ? lengths[1]! : lengths[0]!;
  const at = (value: ShapeValue, i: number): ShapeEntry =>
    value.entries[value.entries.length === 1 ? 0 : i] ?? site.refuse('lists of different lengths');
  if (lengths.some((own) => own !== 1 && own !== length)) site.refuse('lists of different lengths');
  const entries = Array.from({ length }, (_, i): ShapeEntry => {
    const [p, q] = [at(a, i), at(b, i)];
    return site.node.op === 'Div' ? quotient(site, p, q) : times(site, p, q);
  });
  return shapeValue(site, a.type, entries, a.rank === 0 && b.rank === 0 ? 0 : 1);
}

function times(site: Site, p: ShapeEntry, q: ShapeEntry): ShapeEntry {
  if (p.perSample !== 0n && q.perSample !== 0n) site.refuse('no multiple of the batch size comes out');
  return {
    perSample: p.perSample * q.constant + q.perSample * p.constant,
    constant: p.constant * q.constant,
  };
}

/** Only quotients without a remainder are taken, so no rounding convention matters. */
function quotient(site: Site, p: ShapeEntry, q: ShapeEntry): ShapeEntry {
  const by = q.constant;
  if (q.perSample !== 0n || by === 0n) site.refuse('it divides by 0, or by the batch size');
  if (p.perSample % by !== 0n || p.constant % by !== 0n) site.refuse('its quotient is not an integer');
  return { perSample: p.perSample / by, constant: p.constant / by };
}
