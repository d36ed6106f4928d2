/** Reads an inference request: JSON, or JSON followed by raw tensors (the binary tensor extension). */
import { shown } from '../http/http-error.ts';
import { isLeastRadius, LEAST_RADIUS, type LeastRadius, leastRadius } from '../worker/least-radius.ts';
import { bad, type Fields, isFields, optional, optionalFlag, readJson } from './fields.ts';
import {
  BYTES_PER_VALUE,
  CERTIFIED,
  INPUT,
  INPUT_TYPES,
  type InputType,
  type ModelInput,
  OUTPUTS,
  type OutputName,
  type Pixels,
} from './tensors.ts';

export interface WantedOutput {
  readonly name: OutputName;
  readonly binary: boolean;
}

export interface InferRequest {
  readonly id: string | undefined;
  readonly images: readonly Pixels[];
  readonly outputs: readonly WantedOutput[];
  /** What the images are held against; undefined if neither the service nor the request has a least radius. */
  readonly least: LeastRadius | undefined;
}

const MAX_ID = 256;
const REQUEST = 'an inference request';
const COUNTED_REQUEST = `${REQUEST} of as many bytes as Inference-Header-Content-Length says`;

const NONE: Fields = {};

function parametersOf(holder: Fields, where: string): Fields {
  const parameters = optional(holder['parameters']) ?? NONE;
  return isFields(parameters)
    ? parameters
    : bad(`${where}: found ${shown(parameters)} as parameters, expected an object`);
}

/** Splits a body into the JSON of the request and the raw tensors after it. */
function split(body: Buffer, headerLength: string | undefined): { readonly json: Fields; readonly raw: Buffer } {
  let length = body.length;
  if (headerLength !== undefined) {
    length = /^\d{1,10}$/.test(headerLength) ? Number(headerLength) : -1;
    if (length < 0 || length > body.length) {
      bad(
        `found Inference-Header-Content-Length ${shown(headerLength)}, expected at most the body's ${body.length} bytes`,
      );
    }
    if (length === 0 && body.length > 0) {
      bad(
        'found Inference-Header-Content-Length 0, expected the bytes of the JSON; tensors without JSON (the raw binary request) are not offered',
      );
    }
  }
  const json = readJson(body, length, headerLength === undefined ? REQUEST : COUNTED_REQUEST);
  return { json, raw: body.subarray(length) };
}

/**
 * @param headerLength the header Inference-Header-Content-Length, if the request has one
 * @param minRadius the service's least radius
 * @param admit throws if there are too many images; called before their values are read
 * @throws HttpError 400 if the request does not fit the model; the message says what was found and what was expected
 */
export function readInferRequest(
  body: Buffer,
  headerLength: string | undefined,
  input: ModelInput,
  minRadius: number | undefined,
  admit: (images: number) => void,
): InferRequest {
  const { json, raw } = split(body, headerLength);
  const id = optional(json['id']);
  if (id !== undefined && (typeof id !== 'string' || id.length > MAX_ID)) {
    bad(`found ${shown(id)} as id, expected a string of at most ${MAX_ID} characters`);
  }
  const tensor = onlyInput(json['inputs']);
  const parameters = parametersOf(json, 'request');
  const least = leastRadius(minRadius, readLeastRadius(parameters['min_radius']));
  const outputs = readOutputs(json, parameters, least);
  const { type, count } = readForm(tensor, input);
  admit(count);
  return { id, images: readImages(tensor, raw, type, count, input), outputs, least };
}

function onlyInput(inputs: unknown): Fields {
  if (!Array.isArray(inputs) || inputs.length !== 1) {
    const found = Array.isArray(inputs) ? `${inputs.length} inputs` : `${shown(inputs)} as inputs`;
    bad(`found ${found}, expected a list of one input, ${shown(INPUT)}`);
  }
  const tensor: unknown = inputs[0];
  if (!isFields(tensor)) bad(`found ${shown(tensor)} as inputs[0], expected an object`);
  if (tensor['name'] !== INPUT) bad(`found ${shown(tensor['name'])} as name of inputs[0], expected ${shown(INPUT)}`);
  return tensor;
}

function readLeastRadius(found: unknown): number | undefined {
  const value = optional(found);
  if (value === undefined || isLeastRadius(value)) return value;
  bad(`found ${shown(value)} as min_radius, expected ${LEAST_RADIUS}`);
}

function readOutputs(json: Fields, of: Fields, least: LeastRadius | undefined): readonly WantedOutput[] {
  const binaryByDefault = optionalFlag(of['binary_data_output'], 'binary_data_output', false);
  const offered: readonly OutputName[] = least === undefined ? OUTPUTS : [...OUTPUTS, CERTIFIED];
  const outputs = optional(json['outputs']) ?? [];
  if (!Array.isArray(outputs)) bad(`found ${shown(outputs)} as outputs, expected a list`);
  if (outputs.length === 0) return offered.map((name) => ({ name, binary: binaryByDefault }));
  const wanted = new Map<OutputName, WantedOutput>();
  for (let i = 0; i < outputs.length; i++) {
    const output: unknown = outputs[i];
    if (!isFields(output)) bad(`found ${shown(output)} as outputs[${i}], expected an object with a name`);
    const found = output['name'];
    if (found === CERTIFIED && least === undefined) {
      bad('found output certified and no least radius, expected the parameter min_radius in the request');
    }
    const name =
      offered.find((known) => known === found) ??
      bad(`found ${shown(found)} as name of outputs[${i}], expected ${offered.join(', ')}`);
    if (wanted.has(name)) bad(`found output ${name} twice, expected each at most once`);
    const parameters = parametersOf(output, `output ${name}`);
    if ((optional(parameters['classification']) ?? 0) !== 0) {
      bad(`output ${name}: found classification, expected none; that extension is not offered`);
    }
    refuseSharedMemory(parameters, `output ${name}`);
    wanted.set(name, { name, binary: optionalFlag(parameters['binary_data'], 'binary_data', binaryByDefault) });
  }
  return [...wanted.values()];
}

/** Refuses shared memory, because a client that asks for it would look for its tensors nowhere else. */
function refuseSharedMemory(parameters: Fields, where: string): void {
  if (optional(parameters['shared_memory_region']) === undefined) return;
  bad(`${where}: found shared_memory_region, expected none; shared memory is not offered`);
}

/** Reads the datatype and the number of images; the shape must be the model's [N, H, W, C]. */
function readForm(tensor: Fields, input: ModelInput): { readonly type: InputType; readonly count: number } {
  const { datatype, shape } = tensor;
  const type = INPUT_TYPES.find((known) => known === datatype);
  if (type === undefined) bad(`image: found datatype ${shown(datatype)}, expected ${INPUT_TYPES.join(' or ')}`);
  const fits =
    Array.isArray(shape) &&
    shape.length === 1 + input.shape.length &&
    input.shape.every((size, i) => shape[i + 1] === size);
  const count: unknown = fits ? shape[0] : undefined;
  if (!Number.isSafeInteger(count) || (count as number) < 1) {
    bad(`image: found shape ${shown(shape)}, expected [N, ${input.shape.join(', ')}], N at least 1`);
  }
  return { type, count: count as number };
}

function readImages(tensor: Fields, raw: Buffer, type: InputType, count: number, input: ModelInput): readonly Pixels[] {
  const length = count * input.size;
  const parameters = parametersOf(tensor, 'image');
  refuseSharedMemory(parameters, 'image');
  const size = optional(parameters['binary_data_size']);
  let values: Pixels;
  if (size === undefined) {
    if (raw.length > 0) bad(`image: found ${raw.length} bytes after the JSON and no binary_data_size, expected both`);
    values = readValues(tensor['data'], type, [count, ...input.shape]);
  } else {
    const expected = length * BYTES_PER_VALUE[type];
    if (optional(tensor['data']) !== undefined) {
      bad('image: found both data and binary_data_size, expected one of them');
    }
    if (size !== expected) bad(`image: found binary_data_size ${shown(size)}, expected ${expected} for its shape`);
    if (raw.length !== expected) bad(`image: found ${raw.length} bytes after the JSON, expected ${expected}`);
    values = rawValues(raw, type, length);
  }
  if (values instanceof Float32Array) checkRange(values, input.size);
  if (count === 1) return [values];
  return Array.from({ length: count }, (_, i) => values.subarray(i * input.size, (i + 1) * input.size));
}

/** Reads little-endian values: as a view if they are aligned, otherwise as a copy. */
function rawValues(raw: Buffer, type: InputType, length: number): Pixels {
  if (type === 'UINT8') return raw;
  if (raw.byteOffset % 4 === 0) return new Float32Array(raw.buffer, raw.byteOffset, length);
  const values = new Float32Array(length);
  new Uint8Array(values.buffer).set(raw);
  return values;
}

function checkRange(values: Float32Array, size: number): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!(value >= 0 && value <= 1)) {
      bad(
        `image ${Math.floor(i / size)}: found ${value} as value ${i % size} of its data, expected a number on [0, 1]`,
      );
    }
  }
}

/** Reads `data` from JSON: either one flat list, row by row, or a list nested like the shape. */
function readValues(data: unknown, type: InputType, shape: readonly number[]): Pixels {
  if (!Array.isArray(data)) bad(`image: found ${shown(data)} as data, expected a list of numbers`);
  const length = shape.reduce((product, size) => product * size, 1);
  const nested = Array.isArray(data[0]);
  // This is checked before anything is allocated: the list must be able to fill the claimed shape.
  if (data.length !== (nested ? shape[0] : length)) {
    bad(`image: found ${data.length} ${nested ? 'rows' : 'values'} in data, expected ${nested ? shape[0] : length}`);
  }
  const values = type === 'FP32' ? new Float32Array(length) : new Uint8Array(length);
  if (nested) fillNested(values, data, shape, 0, 0);
  else fill(values, data, 0);
  return values;
}

function fillNested(values: Pixels, data: unknown, shape: readonly number[], axis: number, at: number): number {
  if (!Array.isArray(data) || data.length !== shape[axis]) {
    bad(`image: found data nested otherwise, expected it nested as its shape [${shape.join(', ')}] is`);
  }
  if (axis === shape.length - 1) return fill(values, data, at);
  for (const part of data) at = fillNested(values, part, shape, axis + 1, at);
  return at;
}

function fill(values: Pixels, data: readonly unknown[], at: number): number {
  const bytes = values instanceof Uint8Array;
  for (const value of data) {
    if (typeof value !== 'number' || (bytes && !(Number.isInteger(value) && value >= 0 && value <= 255))) {
      bad(`image: found ${shown(value)} in data, expected ${bytes ? 'a whole number from 0 to 255' : 'a number'}`);
    }
    values[at++] = value;
  }
  return at;
}
