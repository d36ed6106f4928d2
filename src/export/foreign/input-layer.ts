/** The layer between `image`, pixels [N, H, W, C] on [0, 1], and the input that a network was trained with. */
import { InputError, UnprovableError } from '../../certify-runtime/trusted/errors.ts';
import type { Attribute, ValueInfo } from '../../certify-runtime/trusted/onnx/model.ts';
import type { GraphDraft } from './graph-draft.ts';

type Layout = 'NHWC' | 'NCHW';
export type ImageShape = readonly [height: number, width: number, channels: number];

export interface InputOptions {
  /** The order of the network's own input. */
  readonly layout?: Layout;
  /** Needed if the network takes vectors or leaves sizes free. */
  readonly shape?: ImageShape;
  /**
   * The network takes (scale·x − mean)/std, x on [0, 1]; mean and std are given for each channel, or once for all. The
   * default scale of a network that takes integers is 255.
   */
  readonly scale?: number;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

export interface InputLayer {
  /** The element type of the network's own input. */
  readonly type: string;
  readonly shape: ImageShape;
  readonly layout: Layout;
  /** The shape of the network's own input, without the batch. */
  readonly dims: readonly number[];
  /** The batch size if the file fixes it. */
  readonly batch: number | null;
  readonly scale: number;
  readonly mean: Float32Array | null;
  readonly std: Float32Array | null;
}

const CHANNELS = [1, 3, 4];

function detectLayout(dims: readonly (number | string)[], given: Layout | undefined): Layout {
  if (given !== undefined) return given;
  const [first, last] = [dims[1], dims[3]].map((size) => typeof size === 'number' && CHANNELS.includes(size));
  if (first !== last) return first === true ? 'NCHW' : 'NHWC';
  throw new InputError(
    `the input [${dims.join(', ')}] may be NCHW or NHWC: say which one with --layout (sizes of channels are ${CHANNELS.join(', ')})`,
    { dims },
  );
}

/** The sizes of one image; free ones are taken from `shape`. */
function imageShape(dims: readonly (number | string)[], layout: Layout, shape: ImageShape | undefined): ImageShape {
  const order = layout === 'NCHW' ? [2, 3, 1] : [1, 2, 3];
  const sizes = order.map((axis, i) => {
    const size = dims[axis]!;
    if (typeof size === 'number' && (shape === undefined || shape[i] === size)) return size;
    if (typeof size === 'string' && shape !== undefined) return shape[i]!;
    throw new InputError(
      shape === undefined
        ? `the input [${dims.join(', ')}] leaves '${size}' free: fix it with --shape H,W,C`
        : `the input [${dims.join(', ')}] (${layout}) does not take images of ${shape.join(', ')}`,
      { dims, shape },
    );
  });
  return sizes as unknown as ImageShape;
}

function perChannel(name: string, values: readonly number[] | undefined, channels: number): Float32Array | null {
  if (values === undefined) return null;
  if (values.length !== 1 && values.length !== channels) {
    throw new InputError(`--${name} has ${values.length} values, expected 1 or ${channels}, one for each channel`);
  }
  const floats = Float32Array.from(values);
  const valid = floats.every((value) => Number.isFinite(value) && (name !== 'std' || value >= 2 ** -100));
  if (!valid) throw new InputError(`--${name} must be ${name === 'std' ? 'positive' : 'finite'}, got ${values}`);
  return floats;
}

/** The arrays of the types that an input may have. */
const ARRAYS: Readonly<Record<string, (values: Float32Array) => ArrayBufferView>> = {
  float32: (values) => values,
  float64: (values) => Float64Array.from(values),
  uint8: (values) => Uint8Array.from(values, Math.round),
  int16: (values) => Int16Array.from(values, Math.round),
  uint16: (values) => Uint16Array.from(values, Math.round),
  int32: (values) => Int32Array.from(values, Math.round),
  int64: (values) => BigInt64Array.from(values, (value) => BigInt(Math.round(value))),
};

/**
 * How `info`, the network's own input, is made from an image. `type` is that of the file's input, which has become
 * float32 in `info`.
 *
 * @throws InputError if an option must say so; UnprovableError if it is no image
 */
export function readInputLayer(info: ValueInfo, options: InputOptions, type: string = info.type): InputLayer {
  const { dims, name } = info;
  if (!Object.hasOwn(ARRAYS, type)) {
    const place = `the input '${name}'`;
    const reason = `it is ${type}, and an image is ${Object.keys(ARRAYS).join(', ')}`;
    const remedy = 'put a Cast from float32 in front of the network';
    throw new UnprovableError(`${place}: ${reason}; ${remedy}`, { type, place, reason, remedy });
  }
  const { shape, layout } = sampleOf(name, dims, options);
  const [batch, ...sizes] = dims;
  const { scale = type.includes('int') ? 255 : 1 } = options;
  if (!(Number.isFinite(scale) && scale > 0)) throw new InputError(`--scale must be positive, got ${scale}`);
  return {
    type,
    shape,
    layout,
    dims: sizes.map((size, i) =>
      typeof size === 'number' ? size : shape[(layout === 'NCHW' ? [2, 0, 1] : [0, 1, 2])[i]!]!,
    ),
    batch: typeof batch === 'number' ? batch : null,
    scale: Math.fround(scale),
    mean: perChannel('mean', options.mean, shape[2]),
    std: perChannel('std', options.std, shape[2]),
  };
}

function sampleOf(
  name: string,
  dims: readonly (number | string)[],
  options: InputOptions,
): { shape: ImageShape; layout: Layout } {
  const { shape, layout: given } = options;
  if (dims.length === 4) {
    const layout = detectLayout(dims, given);
    return { shape: imageShape(dims, layout, shape), layout };
  }
  const size = shape === undefined ? 0 : shape[0] * shape[1] * shape[2];
  // A column [N, D, 1] may be said to be an image, as [N, D] must.
  const isColumn = dims.length === 3 && dims[1] === size && dims[2] === 1;
  if (dims.length === 3 && !isColumn) return { shape: imageShape([...dims, 1], 'NHWC', shape), layout: 'NHWC' };
  if (dims.length !== 2 && !isColumn) {
    const place = `the input '${name}' [${dims.join(', ')}]`;
    const reason = 'it is no batch of images ([N, C, H, W], [N, H, W, C], [N, H, W] or [N, D])';
    const remedy = 'export the network with a batch as the first dimension of its input';
    throw new UnprovableError(`${place}: ${reason}; ${remedy}`, { dims, place, reason, remedy });
  }
  if (shape === undefined) {
    throw new InputError(`the input [${dims.join(', ')}] is flat: say what image it is with --shape H,W,C`, { dims });
  }
  if (dims[1] !== size) throw new InputError(`--shape ${shape} has ${size} values, the input takes ${dims[1]}`);
  if (given === undefined && shape[2] > 1) {
    throw new InputError('a flat input of several channels may be NCHW or NHWC: say which one with --layout');
  }
  return { shape, layout: given ?? 'NHWC' };
}

/** Puts the layer in front of the network, whose input is then [N, H, W, C]. */
export function insertInputLayer(draft: GraphDraft, layer: InputLayer): void {
  const { shape, layout, dims, scale, mean, std } = layer;
  const [input] = draft.inputs;
  const own = input!.name;
  const steps: { op: string; inputs: string[]; attributes: [string, Attribute][] }[] = [];
  const perPixel = (op: string, wish: string, values: Float32Array | null) => {
    if (values === null) return;
    const constant = draft.constant(`input/${wish}`, { type: 'float32', dims: [values.length], data: values });
    steps.push({ op, inputs: [constant], attributes: [] });
  };
  perPixel('Mul', 'scale', scale === 1 ? null : Float32Array.of(scale));
  perPixel('Sub', 'mean', mean);
  perPixel('Div', 'std', std);
  if (layout === 'NCHW') {
    steps.push({ op: 'Transpose', inputs: [], attributes: [['perm', { kind: 'ints', value: [0n, 3n, 1n, 2n] }]] });
  }
  if (dims.length !== 3) {
    steps.push({ op: 'Reshape', inputs: [draft.integers('input/dims', [-1n, ...dims.map(BigInt)])], attributes: [] });
  }
  const image = steps.length === 0 ? own : draft.fresh('image');
  draft.inputs = [{ name: image, type: 'float32', dims: ['N', ...shape] }];
  let tensor = image;
  const nodes = steps.map(({ op, inputs, attributes }, i) => {
    const from = tensor;
    tensor = i === steps.length - 1 ? own : draft.fresh(`input/${op.toLowerCase()}`);
    return {
      op,
      name: draft.fresh(`input/${op}`),
      inputs: [from, ...inputs],
      outputs: [tensor],
      attributes: new Map(attributes),
    };
  });
  draft.nodes = [...nodes, ...draft.nodes];
}

/** The same in plain arithmetic: what the original network takes for one image, in its own type. */
export function originalInput(pixels: Float32Array, layer: InputLayer): ArrayBufferView {
  const { type, shape, layout, scale, mean, std } = layer;
  const [height, width, channels] = shape;
  const places = height * width;
  const values = new Float32Array(pixels.length);
  for (let place = 0; place < places; place++) {
    for (let c = 0; c < channels; c++) {
      let value = Math.fround(pixels[place * channels + c]! * scale);
      if (mean !== null) value = Math.fround(value - mean[c % mean.length]!);
      if (std !== null) value = Math.fround(value / std[c % std.length]!);
      values[layout === 'NCHW' ? c * places + place : place * channels + c] = value;
    }
  }
  return ARRAYS[type]!(values);
}

/**
 * Frees the batch of a file that fixes it: a Reshape to a fixed number of rows keeps the number it is given. If that is
 * not what the Reshape did, the proof refuses it or the comparison with the original finds it.
 */
export function freeBatch(draft: GraphDraft, batch: number): void {
  for (const node of [...draft.nodes]) {
    const target = draft.initializers.get(node.inputs[1] ?? '');
    if (node.op !== 'Reshape' || !(target?.data instanceof BigInt64Array)) continue;
    const [rows, ...rest] = target.data;
    if (rows === undefined || rows < 1n || (rest.includes(-1n) && rows !== BigInt(batch))) continue;
    const free = draft.integers(`${target.name}/free`, [rest.includes(-1n) ? 0n : -1n, ...rest]);
    draft.replace(node, { inputs: [node.inputs[0]!, free] });
  }
}
