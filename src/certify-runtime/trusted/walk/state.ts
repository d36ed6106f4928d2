/** What the walk knows about a tensor: per-sample shape, Lipschitz bound, size and float32 error of its values. */

import { combine, constantBound, scale, sum, ZERO } from '../bounds/affine.ts';
import type { AffineBound } from '../bounds/bound.ts';
import { addUp, FLUSH_32, mulUp, sqrtUp } from '../bounds/rounding.ts';
import { multiplicity, type View } from './view.ts';

/**
 * Bookkeeping for providers that fold a constant scale into the linear layer next to it, apply it after that layer's
 * sums, or multiply scales together first (docs/soundness.md, A4, Lemma 11). A chain stands between two linear layers.
 */
export interface Chain {
  /** The length of the last linear layer's dot products, in which a constant added after it may take part. */
  readonly terms: number;
  /** The roundings of the elementwise operations since then. */
  readonly extra: number;
  /** Those of the scales among them, which may also move to the linear layer after them. */
  readonly scales: number;
  /** No constant that folding can form is larger: a weight or 1, times scales of the chains before and after it. */
  readonly weight: number;
  /** Π max(1, |s|) over the scales of the chain, which magnifies a flush before any of them. */
  readonly growth: number;
  /** ‖v̂‖₂ with any of the chain's scales left out; never below the norm. Its l1 is 0. */
  readonly reach: AffineBound;
  /** ‖·‖₂ of all that the last linear layer passes through under any folding, with its partial sums. Its l1 is 0. */
  readonly peak: AffineBound;
  /** What the flushes of that layer cost if scales of the chain are folded into it. */
  readonly flush: AffineBound;
}

/** v: the exact value at the image x; v̂: the value as any allowed float32 execution computes it. */
export interface Measure {
  /** ‖v(x) − v(x')‖₂ ≤ lipschitz·‖x − x'‖₂. */
  readonly lipschitz: number;
  /** ‖v̂‖₂; its l1 is 0. */
  readonly norm: AffineBound;
  /** ‖v̂‖₁ in terms of ‖x‖₁ (its l2 is 0); null once a linear layer has mixed the coordinates. */
  readonly l1Norm: AffineBound | null;
  /** ‖v̂ − v‖₂ is at most each of these. */
  readonly errors: readonly AffineBound[];
  readonly chain: Chain;
}

/** A tensor that was computed, not only rearranged; views refer to it. */
export interface Base {
  readonly size: number;
  /** Only lemmas 20 and 21 replace it by a better one, before anything has read it. */
  measure: Measure;
  /** What ONNX Runtime's fusions look for. A computed tensor has only the marks that its rule names. */
  readonly marks: Marks;
}

export interface Marks {
  /** Whether it comes from a MatMul, or from an operator that leaves a MatMul's output as it is. */
  readonly isProduct?: boolean;
  /** Whether some of its elements are zeros that a Pad put there, though no view says so. */
  readonly isPadded?: boolean;
  /** Whether it is x·(1 + erf(x/√2)), of which GeluFusion takes any factor near ½ for ½. */
  readonly isTwiceGelu?: boolean;
}

/**
 * A tensor that depends on the image: a base, or a view of one. shape[0] = k means that dimension 0 has k rows for each
 * sample, in the order of the samples; the other entries are the dimensions proper. `view` says where in `base` each
 * element comes from; null means the same order.
 */
export interface Data {
  readonly kind: 'data';
  readonly shape: readonly number[];
  readonly base: Base;
  readonly view: View | null;
}

/** The tensor r∘r for r = `roots`, which no rule takes for a tensor of its own (Lemma 25). */
export interface Squares {
  readonly kind: 'squares';
  readonly roots: Data;
  /** The roundings since r∘r, the root of what flushes may have added in ℓ2, and a bound of all that was summed up. */
  readonly terms: number;
  readonly hidden: number;
  readonly peak: AffineBound;
}

/**
 * What happened since the tensor `source`, of which v is F(u) exactly: ‖v̂ − F(û)‖₂ is at most each of `errors`, and
 * ‖F(0)‖₂ at most `offset` (Lemma 20).
 */
export interface Since {
  readonly source: Base;
  readonly errors: readonly AffineBound[];
  readonly offset: number;
}

/** How many sources are remembered of a tensor, the latest first. */
const SOURCES = 3;

/** It is kept by the measure's identity, so that a measure that was changed in any way has none. */
const histories = new WeakMap<Measure, readonly Since[]>();

export function sinceOf(measure: Measure): readonly Since[] {
  return histories.get(measure) ?? [];
}

/**
 * ‖v̂‖ of the finished tensor, where more is known of it than `norm` says. Of a tensor inside a chain only what ends the
 * chain may use it: a scale that is folded into the layer before rounds |M||v|, not what is left of a sum that cancels.
 */
const finishedNorms = new WeakMap<Measure, AffineBound>();

export function finishedNorm(measure: Measure): AffineBound {
  return finishedNorms.get(measure) ?? measure.norm;
}

export function withFinishedNorm(measure: Measure, norm: AffineBound): Measure {
  finishedNorms.set(measure, norm);
  return measure;
}

/** Records what happened since some sources, and returns the measure. */
export function withSince(measure: Measure, since: readonly Since[]): Measure {
  histories.set(measure, since.slice(0, SOURCES));
  return measure;
}

/** `next` is what an operator makes of v: its errors follow from v's by `errors`, and ‖F(0)‖₂ likewise by `offset`. */
export function carried(
  v: Measure,
  next: Omit<Measure, 'errors'>,
  errors: (before: readonly AffineBound[]) => readonly AffineBound[],
  offset: (before: number) => number,
): Measure {
  const since = sinceOf(v).map((s) => ({ source: s.source, errors: errors(s.errors), offset: offset(s.offset) }));
  const { chain, ...rest } = next;
  return withSince({ ...rest, errors: errors(v.errors), chain }, since);
}

/** The same for an operator of v and w: what both have since one source. */
export function carriedFromBoth(
  [v, w]: readonly [Measure, Measure],
  next: Omit<Measure, 'errors'>,
  error: (d: AffineBound, e: AffineBound) => AffineBound,
  offset: (a: number, b: number) => number,
): Measure {
  const since = sinceOf(v).flatMap((s) => {
    const t = sinceOf(w).find(({ source }) => source === s.source);
    if (t === undefined) return [];
    return [{ source: s.source, errors: combine(s.errors, t.errors, error), offset: offset(s.offset, t.offset) }];
  });
  const { chain, ...rest } = next;
  return withSince({ ...rest, errors: combine(v.errors, w.errors, error), chain }, since);
}

/** Makes a tensor a source: one over which no provider folds anything, since nothing is known of a chain before it. */
export function markSource(base: Base): void {
  const { measure } = base;
  const since = sinceOf(measure);
  if (since.some(({ source }) => source === base)) return;
  withSince(measure, [{ source: base, errors: [ZERO], offset: 0 }, ...since]);
}

/** Whether the chain of the tensor has just begun. */
export function isFresh({ chain, norm }: Measure): boolean {
  return freshChains.has(chain) && chain.reach === norm;
}

const freshChains = new WeakSet<Chain>();

/** The number of elements of a tensor with these dimensions. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((a, b) => a * b, 1);
}

/** The start of a chain, into which nothing before it is folded. */
export function newChain(norm: AffineBound): Chain {
  const chain = { terms: 0, extra: 0, scales: 0, weight: 1, growth: 1, reach: norm, peak: norm, flush: ZERO };
  freshChains.add(chain);
  return chain;
}

/** A tensor that a rule bounds as a whole, which is the base of whatever is made of its elements. */
export function computed(shape: readonly number[], measure: Measure, marks: Marks = {}): Data {
  return { kind: 'data', shape, base: { size: sizeOf(shape), measure, marks }, view: null };
}

/** The elements of `data` in another shape, in the same order. */
export function inShape(data: Data, shape: readonly number[]): Data {
  return viewOf(data.base, shape, data.view);
}

/** A view of a base's elements. */
export function viewOf(base: Base, shape: readonly number[], view: View | null): Data {
  return { kind: 'data', shape, base, view };
}

/** Whether some of its elements are zeros that a Pad put there. */
export function holdsPadding({ base, view }: Data): boolean {
  return base.marks.isPadded === true || (view?.first.includes(-1) ?? false);
}

/** The measure of the tensor itself: that of its base, stretched by the view. */
export function measureOf(data: Data): Measure {
  const { measure } = data.base;
  if (data.view === null) return measure;
  const times = multiplicity(data.view, data.base.size);
  const factor = sqrtUp(times);
  const flushed = data.view.pair === null ? ZERO : flushOf(sizeOf(data.shape));
  const next = {
    lipschitz: mulUp(factor, measure.lipschitz),
    norm: sum(scale(factor, measure.norm), flushed),
    l1Norm: measure.l1Norm === null ? null : scale(times, measure.l1Norm),
    chain: {
      ...measure.chain,
      reach: scale(factor, measure.chain.reach),
      peak: scale(factor, measure.chain.peak),
      flush: scale(factor, measure.chain.flush),
    },
  };
  const stretched = (errors: readonly AffineBound[]) => errors.map((error) => sum(scale(factor, error), flushed));
  return carried(measure, next, stretched, (offset) => mulUp(factor, offset));
}

/** The cost in ℓ2 of flushing `size` values to zero, on the way in and on the way out: 2·2⁻¹²⁶·√size. */
export function flushOf(size: number): AffineBound {
  return constantBound(mulUp(2 * FLUSH_32, sqrtUp(size)));
}

/** The measure after a map that is exact in float32, 1-Lipschitz in ℓ2, and zero at zero up to `offset` in ℓ2. */
export function nonexpansive(measure: Measure, size: number, offset = 0, offsetSum = 0): Measure {
  const flushed = flushOf(size);
  const norm = sum(finishedNorm(measure), flushed, constantBound(offset));
  const next = {
    lipschitz: measure.lipschitz,
    norm,
    l1Norm:
      measure.l1Norm === null
        ? null
        : sum(measure.l1Norm, constantBound(offsetSum), constantBound(mulUp(size, 2 * FLUSH_32))),
    chain: newChain(norm),
  };
  const flushedToo = (errors: readonly AffineBound[]) => errors.map((error) => sum(error, flushed));
  return carried(measure, next, flushedToo, (before) => addUp(before, offset));
}
