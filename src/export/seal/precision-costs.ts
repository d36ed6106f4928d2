/** What float32 and float64 each give and cost for one network: the slack, the time of a run, and the file's size. */
import { networkBytes } from '../../certify-runtime/run/network-bytes.ts';
import * as ort from '../../certify-runtime/run/onnx-runtime.ts';
import type { Precision } from '../../certify-runtime/trusted/bounds/precision.ts';
import { TENSORS } from '../../certify-runtime/trusted/file/names.ts';
import { imageNorms, type MarginTerms, marginTerms, smallestBound } from '../../certify-runtime/trusted/margin.ts';
import { encodeOnnx } from '../../certify-runtime/trusted/onnx/codec.ts';
import type { Graph, OnnxModel } from '../../certify-runtime/trusted/onnx/model.ts';
import { rulesFor } from '../../certify-runtime/trusted/rules/table.ts';
import { proveConstants, type VerifiedModel } from '../../certify-runtime/trusted/verify.ts';
import { claimedConstants } from './claims.ts';
import { inFloat64 } from './float64.ts';
import { networkGraph } from './network-graph.ts';

/** The other precision, compared with that of the sealed file. */
interface OtherPrecision {
  readonly precision: Precision;
  /** What it would subtract from the radius of a typical known vector. */
  readonly slack: number;
  /** The time of the network alone, one image and 64 in one run on one thread of this machine; 64 only if it is fast. */
  readonly time: { readonly single: number; readonly batch: number | null };
  /** The size of the network's file, as a ratio. */
  readonly bytes: number;
}

export interface PrecisionCosts {
  readonly precision: Precision;
  /** What is subtracted from the radius of a typical known vector. */
  readonly slack: number;
  /** Why the other precision is not possible, if it is not. */
  readonly other: OtherPrecision | { readonly precision: Precision; readonly refused: string };
}

/** The median, over the known vectors, of 4ρ(x)·I_cj + S(x), j the nearest other class. docs/soundness.md, theorem 2. */
function typicalSlack(terms: MarginTerms, { certificate, images }: VerifiedModel): number {
  const { classes, inverse, latentSlack, logitSlack } = terms;
  const slacks = certificate.vectors.map(({ logits, label }, i) => {
    const { l2, l1 } = imageNorms(images[i]!);
    const distance = (j: number) => (logits[label]! - logits[j]!) * inverse[label * classes + j]!;
    const others = Array.from({ length: classes }, (_, j) => j).filter((j) => j !== label);
    const nearest = others.reduce((a, b) => (distance(b) < distance(a) ? b : a));
    return (
      smallestBound([logitSlack], l2, l1) * inverse[label * classes + nearest]! + smallestBound(latentSlack, l2, l1)
    );
  });
  return slacks.sort((a, b) => a - b)[Math.floor(slacks.length / 2)]!;
}

const RUNS = { single: 41, batch: 9 };
const BATCH = 64;
/** After this many milliseconds no further run is begun. */
const LATE = 1000;

/** The median time of `second` over that of `first`, run in turn. */
async function timeRatio(
  first: ort.InferenceSession,
  second: ort.InferenceSession,
  shape: readonly number[],
  images: number,
  runs: number,
): Promise<{ readonly ratio: number; readonly slower: number }> {
  const size = images * shape.reduce((product, dim) => product * dim, 1);
  const pixels = Float32Array.from({ length: size }, (_, i) => ((i * 7919) % 256) / 255);
  const feeds = { [TENSORS.image]: new ort.Tensor('float32', pixels, [images, ...shape]) };
  const times: [number[], number[]] = [[], []];
  const begin = performance.now();
  for (let run = 0; run < 2 || (run < runs && performance.now() - begin < LATE); run++) {
    for (const [i, session] of [first, second].entries()) {
      const start = performance.now();
      await session.run(feeds, [TENSORS.logits]);
      // The first run allocates.
      if (run > 0) times[i as 0 | 1].push(performance.now() - start);
    }
  }
  const [a, b] = times.map((list) => list.sort((x, y) => x - y)[Math.floor(list.length / 2)]!) as [number, number];
  return { ratio: b / a, slower: Math.max(a, b) };
}

/**
 * Proves the network of a sealed file in the other precision and runs both.
 *
 * @param model the network that was sealed, as `seal` took it
 */
export async function precisionCosts(
  model: OnnxModel,
  bytes: Uint8Array,
  verified: VerifiedModel,
): Promise<PrecisionCosts> {
  const { precision } = verified;
  const slack = typicalSlack(verified.terms, verified);
  const wanted = precision === 'float64' ? 'float32' : 'float64';
  const plain = networkGraph(model);
  const { nodes, initializers, shape } = wanted === 'float64' ? inFloat64(plain) : plain;
  const inputs = shape.reduce((product, size) => product * size, 1);
  const graph: Graph = {
    name: 'glean',
    nodes,
    initializers,
    inputs: [{ name: TENSORS.image, type: 'float32', dims: ['N', ...shape] }],
    outputs: [{ name: TENSORS.logits, type: 'float32', dims: ['N', verified.head.classes] }],
  };
  try {
    const { constants, head } = proveConstants(graph, await rulesFor(graph));
    const terms = marginTerms(claimedConstants(constants, inputs), head);
    const own = networkBytes(bytes);
    const other = encodeOnnx({ ...model, irVersion: 8, metadata: new Map(), graph });
    const options = { logSeverityLevel: 4, intraOpNumThreads: 1, interOpNumThreads: 1 } as const;
    const sessions = [
      await ort.InferenceSession.create(own, options),
      await ort.InferenceSession.create(other, options),
    ] as const;
    try {
      const single = await timeRatio(...sessions, shape, 1, RUNS.single);
      const fast = single.slower * BATCH < LATE;
      const batch = fast ? await timeRatio(...sessions, shape, BATCH, RUNS.batch) : null;
      const time = { single: single.ratio, batch: batch?.ratio ?? null };
      const ratio = other.length / own.length;
      return {
        precision,
        slack,
        other: { precision: wanted, slack: typicalSlack(terms, verified), time, bytes: ratio },
      };
    } finally {
      for (const session of sessions) await session.release();
    }
  } catch (error) {
    // No proof, or ONNX Runtime does not open it, as where one of its fusions has no float64 kernel.
    if (!(error instanceof Error)) throw error;
    return { precision, slack, other: { precision: wanted, refused: error.message } };
  }
}

const short = (value: number) => value.toPrecision(2);

/** The costs in a line. */
export function precisionLine({ precision, slack, other }: PrecisionCosts): string {
  const own = `${precision}, which takes ${short(slack)} of a typical radius`;
  if ('refused' in other) return `${own}; ${other.precision} is not possible: ${other.refused}`;
  const { time, bytes } = other;
  const batch = time.batch === null ? '' : ` (${BATCH} images at once: ${short(time.batch)}×)`;
  return `${own}; ${other.precision} would take ${short(other.slack)}, at ${short(time.single)}× the time${batch} and ${short(bytes)}× the bytes (--precision ${other.precision})`;
}
