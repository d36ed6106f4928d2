/**
 * The real Fourier frame of images H × W, in which circular convolutions are block diagonal. It uses matrices, not an
 * FFT: for the sizes here (4 to 32) a matrix product is faster than any FFT, and its float32 error is the one that is
 * proven.
 *
 * A frequency is a slot of two coordinates, the real and the imaginary part of the image there; frequencies that are
 * their own conjugates have only real parts, and two of them share a slot. H/2·W slots hold all of a real image (H
 * even).
 */

/** One frequency, as angles per pixel downwards and to the right. */
interface Frequency {
  readonly down: number;
  readonly right: number;
}

/**
 * What a slot's two coordinates are: the two parts of one complex frequency, or one real frequency each (null: always
 * zero).
 */
type Slot =
  | { readonly kind: 'complex'; readonly at: Frequency }
  | { readonly kind: 'real'; readonly at: readonly (Frequency | null)[] };

export interface FourierFrame {
  readonly height: number;
  readonly width: number;
  /** ⌈H/2⌉: rows of slots. */
  readonly rows: number;
  /** Number of slots, rows·W. */
  readonly slots: number;
  /** A [2·rows, H], AᵀA = I: maps columns of the image to (row of slots, re or im). */
  readonly vertical: Float64Array;
  /** B [rows, 2W, 2W], BᵀB = I on the range of A: maps (re or im, column) to (slot, re or im). */
  readonly horizontal: Float64Array;
  /**
   * E [slots·4, k·k]: maps kernel taps [k·k, c·c′] to blocks (slot, from re or im, to re or im, c, c′). With the blocks
   * [2c, 2c′] of each slot, x ↦ (BA)ᵀ·blocks·BA·x is the circular convolution with that kernel, centred on its tap
   * (⌊k/2⌋, ⌊k/2⌋).
   */
  response(kernel: number): Float64Array;
}

/** cos and sin of 2π·a·b/n; a·b is reduced modulo n first, so the angle's argument is exact. */
function turn(a: number, b: number, n: number): readonly [cos: number, sin: number] {
  const angle = (2 * Math.PI * ((a * b) % n)) / n;
  return [Math.cos(angle), Math.sin(angle)];
}

/**
 * A: for each slot row l, the rows (cos, −sin)·√(2/H); row 0 holds the constant and, if H is even, the alternating
 * sequence.
 */
function verticalBasis(height: number): Float64Array {
  const rows = Math.ceil(height / 2);
  const basis = new Float64Array(2 * rows * height);
  for (let h = 0; h < height; h++) {
    basis[h] = Math.sqrt(1 / height);
    if (height % 2 === 0) basis[height + h] = (h % 2 === 0 ? 1 : -1) / Math.sqrt(height);
    for (let l = 1; l < rows; l++) {
      const [cos, sin] = turn(l, h, height);
      basis[2 * l * height + h] = Math.sqrt(2 / height) * cos;
      basis[(2 * l + 1) * height + h] = -Math.sqrt(2 / height) * sin;
    }
  }
  return basis;
}

/** Row 0's B and slots: two real signals (the second one only if H is even), each in its own real Fourier basis. */
function realRow(height: number, width: number, basis: Float64Array, slots: Slot[]): void {
  const signals = height % 2 === 0 ? 2 : 1;
  const downOf = (signal: number) => (signal === 0 ? 0 : Math.PI);
  let slot = 0;
  const put = (part: number, signal: number, value: (w: number) => number) => {
    for (let w = 0; w < width; w++) basis[(2 * slot + part) * 2 * width + signal * width + w] = value(w);
  };
  // The frequencies with only a real part: 0 and, if W is even, π. Two share a slot: those of one signal, otherwise
  // those of both.
  const real = Array.from({ length: signals }, (_, signal) =>
    [0, width / 2].filter(Number.isInteger).map((k) => ({ signal, k })),
  ).flat();
  for (let i = 0; i < real.length; i += 2) {
    const pair = [real[i], real[i + 1]];
    pair.forEach((entry, part) => {
      if (entry !== undefined) put(part, entry.signal, (w) => turn(entry.k, w, width)[0] / Math.sqrt(width));
    });
    const at = pair.map((entry) => entry && { down: downOf(entry.signal), right: (2 * Math.PI * entry.k) / width });
    slots.push({ kind: 'real', at: at.map((frequency) => frequency ?? null) });
    slot++;
  }
  for (let signal = 0; signal < signals; signal++) {
    for (let k = 1; k < width / 2; k++) {
      put(0, signal, (w) => Math.sqrt(2 / width) * turn(k, w, width)[0]);
      put(1, signal, (w) => -Math.sqrt(2 / width) * turn(k, w, width)[1]);
      slots.push({ kind: 'complex', at: { down: downOf(signal), right: (2 * Math.PI * k) / width } });
      slot++;
    }
  }
  while (slots.length < width) slots.push({ kind: 'real', at: [null, null] });
}

/**
 * The B of every other row: the complex Fourier transform of the columns, (re + i·im) ↦ Σ_w (re + i·im)·e^{−iφw}/√W.
 */
function complexRow(width: number): Float64Array {
  const basis = new Float64Array(4 * width * width);
  for (let k = 0; k < width; k++) {
    for (let w = 0; w < width; w++) {
      const [cos, sin] = turn(k, w, width).map((value) => value / Math.sqrt(width)) as [number, number];
      const [re, im] = [2 * k * 2 * width, (2 * k + 1) * 2 * width];
      basis[re + w] = cos;
      basis[re + width + w] = sin;
      basis[im + w] = -sin;
      basis[im + width + w] = cos;
    }
  }
  return basis;
}

/** Re and Im of e^{−i(down·δ₁ + right·δ₂)} for each tap of a kernel, where δ is its offset from the centre. */
function response(slots: readonly Slot[], kernel: number): Float64Array {
  const taps = kernel * kernel;
  const table = new Float64Array(slots.length * 4 * taps);
  const angle = ({ down, right }: Frequency, tap: number) => {
    const centre = Math.floor(kernel / 2);
    return down * (Math.floor(tap / kernel) - centre) + right * ((tap % kernel) - centre);
  };
  slots.forEach((slot, f) => {
    const put = (from: number, to: number, value: (tap: number) => number) => {
      for (let tap = 0; tap < taps; tap++) table[(f * 4 + 2 * from + to) * taps + tap] = value(tap);
    };
    if (slot.kind === 'real') {
      slot.at.forEach((frequency, part) => {
        if (frequency !== null) put(part, part, (tap) => Math.cos(angle(frequency, tap)));
      });
      return;
    }
    for (const part of [0, 1]) put(part, part, (tap) => Math.cos(angle(slot.at, tap)));
    put(0, 1, (tap) => -Math.sin(angle(slot.at, tap)));
    put(1, 0, (tap) => Math.sin(angle(slot.at, tap)));
  });
  return table;
}

export function fourierFrame(height: number, width: number): FourierFrame {
  const rows = Math.ceil(height / 2);
  const horizontal = new Float64Array(rows * 4 * width * width);
  const slots: Slot[] = [];
  realRow(height, width, horizontal, slots);
  const other = complexRow(width);
  for (let l = 1; l < rows; l++) {
    horizontal.set(other, l * other.length);
    for (let k = 0; k < width; k++) {
      slots.push({
        kind: 'complex',
        at: { down: (2 * Math.PI * l) / height, right: (2 * Math.PI * k) / width },
      });
    }
  }
  return {
    height,
    width,
    rows,
    slots: slots.length,
    vertical: verticalBasis(height),
    horizontal,
    response: (kernel) => response(slots, kernel),
  };
}
