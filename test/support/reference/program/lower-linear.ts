/** MatMul, Gemm, Conv, the sums and the means, as lists of products. */

import { axesFrom } from '../moves.ts';
import { windowOf } from '../windows.ts';
import type { NodeSite } from './assembler.ts';
import { floatOf, intOf, intsOf } from './attributes.ts';
import type { DotStep } from './program.ts';
import { broadcastDims, broadcastIndex, invalid, type RealTensor, sizeOf, unsupported } from './tensors.ts';

type Parts = Partial<DotStep> & Pick<DotStep, 'starts' | 'data' | 'dataAt' | 'weights' | 'weightsAt'>;

const NOTHING = new Int32Array(0);

function addDot(site: NodeSite, out: RealTensor, parts: Parts): RealTensor {
  site.add({
    kind: 'dot',
    op: site.node.op,
    out: out.slot,
    divisors: null,
    alpha: 1,
    beta: 1,
    bias: -1,
    biasAt: null,
    ...parts,
  });
  return out;
}

/** Products of `terms` factors for each output, as many for every one. */
function evenStarts(outputs: number, terms: number): Int32Array {
  const starts = new Int32Array(outputs + 1);
  for (let e = 0; e <= outputs; e++) starts[e] = e * terms;
  return starts;
}

/** The factor that is constant, if there is one, as `weights`. */
function factors(
  site: NodeSite,
  a: { readonly tensor: RealTensor; readonly at: Int32Array },
  b: { readonly tensor: RealTensor; readonly at: Int32Array },
): Pick<DotStep, 'data' | 'dataAt' | 'weights' | 'weightsAt'> {
  const { active } = site.assembler;
  const swapped = !active[a.tensor.slot] && active[b.tensor.slot];
  const [data, weights] = swapped ? [b, a] : [a, b];
  return { data: data.tensor.slot, dataAt: data.at, weights: weights.tensor.slot, weightsAt: weights.at };
}

export function matMul(site: NodeSite): RealTensor {
  const [a, b] = [site.real(0), site.real(1)];
  if (a.dims.length < 2 || b.dims.length < 2) unsupported('MatMul of a vector');
  const [m, k] = [a.dims.at(-2)!, a.dims.at(-1)!];
  const n = b.dims.at(-1)!;
  if (b.dims.at(-2) !== k) invalid(`[${a.dims}] times [${b.dims}]`);
  const stacks = broadcastDims([a.dims.slice(0, -2), b.dims.slice(0, -2)]);
  const ofA = broadcastIndex(a.dims.slice(0, -2), stacks);
  const ofB = broadcastIndex(b.dims.slice(0, -2), stacks);
  const count = sizeOf(stacks);
  const aAt = new Int32Array(count * m * n * k);
  const bAt = new Int32Array(count * m * n * k);
  let t = 0;
  for (let stack = 0; stack < count; stack++) {
    const a0 = (ofA === null ? stack : ofA[stack]!) * m * k;
    const b0 = (ofB === null ? stack : ofB[stack]!) * k * n;
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        for (let p = 0; p < k; p++) {
          aAt[t] = a0 + i * k + p;
          bAt[t++] = b0 + p * n + j;
        }
      }
    }
  }
  const parts = factors(site, { tensor: a, at: aAt }, { tensor: b, at: bAt });
  const out = site.place([...stacks, m, n], a, b);
  return addDot(site, out, { starts: evenStarts(count * m * n, k), ...parts });
}

export function gemm(site: NodeSite): RealTensor {
  const [a, b] = [site.real(0), site.real(1)];
  const c = site.inputs[2] === undefined ? null : site.real(2);
  if (a.dims.length !== 2 || b.dims.length !== 2) invalid(`Gemm of [${a.dims}] and [${b.dims}]`);
  const [transA, transB] = [intOf(site.node, 'transA', 0) !== 0, intOf(site.node, 'transB', 0) !== 0];
  const [m, k] = transA ? [a.dims[1]!, a.dims[0]!] : [a.dims[0]!, a.dims[1]!];
  const [rows, n] = transB ? [b.dims[1]!, b.dims[0]!] : [b.dims[0]!, b.dims[1]!];
  if (rows !== k) invalid(`[${a.dims}] times [${b.dims}]`);
  const aAt = new Int32Array(m * n * k);
  const bAt = new Int32Array(m * n * k);
  let t = 0;
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      for (let p = 0; p < k; p++) {
        aAt[t] = transA ? p * m + i : i * k + p;
        bAt[t++] = transB ? j * k + p : p * n + j;
      }
    }
  }
  const dims = [m, n];
  if (c !== null && `${broadcastDims([c.dims, dims])}` !== `${dims}`) invalid(`C is [${c.dims}] for [${dims}]`);
  return addDot(site, site.place(dims, a, b, ...(c === null ? [] : [c])), {
    starts: evenStarts(m * n, k),
    ...factors(site, { tensor: a, at: aAt }, { tensor: b, at: bAt }),
    alpha: floatOf(site.node, 'alpha', 1),
    beta: floatOf(site.node, 'beta', 1),
    bias: c === null ? -1 : c.slot,
    biasAt: c === null ? null : broadcastIndex(c.dims, dims),
  });
}

export function conv(site: NodeSite): RealTensor {
  const { node } = site;
  const [x, w] = [site.real(0), site.real(1)];
  const bias = site.inputs[2] === undefined ? null : site.real(2);
  const [batch, channels, ...spatial] = x.dims as [number, number, ...number[]];
  const [outputs, perGroup, ...kernel] = w.dims as [number, number, ...number[]];
  const groups = intOf(node, 'group', 1);
  const fits = x.dims.length === w.dims.length && groups >= 1 && perGroup * groups === channels;
  if (!fits || outputs % groups !== 0) invalid(`Conv of [${x.dims}] with [${w.dims}] in ${groups} groups`);
  const declared = intsOf(node, 'kernel_shape');
  if (declared !== null && `${declared}` !== `${kernel}`) invalid(`kernel_shape [${declared}] of [${w.dims}]`);
  if (bias !== null && `${bias.dims}` !== `${outputs}`) invalid(`a bias [${bias.dims}] for ${outputs} channels`);

  const { rows, cols, outDims } = windowOf(node, spatial, kernel);
  const count = batch * outputs * rows.output * cols.output;
  const most = count * perGroup * rows.kernel * cols.kernel;
  const starts = new Int32Array(count + 1);
  const dataAt = new Int32Array(most);
  const weightsAt = new Int32Array(most);
  const biasAt = new Int32Array(count);
  let [e, t] = [0, 0];
  for (let b = 0; b < batch; b++) {
    for (let o = 0; o < outputs; o++) {
      const firstChannel = Math.floor(o / (outputs / groups)) * perGroup;
      for (let r = 0; r < rows.output; r++) {
        for (let s = 0; s < cols.output; s++) {
          biasAt[e] = o;
          for (let c = 0; c < perGroup; c++) {
            for (let i = 0; i < rows.kernel; i++) {
              const row = rows.positions[r * rows.kernel + i]!;
              for (let j = 0; row >= 0 && j < cols.kernel; j++) {
                const col = cols.positions[s * cols.kernel + j]!;
                if (col < 0) continue;
                dataAt[t] = ((b * channels + firstChannel + c) * rows.input + row) * cols.input + col;
                weightsAt[t++] = ((o * perGroup + c) * rows.kernel + i) * cols.kernel + j;
              }
            }
          }
          starts[++e] = t;
        }
      }
    }
  }
  const place = site.place([batch, outputs, ...outDims], x, w, ...(bias === null ? [] : [bias]));
  return addDot(site, place, {
    starts,
    ...factors(site, { tensor: x, at: dataAt.subarray(0, t) }, { tensor: w, at: weightsAt.subarray(0, t) }),
    bias: bias === null ? -1 : bias.slot,
    biasAt,
  });
}

/** The elements that each output of a reduction takes, and its shape. */
export function reduction(site: NodeSite, x: RealTensor): { dims: number[]; starts: Int32Array; index: Int32Array } {
  const { node } = site;
  const rank = x.dims.length;
  const given = site.int(1);
  const none = given === undefined || given.data.length === 0;
  if (none && intOf(node, 'noop_with_empty_axes', 0) !== 0) unsupported('a reduction of no axes');
  if (!none && given.width !== 64) invalid('axes must be int64');
  const axes = new Set(none ? x.dims.map((_, axis) => axis) : axesFrom(given, rank));
  const kept = x.dims.map((dim, axis) => (axes.has(axis) ? 1 : dim));
  const outputs = sizeOf(kept);
  const size = sizeOf(x.dims);
  const terms = outputs === 0 ? 0 : size / outputs;
  const target = broadcastIndex(kept, x.dims);
  const starts = evenStarts(outputs, terms);
  const next = starts.slice();
  const index = new Int32Array(size);
  for (let i = 0; i < size; i++) index[next[target === null ? i : target[i]!]!++] = i;
  const dims = intOf(node, 'keepdims', 1) !== 0 ? kept : x.dims.filter((_, axis) => !axes.has(axis));
  return { dims, starts, index };
}

/** Sums of elements of x, each divided by its divisor where there are any. */
function addSums(
  site: NodeSite,
  place: Parameters<typeof addDot>[1],
  x: RealTensor,
  { starts, index, divisors }: { starts: Int32Array; index: Int32Array; divisors: Float64Array | null },
): RealTensor {
  return addDot(site, place, { starts, data: x.slot, dataAt: index, weights: -1, weightsAt: NOTHING, divisors });
}

/** ReduceSum and ReduceMean. */
export function reduceLinear(site: NodeSite): RealTensor {
  const x = site.real(0);
  const { dims, starts, index } = reduction(site, x);
  const terms = index.length / (starts.length - 1);
  const divisors = site.node.op === 'ReduceMean' ? new Float64Array(starts.length - 1).fill(terms) : null;
  return addSums(site, site.place(dims, x), x, { starts, index, divisors });
}

/** The windows of a pool, without the padding, over the last one or two axes. */
export function poolWindows(
  site: NodeSite,
  x: RealTensor,
): { dims: number[]; starts: Int32Array; index: Int32Array; kernel: number } {
  const [batch, channels, ...spatial] = x.dims as [number, number, ...number[]];
  const global = site.node.op.startsWith('Global');
  const kernel = global ? spatial : (intsOf(site.node, 'kernel_shape') ?? invalid('kernel_shape is missing'));
  const { rows, cols, outDims } = windowOf(site.node, spatial, kernel);
  const planes = batch * channels;
  const starts = new Int32Array(planes * rows.output * cols.output + 1);
  const index = new Int32Array(planes * rows.output * cols.output * rows.kernel * cols.kernel);
  let [e, t] = [0, 0];
  for (let plane = 0; plane < planes; plane++) {
    for (let r = 0; r < rows.output; r++) {
      for (let s = 0; s < cols.output; s++) {
        for (let i = 0; i < rows.kernel; i++) {
          const row = rows.positions[r * rows.kernel + i]!;
          for (let j = 0; row >= 0 && j < cols.kernel; j++) {
            const col = cols.positions[s * cols.kernel + j]!;
            if (col >= 0) index[t++] = (plane * rows.input + row) * cols.input + col;
          }
        }
        starts[++e] = t;
      }
    }
  }
  const dims = [batch, channels, ...outDims];
  return { dims, starts, index: index.subarray(0, t), kernel: rows.kernel * cols.kernel };
}

/** AveragePool and GlobalAveragePool. */
export function averagePool(site: NodeSite): RealTensor {
  const x = site.real(0);
  const { dims, starts, index, kernel } = poolWindows(site, x);
  const counted = intOf(site.node, 'count_include_pad', 0) !== 0;
  const divisors = Float64Array.from({ length: starts.length - 1 }, (_, e) =>
    counted ? kernel : starts[e + 1]! - starts[e]!,
  );
  return addSums(site, site.place(dims, x), x, { starts, index, divisors });
}
