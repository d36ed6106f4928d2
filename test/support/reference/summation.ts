/** float32 arithmetic as an unkind but legal provider does it: flushes, fused multiply-add, sums in any order. */

import type { Chance } from './chance.ts';

const SMALLEST_NORMAL = 2 ** -126;

/** 'bitten': every use of a subnormal decides for itself whether it is one. */
export type Flush = 'never' | 'always' | 'bitten';

const ORDERS = ['forward', 'backward', 'shuffled', 'pairwise', 'lanes', 'ascending', 'descending'] as const;

/** Factors of the products of one sum. */
export class Terms {
  x = new Float64Array(256);
  w = new Float64Array(256);
  length = 0;

  reserve(length: number): void {
    if (length > this.x.length) {
      this.x = new Float64Array(2 * length);
      this.w = new Float64Array(2 * length);
    }
    this.length = length;
  }
}

export class Float32 {
  readonly chance: Chance;
  readonly flush: Flush;

  constructor(chance: Chance, flush: Flush) {
    this.chance = chance;
    this.flush = flush;
  }

  /** An operand: a subnormal may be taken for zero. */
  keep(v: number): number {
    if (this.flush === 'never' || v === 0 || v >= SMALLEST_NORMAL || v <= -SMALLEST_NORMAL) return v;
    if (!(v > -SMALLEST_NORMAL && v < SMALLEST_NORMAL)) return v;
    return this.flush === 'always' || this.chance.is(0.5) ? 0 : v;
  }

  /** A result. */
  round(v: number): number {
    return this.keep(Math.fround(v));
  }

  add(a: number, b: number): number {
    return this.round(this.keep(a) + this.keep(b));
  }

  mul(a: number, b: number): number {
    return this.round(this.keep(a) * this.keep(b));
  }

  div(a: number, b: number): number {
    return this.round(this.keep(a) / this.keep(b));
  }

  sqrt(a: number): number {
    return this.round(Math.sqrt(this.keep(a)));
  }

  /** a·b + c in one or two roundings. The product of two float32 is exact in float64. */
  muladd(a: number, b: number, c: number, fused: boolean): number {
    if (fused) return this.round(this.keep(a) * this.keep(b) + this.keep(c));
    return this.add(this.mul(a, b), c);
  }

  /** initial + Σ x·w of terms `from` to `to` − 1, whose order is changed. */
  sum(terms: Terms, from: number, to: number, initial: number, order: (typeof ORDERS)[number], fused: boolean): number {
    if (to - from > 1) this.#arrange(terms, from, to, order);
    if (order === 'pairwise') {
      const sum = this.#pairwise(terms, from, to);
      return initial === 0 ? sum : this.add(sum, initial);
    }
    const { x, w } = terms;
    if (order === 'lanes') {
      const lanes = [initial, 0, 0, 0];
      for (let t = from; t < to; t++) lanes[t & 3] = this.muladd(x[t]!, w[t]!, lanes[t & 3]!, fused);
      return this.add(this.add(lanes[0]!, lanes[1]!), this.add(lanes[2]!, lanes[3]!));
    }
    let sum = initial;
    for (let t = from; t < to; t++) sum = this.muladd(x[t]!, w[t]!, sum, fused);
    return sum;
  }

  anyOrder(): (typeof ORDERS)[number] {
    return this.chance.pick(ORDERS);
  }

  #pairwise({ x, w }: Terms, from: number, to: number): number {
    const tree = (low: number, high: number): number => {
      if (high - low === 1) return this.mul(x[low]!, w[low]!);
      const middle = (low + high) >> 1;
      return this.add(tree(low, middle), tree(middle, high));
    };
    return from === to ? 0 : tree(from, to);
  }

  #arrange({ x, w }: Terms, from: number, to: number, order: (typeof ORDERS)[number]): void {
    const swap = (i: number, j: number): void => {
      const [p, q] = [x[i]!, w[i]!];
      x[i] = x[j]!;
      w[i] = w[j]!;
      x[j] = p;
      w[j] = q;
    };
    if (order === 'backward') for (let i = from, j = to - 1; i < j; i++, j--) swap(i, j);
    if (order === 'shuffled') for (let i = to - 1; i > from; i--) swap(i, from + this.chance.below(i - from + 1));
    if (order === 'ascending' || order === 'descending') {
      // All of one sign first: the partial sums get as large as they can.
      const sign = order === 'ascending' ? 1 : -1;
      for (let i = from + 1; i < to; i++) {
        for (let j = i; j > from && sign * x[j]! * w[j]! < sign * x[j - 1]! * w[j - 1]!; j--) swap(j, j - 1);
      }
    }
  }
}
