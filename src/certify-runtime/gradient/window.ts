/** Gradients of the sliding windows: Conv, AveragePool and MaxPool in two dimensions. */
import type { NodeReader, Operator } from './operator.ts';

interface Windows {
  readonly channels: number;
  /** Pixels of one plane, before and after. */
  readonly input: number;
  readonly output: number;
  readonly size: readonly [height: number, width: number];
  /** Per output place and tap: the pixel of the input plane, −1 in the padding. */
  readonly at: Int32Array;
  readonly taps: number;
}

function windows(reader: NodeReader, kernel: readonly number[]): Windows {
  const shape = reader.dataShape(0);
  if (shape.length !== 3 || kernel.length !== 2) return reader.fail('only two dimensions have a gradient');
  if (reader.string('auto_pad', 'NOTSET') !== 'NOTSET' || reader.int('ceil_mode', 0) !== 0)
    reader.fail('auto_pad or ceil_mode');
  const [channels, height, width] = shape as [number, number, number];
  const pads = reader.ints('pads') ?? [0, 0, 0, 0];
  const strides = reader.ints('strides') ?? [1, 1];
  const dilations = reader.ints('dilations') ?? [1, 1];
  const [rows, cols] = [height, width].map((size, axis) => {
    const span = dilations[axis]! * (kernel[axis]! - 1) + 1;
    return Math.floor((size + pads[axis]! + pads[axis + 2]! - span) / strides[axis]!) + 1;
  }) as [number, number];
  const taps = kernel[0]! * kernel[1]!;
  const at = new Int32Array(rows * cols * taps).fill(-1);
  for (let place = 0; place < rows * cols; place++) {
    for (let tap = 0; tap < taps; tap++) {
      const i = Math.floor(place / cols) * strides[0]! - pads[0]! + Math.floor(tap / kernel[1]!) * dilations[0]!;
      const j = (place % cols) * strides[1]! - pads[1]! + (tap % kernel[1]!) * dilations[1]!;
      if (i >= 0 && i < height && j >= 0 && j < width) at[place * taps + tap] = i * width + j;
    }
  }
  return { channels, input: height * width, output: rows * cols, size: [rows, cols], at, taps };
}

export function conv(reader: NodeReader): Operator {
  const { dims, data } = reader.constant(1);
  const [filters, perGroup, ...kernel] = dims as [number, number, ...number[]];
  const { channels, input, output, size, at, taps } = windows(reader, kernel);
  const weights = Float64Array.from(data as Float32Array);
  const bias = reader.has(2) ? Float64Array.from(reader.constant(2).data as Float32Array) : new Float64Array(filters);
  const groups = reader.int('group', 1);
  if (perGroup * groups !== channels) reader.fail(`${groups} groups of ${perGroup} channels for ${channels}`);
  /** Visits every filter and channel that meet: offsets of the filter's taps, the input plane and the output plane. */
  const planes = (n: number, visit: (tap0: number, from: number, to: number) => void): void => {
    for (let k = 0; k < n; k++) {
      for (let f = 0; f < filters; f++) {
        const first = Math.floor((f * groups) / filters) * perGroup;
        for (let c = 0; c < perGroup; c++) {
          visit((f * perGroup + c) * taps, (k * channels + first + c) * input, (k * filters + f) * output);
        }
      }
    }
  };
  return {
    outputShapes: [[filters, ...size]],
    forward([x], n) {
      const y = new Float64Array(n * filters * output);
      for (let plane = 0; plane < n * filters; plane++)
        y.fill(bias[plane % filters]!, plane * output, (plane + 1) * output);
      planes(n, (tap0, from, to) => {
        for (let place = 0; place < output; place++) {
          let total = 0;
          for (let tap = 0; tap < taps; tap++) {
            const pixel = at[place * taps + tap]!;
            if (pixel >= 0) total += weights[tap0 + tap]! * x![from + pixel]!;
          }
          y[to + place]! += total;
        }
      });
      return [y];
    },
    backward(_x, _y, [gy], [gx], n) {
      planes(n, (tap0, from, to) => {
        for (let place = 0; place < output; place++) {
          const g = gy![to + place]!;
          if (g === 0) continue;
          for (let tap = 0; tap < taps; tap++) {
            const pixel = at[place * taps + tap]!;
            if (pixel >= 0) gx![from + pixel]! += g * weights[tap0 + tap]!;
          }
        }
      });
    },
  };
}

export function pool(reader: NodeReader): Operator {
  const isMax = reader.node.op === 'MaxPool';
  const { channels, input, output, size, at, taps } = windows(reader, reader.ints('kernel_shape') ?? []);
  const all = reader.int('count_include_pad', 0) !== 0;
  /** Weight of each tap of a place: 1 at the maximum, or 1/count. */
  const share = (x: Float64Array, from: number, place: number): Float64Array => {
    const weights = new Float64Array(taps);
    let best = -1;
    let count = 0;
    for (let tap = 0; tap < taps; tap++) {
      const pixel = at[place * taps + tap]!;
      if (pixel < 0) continue;
      count++;
      weights[tap] = 1;
      if (best < 0 || x[from + pixel]! > x[from + at[place * taps + best]!]!) best = tap;
    }
    return weights.map((w, tap) => (isMax ? Number(tap === best) : w / (all ? taps : count)));
  };
  return {
    outputShapes: [[channels, ...size]],
    forward([x], n) {
      const y = new Float64Array(n * channels * output);
      for (let e = 0; e < y.length; e++) {
        const [plane, place] = [Math.floor(e / output), e % output];
        const weights = share(x!, plane * input, place);
        for (let tap = 0; tap < taps; tap++) {
          if (weights[tap]! > 0) y[e]! += weights[tap]! * x![plane * input + at[place * taps + tap]!]!;
        }
      }
      return [y];
    },
    backward([x], _y, [gy], [gx], n) {
      for (let e = 0; e < n * channels * output; e++) {
        const [plane, place] = [Math.floor(e / output), e % output];
        const weights = share(x!, plane * input, place);
        for (let tap = 0; tap < taps; tap++) {
          if (weights[tap]! > 0) gx![plane * input + at[place * taps + tap]!]! += weights[tap]! * gy![e]!;
        }
      }
    },
  };
}
