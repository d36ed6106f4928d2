/** A small seeded generator, so that every test that uses chance can be repeated. */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (Math.abs(Math.trunc(seed)) % 2147483646) + 1;
    for (let i = 0; i < 8; i++) this.next();
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state * 48271) % 2147483647;
    return (this.#state - 1) / 2147483646;
  }

  /** An integer from 0 to n − 1. */
  below(n: number): number {
    return Math.min(n - 1, Math.floor(this.next() * n));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** About N(0, 1). */
  normal(): number {
    let s = 0;
    for (let i = 0; i < 12; i++) s += this.next();
    return s - 6;
  }

  normals(n: number, scale = 1): number[] {
    return Array.from({ length: n }, () => this.normal() * scale);
  }

  shuffled(n: number): number[] {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  }

  /** rows orthonormal rows of length cols (rows ≤ cols), row-major. */
  orthonormalRows(rows: number, cols: number): number[] {
    const done: number[][] = [];
    for (let i = 0; i < rows; i++) {
      const row = this.normals(cols);
      for (let pass = 0; pass < 2; pass++) {
        for (const other of done) {
          const dot = other.reduce((s, v, k) => s + v * row[k]!, 0);
          for (let k = 0; k < cols; k++) row[k]! -= dot * other[k]!;
        }
      }
      const norm = Math.hypot(...row);
      done.push(row.map((v) => v / norm));
    }
    return done.flat();
  }
}
