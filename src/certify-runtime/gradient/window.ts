/** Gradients of sliding windows: Conv, AveragePool and MaxPool in one and two dimensions. */
import type { NodeReader, Operator, Twins } from './operator.ts';

interface Windows {
  readonly channels: number;
  /** Pixels of one plane of the input and of the output. */
  readonly input: number;
  readonly output: number;
  /** The size of an output plane, in the file's own number of dimensions. */
  readonly size: readonly number[];
  /** For each output place and tap, the pixel of the input plane; −1 in the padding. */
  readonly at: Int32Array;
  readonly taps: number;
}

interface Axis {
  readonly size: number;
  readonly taps: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding before the first pixel. */
  readonly before: number;
  readonly places: number;
}

/** The padding before and after one axis. */
function padding(reader: NodeReader, axis: number, size: number, span: number, stride: number): [number, number] {
  const mode = reader.string('auto_pad', 'NOTSET');
  if (mode === 'NOTSET') {
    const pads = reader.ints('pads') ?? [];
    return [pads[axis] ?? 0, pads[axis + pads.length / 2] ?? 0];
  }
  if (mode === 'VALID') return [0, 0];
  if (!mode.startsWith('SAME_')) return reader.fail(`auto_pad ${mode}`);
  const total = (Math.ceil(size / stride) - 1) * stride + span - size;
  if (total < 0) reader.fail('windows that ONNX Runtime shifts');
  const before = mode === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
  return [before, total - before];
}

/** For each place and tap of an axis, the pixel; −1 in the padding. */
function pixelsOf({ size, taps, stride, dilation, before, places }: Axis): Int32Array {
  return Int32Array.from({ length: places * taps }, (_, i) => {
    const pixel = Math.floor(i / taps) * stride - before + (i % taps) * dilation;
    return pixel >= 0 && pixel < size ? pixel : -1;
  });
}

function windows(reader: NodeReader, given: readonly number[]): Windows {
  const shape = reader.dataShape(0);
  const rank = shape.length - 1;
  if ((rank !== 1 && rank !== 2) || given.length !== rank)
    return reader.fail('only one and two dimensions have a gradient');
  const ceiling = reader.int('ceil_mode', 0) !== 0;
  const axes = given.map((taps, axis): Axis => {
    const size = shape[axis + 1]!;
    const [stride, dilation] = [reader.ints('strides')?.[axis] ?? 1, reader.ints('dilations')?.[axis] ?? 1];
    const span = dilation * (taps - 1) + 1;
    const [before, after] = padding(reader, axis, size, span, stride);
    reader.fit([taps, stride, dilation, before + 1, after + 1]);
    const steps = (size + before + after - span) / stride;
    const places = (ceiling ? Math.ceil(steps) : Math.floor(steps)) + 1;
    if (ceiling && (places - 1) * stride >= size + before) reader.fail('a window behind the data');
    return { size, taps, stride, dilation, before, places };
  });
  const channels = shape[0]!;
  const sizes = axes.map(({ places }) => places);
  reader.fit([channels, ...sizes, ...given]);
  // One dimension is treated as two, of which the first has size 1.
  const line: Axis = { size: 1, taps: 1, stride: 1, dilation: 1, before: 0, places: 1 };
  const [vertical, horizontal] = (axes.length === 1 ? [line, ...axes] : axes) as [Axis, Axis];
  const [rows, cols] = [pixelsOf(vertical), pixelsOf(horizontal)];
  const taps = vertical.taps * horizontal.taps;
  const output = vertical.places * horizontal.places;
  const at = new Int32Array(output * taps);
  let entry = 0;
  for (let place = 0; place < output; place++) {
    const row = Math.floor(place / horizontal.places) * vertical.taps;
    const col = (place % horizontal.places) * horizontal.taps;
    for (let i = row; i < row + vertical.taps; i++) {
      for (let j = col; j < col + horizontal.taps; j++) {
        at[entry++] = rows[i]! >= 0 && cols[j]! >= 0 ? rows[i]! * horizontal.size + cols[j]! : -1;
      }
    }
  }
  return { channels, input: vertical.size * horizontal.size, output, size: sizes, at, taps };
}

function conv(reader: NodeReader): Operator {
  const { dims } = reader.constant(1);
  const [filters = 0, perGroup = 0, ...kernel] = dims;
  const { channels, input, output, size, at, taps } = windows(reader, kernel);
  const weights = reader.floats(1);
  const bias = reader.has(2) ? reader.floats(2) : new Float64Array(filters);
  const groups = reader.int('group', 1);
  if (perGroup * groups !== channels || filters % groups !== 0 || bias.length !== filters)
    reader.fail(`${groups} groups of ${perGroup} channels for ${channels}`);
  /**
   * Visits every filter with each of its channels: offsets of the filter's taps, the input plane and the output plane.
   */
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
    work: filters * perGroup * taps * output,
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

function pool(reader: NodeReader): Operator {
  const isMax = reader.node.op === 'MaxPool';
  if (reader.node.outputs.length > 1) reader.fail('its indices');
  const found = windows(reader, reader.ints('kernel_shape') ?? []);
  return isMax ? maxima(found) : averages(found, reader.int('count_include_pad', 0) !== 0);
}

/** Σ v/count over each window, where count is the number of its taps, or of those that are not in the padding. */
function averages({ channels, input, output, size, at, taps }: Windows, all: boolean): Operator {
  const weights = Float64Array.from({ length: output }, (_, place) => {
    const own = at.subarray(place * taps, (place + 1) * taps);
    return 1 / (all ? taps : own.reduce((count, pixel) => (pixel < 0 ? count : count + 1), 0));
  });
  return {
    outputShapes: [[channels, ...size]],
    work: channels * taps * output,
    forward([x], n) {
      const y = new Float64Array(n * channels * output);
      for (let plane = 0; plane < n * channels; plane++) {
        for (let e = 0; e < at.length; e++) {
          const place = Math.floor(e / taps);
          if (at[e]! >= 0) y[plane * output + place]! += weights[place]! * x![plane * input + at[e]!]!;
        }
      }
      return [y];
    },
    backward(_x, _y, [gy], [gx], n) {
      for (let plane = 0; plane < n * channels; plane++) {
        for (let e = 0; e < at.length; e++) {
          const place = Math.floor(e / taps);
          if (at[e]! >= 0) gx![plane * input + at[e]!]! += weights[place]! * gy![plane * output + place]!;
        }
      }
    },
  };
}

/** The largest value of each window; the gradient goes to the first one in a tie. */
function maxima({ channels, input, output, size, at, taps }: Windows): Operator {
  const largest = (x: Float64Array, plane: number, place: number): number => {
    let best = -1;
    for (let e = place * taps; e < (place + 1) * taps; e++) {
      const pixel = at[e]!;
      if (pixel >= 0 && (best < 0 || x[plane * input + pixel]! > x[best]!)) best = plane * input + pixel;
    }
    return best;
  };
  return {
    outputShapes: [[channels, ...size]],
    work: channels * taps * output,
    forward([x], n) {
      const y = new Float64Array(n * channels * output);
      for (let e = 0; e < y.length; e++) y[e] = x![largest(x!, Math.floor(e / output), e % output)]!;
      return [y];
    },
    backward([x], _y, [gy], [gx], n) {
      for (let e = 0; e < n * channels * output; e++) {
        gx![largest(x!, Math.floor(e / output), e % output)]! += gy![e]!;
      }
    },
  };
}

export const windowTwins: Twins = {
  Conv: { gradient: conv, affine: [0] },
  AveragePool: { gradient: pool, affine: [0] },
  MaxPool: { gradient: pool },
};
