/**
 * Householder activations (Singla et al. 2021), recognised by what they compute: on each pair z = (a, b) of channels,
 * one half of the plane stays as it is, and the other is reflected. They are written as z − 2v·max(vᵀz, 0), |v| = 1, so
 * that no comparison is left. Those of order 2 have four sectors: lattice.ts writes them.
 */
import type { Graph, OnnxNode } from '../../../../certify-runtime/trusted/onnx/model.ts';
import type { GraphDraft } from '../../graph-draft.ts';
import { positive, type Rewriter } from '../rewriter.ts';
import { type Feed, runFor } from '../run.ts';
import { type ChannelMap, latticesOf, latticeValue, type Sector, writeLattices } from './lattice.ts';

const COMPARISONS = new Set(['Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual']);
const ELEMENTWISE = new Set([
  ...COMPARISONS,
  ...'Mul Add Sub Div Neg Cast Identity Where Not And Or Atan Floor IsNaN'.split(' '),
]);
const PARTS = new Set(['Split', 'Slice']);

/** So many directions of the plane are tried. */
const DIRECTIONS = 4096;
/** A sector is told from its neighbour by more than this, in radians. */
const TOLERANCE = 1e-4;

interface Region {
  readonly source: string;
  readonly nodes: readonly OnnxNode[];
  /** The node that puts the two halves together again, and its axis. */
  readonly end: OnnxNode;
  readonly axis: number;
}

/** The tensor whose halves a comparison goes back to by elementwise operators only. */
function sourceOf(draft: GraphDraft, comparison: OnnxNode): string | null {
  const sources = new Set<string>();
  const seen = new Set<string>();
  const pending = [...comparison.inputs];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === '' || draft.initializers.has(name) || seen.has(name)) continue;
    seen.add(name);
    const node = draft.producer(name);
    if (node !== undefined && PARTS.has(node.op)) sources.add(node.inputs[0]!);
    else if (node !== undefined && ELEMENTWISE.has(node.op)) pending.push(...node.inputs);
    else return null;
  }
  return sources.size === 1 ? [...sources][0]! : null;
}

/** What is computed from the source alone, up to the first Concat that depends on a comparison. */
function regionOf(rewriter: Rewriter, comparison: OnnxNode): Region | null {
  const { draft } = rewriter;
  const source = sourceOf(draft, comparison);
  const rank = rewriter.dims(source ?? '')?.length;
  if (source === null || rank === undefined) return null;
  const inside = new Set([source]);
  const compared = new Set<string>();
  const nodes: OnnxNode[] = [];
  for (const node of draft.nodes) {
    const inputs = node.inputs.filter((name) => name !== '' && !draft.initializers.has(name));
    const own = inputs.length > 0 && inputs.every((name) => inside.has(name));
    if (!own || !(ELEMENTWISE.has(node.op) || PARTS.has(node.op) || node.op === 'Concat')) continue;
    nodes.push(node);
    for (const output of node.outputs) inside.add(output);
    if (!COMPARISONS.has(node.op) && !inputs.some((name) => compared.has(name))) continue;
    for (const output of node.outputs) compared.add(output);
    const axis = node.attributes.get('axis');
    if (node.op === 'Concat' && axis?.kind === 'int') {
      return { source, nodes, end: node, axis: positive(Number(axis.value), rank) };
    }
  }
  return null;
}

/** Where a value of the source is: its pair, whether it is the second of it, and its place. */
function layout(dims: readonly number[], axis: number) {
  const after = dims.slice(axis + 1).reduce((product, dim) => product * dim, 1);
  const channels = dims[axis]!;
  const pairs = channels / 2;
  const places = dims.reduce((product, dim) => product * dim, 1) / channels;
  const index = (channel: number, place: number) =>
    (Math.floor(place / after) * channels + channel) * after + (place % after);
  return { pairs, places, index, size: channels * places };
}

/** Values of both halves of every pair at every place → values. */
type Plane = (pair: number, place: number) => readonly [a: number, b: number];

async function runRegion(
  rewriter: Rewriter,
  region: Region,
  planes: readonly Plane[],
): Promise<((pair: number, place: number) => [number, number])[]> {
  const dims = rewriter.dims(region.source)!;
  const { pairs, places, index, size } = layout(dims, region.axis);
  const used = new Set(region.nodes.flatMap(({ inputs }) => inputs));
  const graph: Graph = {
    name: 'activation',
    nodes: region.nodes,
    initializers: new Map([...rewriter.draft.initializers].filter(([name]) => used.has(name))),
    inputs: [{ name: region.source, type: 'float32', dims: dims.map((_, axis) => `d${axis}`) }],
    outputs: [],
  };
  function* feeds(): Generator<Feed> {
    for (const plane of planes) {
      const data = new Float32Array(size);
      for (let pair = 0; pair < pairs; pair++) {
        for (let place = 0; place < places; place++) {
          const [a, b] = plane(pair, place);
          data[index(pair, place)] = a;
          data[index(pair + pairs, place)] = b;
        }
      }
      yield { dims, data };
    }
  }
  const [output] = region.end.outputs as [string];
  const answers = await runFor(rewriter.run, { graph, opset: 18 }, [output], feeds());
  return answers.map((answer) => {
    const { data } = answer.get(output)!;
    return (pair, place) => [Number(data[index(pair, place)]), Number(data[index(pair + pairs, place)])];
  });
}

const TURN = 2 * Math.PI;
const wrapped = (angle: number) => angle - TURN * Math.round(angle / TURN);
const direction = (m: number) => (TURN * (m + 0.5)) / DIRECTIONS;

type Normal = readonly [number, number];

/** The sectors of one pair, from the direction of each result; null if it is no such function. */
function sectorsOf(results: Float64Array): Sector[] | null {
  const step = TURN / DIRECTIONS;
  const at = (m: number) => results[(m + DIRECTIONS) % DIRECTIONS]!;
  const kinds = Array.from({ length: DIRECTIONS }, (_, m) => {
    const slopes = [wrapped(at(m + 1) - at(m)) / step, wrapped(at(m) - at(m - 1)) / step];
    return [1, -1].find((sign) => slopes.every((slope) => Math.abs(slope - sign) < 0.1)) ?? 0;
  });
  const offsetAt = (m: number) => wrapped(at(m) - kinds[m]! * direction(m));
  const start = kinds.indexOf(0);
  if (start < 0) return null;
  const sectors: Sector[] = [];
  for (let i = 1; i <= DIRECTIONS; i++) {
    const first = start + i;
    const kind = kinds[first % DIRECTIONS]!;
    if (kind === 0) continue;
    let last = first;
    let drift = 0;
    const own = offsetAt(first % DIRECTIONS);
    while (kinds[(last + 1) % DIRECTIONS] === kind && last < start + DIRECTIONS) {
      const other = wrapped(offsetAt((last + 1) % DIRECTIONS) - own);
      if (Math.abs(other) > TOLERANCE) return null;
      drift += other;
      last++;
    }
    const offset = wrapped(own + drift / (last - first + 1));
    sectors.push({ sign: kind as 1 | -1, offset, middle: direction((first + last) / 2) });
    i += last - first;
  }
  return sectors;
}

/** The normal v of the reflection, if one sector stays and the other is reflected; what stays has vᵀz < 0. */
function normalOf(sectors: readonly Sector[]): Normal | null {
  const still = sectors.find(({ sign, offset }) => sign === 1 && Math.abs(offset) < TOLERANCE);
  const moved = sectors.find(({ sign }) => sign === -1);
  if (sectors.length !== 2 || still === undefined || moved === undefined) return null;
  // z − 2(vᵀz)v maps the direction φ to offset − φ.
  const v: Normal = [Math.sin(moved.offset / 2), -Math.cos(moved.offset / 2)];
  const side = v[0] * Math.cos(still.middle) + v[1] * Math.sin(still.middle);
  return side < 0 ? v : [-v[0], -v[1]];
}

/** What each pair's function is: one reflection, or the min and max of linear functions. */
type Found = { readonly normals: readonly Normal[] } | { readonly lattices: readonly Lattices[] };
type Lattices = NonNullable<ReturnType<typeof latticesOf>>;

/** The function of each pair; null if the region computes something else. */
async function recognise(rewriter: Rewriter, region: Region): Promise<Found | null> {
  const dims = rewriter.dims(region.source)!;
  const channels = dims[region.axis]!;
  if (channels % 2 !== 0 || `${dims}` !== `${rewriter.dims(region.end.outputs[0])}`) return null;
  const { pairs, places } = layout(dims, region.axis);
  const runs = Array.from({ length: Math.ceil(DIRECTIONS / places) }, (_, run): Plane => {
    return (_pair, place) => {
      const angle = direction(run * places + place);
      return [Math.cos(angle), Math.sin(angle)];
    };
  });
  const answers = await runRegion(rewriter, region, runs);
  const sectors: Sector[][] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const results = Float64Array.from({ length: DIRECTIONS }, (_, m) => {
      const [a, b] = answers[Math.floor(m / places)]!(pair, m % places);
      return Math.abs(Math.hypot(a, b) - 1) < TOLERANCE ? Math.atan2(b, a) : Number.NaN;
    });
    const found = results.every(Number.isFinite) ? sectorsOf(results) : null;
    if (found === null) return null;
    sectors.push(found);
  }
  const found = functionsOf(sectors);
  return found !== null && (await computes(rewriter, region, found)) ? found : null;
}

function functionsOf(sectors: readonly Sector[][]): Found | null {
  const normals = sectors.map(normalOf);
  if (normals.every((normal) => normal !== null)) return { normals };
  const lattices = sectors.map(latticesOf);
  return lattices.every((own) => own !== null) ? { lattices } : null;
}

/** Whether it is so for values of every size, and different ones in every pair: nothing else is computed then. */
async function computes(rewriter: Rewriter, region: Region, found: Found): Promise<boolean> {
  const { pairs, places } = layout(rewriter.dims(region.source)!, region.axis);
  const values: Plane = (pair, place) => {
    const angle = 7.13 * pair + 1.37 * place;
    const length = 10 ** (((pair + 3 * place) % 7) - 3);
    return [Math.fround(length * Math.cos(angle)), Math.fround(length * Math.sin(angle))];
  };
  const expectedOf = (pair: number, [a, b]: readonly [number, number]): readonly [number, number] => {
    if ('lattices' in found) return latticeValue(found.lattices[pair]!, [a, b]);
    const [p, q] = found.normals[pair]!;
    const height = 2 * Math.max(p * a + q * b, 0);
    return [a - height * p, b - height * q];
  };
  const [answer] = await runRegion(rewriter, region, [values]);
  for (let pair = 0; pair < pairs; pair++) {
    for (let place = 0; place < places; place++) {
      const own = values(pair, place);
      const expected = expectedOf(pair, own);
      const result = answer!(pair, place);
      const error = Math.hypot(result[0] - expected[0], result[1] - expected[1]);
      if (!(error <= TOLERANCE * Math.hypot(...own))) return false;
    }
  }
  return true;
}

/** Replaces the end of the region by z + G·relu(V·z), or by min and max, with 1×1 convolutions or matrices. */
function write(rewriter: Rewriter, region: Region, found: Found): void {
  const { source, axis } = region;
  const dims = rewriter.dims(source)!;
  const ones = dims.slice(2).map(() => 1);
  rewriter.replace(region.end, (make) => {
    const map: ChannelMap = (x, outputs, inputs, rows) => {
      if (axis !== dims.length - 1) return make.op('Conv', [x, make.floats([outputs, inputs, ...ones], rows)]);
      const transposed = rows.map((_, e) => rows[(e % outputs) * inputs + Math.floor(e / outputs)]!);
      return make.op('MatMul', [x, make.floats([inputs, outputs], transposed)]);
    };
    if ('lattices' in found) return writeLattices(make, source, found.lattices, dims, axis, map);
    const pairs = found.normals.length;
    const [V, G] = [new Float32Array(2 * pairs * pairs), new Float32Array(2 * pairs * pairs)];
    found.normals.forEach((normal, pair) => {
      normal.forEach((value, half) => {
        const channel = pair + half * pairs;
        V[pair * 2 * pairs + channel] = value;
        G[channel * pairs + pair] = -2 * value;
      });
    });
    const hidden = make.op('Relu', [map(source, pairs, 2 * pairs, V)]);
    return make.op('Add', [source, map(hidden, 2 * pairs, pairs, G)]);
  });
}

/** Rewrites every Householder activation of the draft. */
export async function householder(rewriter: Rewriter): Promise<void> {
  const { draft } = rewriter;
  for (const node of [...draft.nodes]) {
    if (!COMPARISONS.has(node.op) || !draft.nodes.includes(node)) continue;
    const region = regionOf(rewriter, node);
    if (region === null) continue;
    const dims = rewriter.dims(region.source)!;
    if (region.axis !== dims.length - 1 && (region.axis !== 1 || dims.length > 4)) continue;
    const found = await recognise(rewriter, region);
    if (found === null) continue;
    write(rewriter, region, found);
    rewriter.prune();
  }
}
