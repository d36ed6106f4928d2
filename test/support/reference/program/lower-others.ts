/** Everything that is neither a move nor a sum of products: elementwise operators, extremes, sorts, normalisation. */

import type { NodeSite } from './assembler.ts';
import { floatOf, intOf } from './attributes.ts';
import { poolWindows, reduction } from './lower-linear.ts';
import {
  axisOf,
  broadcastDims,
  broadcastIndex,
  invalid,
  type RealTensor,
  sizeOf,
  stridesOf,
  unsupported,
} from './tensors.ts';

/** Add, Sub, Mul, Div, Max, Min, Sum. */
export function each(site: NodeSite): RealTensor {
  const inputs = site.reals();
  const dims = broadcastDims(inputs.map((input) => input.dims));
  const out = site.place(dims, ...inputs);
  site.add({
    kind: 'each',
    op: site.node.op,
    out: out.slot,
    inputs: inputs.map(({ slot }) => slot),
    at: inputs.map((input) => broadcastIndex(input.dims, dims)),
  });
  return out;
}

const NO_SLOPES = new Float64Array(0);

/** Relu, Abs, Neg, LeakyRelu, PRelu, Clip, Sqrt. */
export function point(site: NodeSite): RealTensor {
  const { node } = site;
  const x = site.real(0);
  const out = site.place(x.dims, x);
  let [low, high] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  let slopes: Float64Array = NO_SLOPES;
  let slopesAt: Int32Array | null = null;
  const scalar = (i: number): number => {
    const values = site.values(i);
    return values.length === 1 ? values[0]! : invalid(`input ${i} of a Clip has ${values.length} values`);
  };
  if (node.op === 'Clip') {
    if (site.inputs[1] !== undefined) low = scalar(1);
    if (site.inputs[2] !== undefined) high = scalar(2);
  }
  if (node.op === 'LeakyRelu') {
    slopes = Float64Array.of(floatOf(node, 'alpha', 0.01));
    slopesAt = new Int32Array(sizeOf(x.dims));
  }
  if (node.op === 'PRelu') {
    const { dims } = site.real(1);
    if (`${broadcastDims([dims, x.dims])}` !== `${x.dims}`) invalid(`slopes [${dims}] for [${x.dims}]`);
    slopes = site.values(1);
    slopesAt = broadcastIndex(dims, x.dims);
  }
  site.add({ kind: 'point', op: node.op, out: out.slot, input: x.slot, low, high, slopes, slopesAt });
  return out;
}

/** ReduceMax, ReduceMin, MaxPool, GlobalMaxPool. */
export function extreme(site: NodeSite): RealTensor {
  const { op } = site.node;
  const x = site.real(0);
  if (intOf(site.node, 'storage_order', 0) !== 0) unsupported('storage_order');
  const { dims, starts, index } = op.startsWith('Reduce') ? reduction(site, x) : poolWindows(site, x);
  for (let e = 0; e + 1 < starts.length; e++) if (starts[e] === starts[e + 1]) invalid(`${op} of nothing`);
  const out = site.place(dims, x);
  site.add({ kind: 'extreme', op, out: out.slot, sign: op === 'ReduceMin' ? -1 : 1, input: x.slot, starts, index });
  return out;
}

/** The values of TopK. */
export function topK(site: NodeSite): RealTensor {
  const { node } = site;
  const x = site.real(0);
  const counts = site.int(1);
  if (counts?.width !== 64 || counts.data.length !== 1) invalid('k must be one int64');
  const axis = axisOf(intOf(node, 'axis', -1), x.dims.length);
  const length = x.dims[axis]!;
  const kept = Number(counts.data[0]!);
  if (!(kept >= 0 && kept <= length)) invalid(`k = ${kept} of an axis of ${length}`);
  if (intOf(node, 'sorted', 1) === 0) unsupported('an unsorted TopK');
  const dims = x.dims.with(axis, kept);
  const inner = stridesOf(x.dims)[axis]!;
  const lines = sizeOf(x.dims) / length;
  const index = new Int32Array(lines * length);
  const place = new Int32Array(lines * kept);
  for (let line = 0; line < lines; line++) {
    const [outer, rest] = [Math.floor(line / inner), line % inner];
    for (let i = 0; i < length; i++) index[line * length + i] = (outer * length + i) * inner + rest;
    for (let i = 0; i < kept; i++) place[line * kept + i] = (outer * kept + i) * inner + rest;
  }
  const out = site.place(dims, x);
  const sign = intOf(node, 'largest', 1) !== 0 ? 1 : -1;
  site.add({ kind: 'sort', op: node.op, out: out.slot, sign, input: x.slot, length, kept, index, place });
  return out;
}

/** BatchNormalization, as in inference. */
export function normalize(site: NodeSite): RealTensor {
  const { node } = site;
  if (intOf(node, 'training_mode', 0) !== 0) unsupported('BatchNormalization in training');
  const x = site.real(0);
  const channels = x.dims[1] ?? invalid('BatchNormalization of a vector');
  const [scale, shift, mean, variance] = [1, 2, 3, 4].map((i) => {
    const values = site.values(i);
    return values.length === channels ? values : invalid(`input ${i} for ${channels} channels`);
  }) as [Float64Array, Float64Array, Float64Array, Float64Array];
  const places = sizeOf(x.dims.slice(2));
  const channel = Int32Array.from({ length: sizeOf(x.dims) }, (_, e) => Math.floor(e / places) % channels);
  const out = site.place(x.dims, x);
  const epsilon = floatOf(node, 'epsilon', 1e-5);
  const constants = { scale, shift, mean, variance, epsilon };
  site.add({ kind: 'normalize', op: node.op, out: out.slot, input: x.slot, channel, ...constants });
  return out;
}
