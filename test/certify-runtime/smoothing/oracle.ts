/** Binomial tails by other ways than the runtime's: whole numbers for small n, logarithms of 200 bits for large n. */

/** num/2^shift, exactly. */
export interface Binary {
  readonly num: bigint;
  readonly shift: number;
}

/** The double itself. */
export function binary(x: number): Binary {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  const exponent = Number((view.getBigUint64(0) >> 52n) & 2047n);
  const fraction = view.getBigUint64(0) & (2n ** 52n - 1n);
  const shift = 1075 - Math.max(1, exponent);
  const num = exponent === 0 ? fraction : fraction | (2n ** 52n);
  return shift < 0 ? { num: num << BigInt(-shift), shift: 0 } : { num, shift };
}

/** 1 − x, exactly. */
export function complement({ num, shift }: Binary): Binary {
  return { num: (1n << BigInt(shift)) - num, shift };
}

function bitsOf(x: bigint): number {
  const hex = x.toString(16);
  return 4 * (hex.length - 1) + Number.parseInt(hex[0]!, 16).toString(2).length;
}

function toNumber({ num, shift }: Binary): number {
  const excess = Math.max(0, bitsOf(num) - 64);
  // In two factors: 2^−1074 is the least that there is.
  const scale = excess - shift;
  return Number(num >> BigInt(excess)) * 2 ** Math.ceil(scale / 2) * 2 ** Math.floor(scale / 2);
}

/** P(Bin(n, p) ≥ k), exactly. */
export function exactTail(k: number, n: number, p: Binary): Binary {
  const q = complement(p);
  let choose = 1n;
  let num = 0n;
  for (let j = 0; j <= n; j++) {
    if (j >= k) num += choose * p.num ** BigInt(j) * q.num ** BigInt(n - j);
    choose = (choose * BigInt(n - j)) / BigInt(j + 1);
  }
  return { num, shift: n * p.shift };
}

/** Is P(Bin(n, p) ≥ k) ≤ α? No rounding anywhere. */
export function tailAtMost(k: number, n: number, p: number, alpha: number): boolean {
  const tail = exactTail(k, n, binary(p));
  const limit = binary(alpha);
  return tail.num << BigInt(limit.shift) <= limit.num << BigInt(tail.shift);
}

const BITS = 200;

/** 2 artanh(above/below) · 2^BITS. */
function twiceArtanh(above: bigint, below: bigint): bigint {
  const z = (above << BigInt(BITS)) / below;
  const square = (z * z) >> BigInt(BITS);
  let power = z;
  let sum = 0n;
  for (let j = 1n; power > 0n; j += 2n) {
    sum += power / j;
    power = (power * square) >> BigInt(BITS);
  }
  return 2n * sum;
}

const LN2 = twiceArtanh(1n, 3n);

/** ln(num/2^shift) · 2^BITS, within 2⁻¹⁸⁰. */
function fixedLog({ num, shift }: Binary): bigint {
  const bits = bitsOf(num);
  const one = 1n << BigInt(bits - 1);
  const artanh = num === one ? 0n : twiceArtanh(num - one, num + one);
  return artanh + BigInt(bits - 1 - shift) * LN2;
}

export function logOf(x: Binary): number {
  return Number(fixedLog(x)) / 2 ** BITS;
}

/** ln n! − (n + ½) ln n + n − ½ ln 2π, n ≥ 1. */
function stirlingRest(n: number): number {
  if (n >= 32) return 1 / (12 * n) - 1 / (360 * n ** 3) + 1 / (1260 * n ** 5);
  let factorial = 1;
  for (let j = 2; j <= n; j++) factorial *= j;
  return Math.log(factorial) - (n + 0.5) * Math.log(n) + n - 0.5 * Math.log(2 * Math.PI);
}

/** ln P(X = k) for X ~ Binomial(n, p), within 1e-13: what is large is summed in whole numbers. */
function logProbability(k: number, n: number, p: Binary): number {
  const times = (count: number, x: Binary) => (count === 0 ? 0n : BigInt(count) * fixedLog(x));
  const whole = (x: number) => times(x, { num: BigInt(x), shift: 0 });
  const power = times(k, p) + times(n - k, complement(p));
  if (k === 0 || k === n) return Number(power) / 2 ** BITS;
  const large = Number(whole(n) - whole(k) - whole(n - k) + power) / 2 ** BITS;
  const root = 0.5 * Math.log(n / k / (n - k) / (2 * Math.PI));
  return large + root + stirlingRest(n) - stirlingRest(k) - stirlingRest(n - k);
}

/** The continued fraction of the incomplete beta I_x(a, b) (Abramowitz & Stegun 26.5.8), by Lentz's method. */
function betaFraction(a: number, b: number, x: number): number {
  let value = 1;
  let c = 1;
  let d = 0;
  for (let j = 1; j < 1_000_000; j++) {
    const m = Math.floor(j / 2);
    const top = j % 2 === 0 ? m * (b - m) : -(a + m) * (a + b + m);
    const coefficient = (top * x) / ((a + j - 1) * (a + j));
    d = 1 / (1 + coefficient * d);
    c = 1 + coefficient / c;
    value *= c * d;
    if (Math.abs(c * d - 1) < 1e-15) return 1 / value;
  }
  throw new Error(`no convergence at a = ${a}, b = ${b}, x = ${x}`);
}

/** ln P(Bin(n, p) ≥ k) where p is below (k + 1)/(n + 3) or so: there the fraction converges fast. */
function logUpperTail(k: number, n: number, p: Binary): number {
  const rest = k < n ? toNumber(complement(p)) * betaFraction(k, n - k + 1, toNumber(p)) : 1;
  return logProbability(k, n, p) + Math.log(rest);
}

/** ln P(Bin(n, p) ≥ k), 0 < p < 1, within 1e-11. */
export function logTail(k: number, n: number, p: Binary): number {
  if (k <= 0) return 0;
  if (k > n) return Number.NEGATIVE_INFINITY;
  if (k === n || toNumber(p) < (k + 1) / (n + 3)) return logUpperTail(k, n, p);
  return Math.log1p(-Math.exp(logUpperTail(n - k + 1, n, complement(p))));
}
