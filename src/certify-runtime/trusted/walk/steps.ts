/** How a tensor was computed from others, as far as lemmas 20 and 21 ask: by a linear operator, or element by element. */

import type { ConvGeometry } from '../bounds/conv-taps.ts';
import type { Matrix } from '../bounds/matrix-norm.ts';
import type { Floats } from '../bounds/precision.ts';
import type { Base, Data } from './state.ts';

/** What the step does to the elements of a sample, in their order; constants that are added are left out. */
export type Step =
  | {
      readonly kind: 'conv';
      /** The kernel [out, in/groups, k₁, k₂], applied to each of `rows` images. */
      readonly weights: Floats;
      readonly geometry: ConvGeometry;
      readonly rows: number;
      /** ‖|M|‖₂ or more. */
      readonly absolute: number;
    }
  | {
      readonly kind: 'matrix';
      /** The sample is [outer, matrices, before, cols, after]; each entry of the first three axes has its own product. */
      readonly matrices: readonly Matrix[];
      readonly before: number;
      readonly after: number;
      readonly factor: number;
      readonly absolute: number;
    }
  | {
      readonly kind: 'scale';
      /** Of the dimensions `dims`, spread from the right over `shape`; each may be off by 2⁻⁴⁸ of itself, or is exact. */
      readonly factors: ArrayLike<number>;
      readonly dims: readonly number[];
      readonly shape: readonly number[];
      readonly absolute: number;
      readonly exact?: boolean;
    }
  | {
      readonly kind: 'reduce';
      /** The sums over `axes` of a sample of this shape, times `weight`, which is off by 2⁻⁴⁸ of itself at most. */
      readonly shape: readonly number[];
      readonly axes: readonly number[];
      readonly weight: number;
      readonly absolute: number;
    }
  | { readonly kind: 'sum'; readonly signs: readonly number[] }
  /** A function of each element with slopes in [low, high]. */
  | { readonly kind: 'pointwise'; readonly low: number; readonly high: number };

export interface Recorded {
  readonly step: Step;
  /** One tensor for each summand; otherwise one. */
  readonly of: readonly Data[];
}

/** By identity: no code that moves, reshapes or copies a tensor can carry a step along. */
const steps = new WeakMap<Base, Recorded>();

/** Records how `data`, a base in its own order, was computed, and returns it. */
export function recorded(data: Data, step: Step, of: readonly Data[]): Data {
  if (data.view !== null) throw new Error('only a computed tensor has a step');
  steps.set(data.base, { step, of });
  return data;
}

export function stepOf(base: Base): Recorded | null {
  return steps.get(base) ?? null;
}

/** v ↦ −v, or v itself. */
export function signStep(shape: readonly number[], sign: number): Step {
  return { kind: 'scale', factors: [sign], dims: [], shape, absolute: 1, exact: true };
}
