/** Every field of the protocol, and what may stand in it: the table that the sweep goes through. */
import { SHAPE } from './requests.ts';

/** What is put into a field; undefined takes the field away. */
export const VALUES = {
  absent: undefined,
  null: null,
  number: 7,
  string: 'x',
  'empty string': '',
  true: true,
  false: false,
  object: { x: 1 },
  'empty object': {},
  array: ['x'],
  'empty array': [],
} as const;
export type Kind = keyof typeof VALUES;
const ANY = Object.keys(VALUES) as Kind[];

/** Inference with its pixels in JSON or after it, or the question for the index of models. */
export type Form = 'json' | 'binary' | 'index';
const INFERENCE = ['json', 'binary'] as const;

export interface Field {
  readonly forms: readonly Form[];
  /** From the outermost object inwards; a text names a header. */
  readonly at: readonly (string | number)[] | string;
  /** What is answered as if nothing were wrong; everything else is refused. */
  readonly right: readonly Kind[];
  /** In the words of a refusal. */
  readonly named: RegExp;
  /** Of a refusal; 400 by default. */
  readonly status?: number;
}

const OPTIONAL = ['absent', 'null'] as const;
const TEXT = [...OPTIONAL, 'string', 'empty string'] as const;
const FLAG = [...OPTIONAL, 'true', 'false'] as const;
const OBJECT = [...OPTIONAL, 'object', 'empty object'] as const;

export const FIELDS: readonly Field[] = [
  { forms: INFERENCE, at: [], right: [], named: /inference request|inputs|bytes of the JSON/ },
  { forms: INFERENCE, at: ['id'], right: TEXT, named: /\bid\b/ },
  { forms: INFERENCE, at: ['model_name'], right: ANY, named: /^$/ },
  { forms: INFERENCE, at: ['parameters'], right: OBJECT, named: /parameters/ },
  { forms: INFERENCE, at: ['parameters', 'binary_data_output'], right: FLAG, named: /binary_data_output/ },
  { forms: INFERENCE, at: ['parameters', 'min_radius'], right: [...OPTIONAL, 'number'], named: /min_radius/ },
  { forms: INFERENCE, at: ['parameters', 'timeout'], right: ANY, named: /^$/ },
  { forms: INFERENCE, at: ['inputs'], right: [], named: /inputs/ },
  { forms: INFERENCE, at: ['inputs', 0], right: [], named: /inputs/ },
  { forms: INFERENCE, at: ['inputs', 0, 'name'], right: [], named: /name of inputs\[0\]/ },
  { forms: INFERENCE, at: ['inputs', 0, 'datatype'], right: [], named: /datatype/ },
  { forms: INFERENCE, at: ['inputs', 0, 'shape'], right: [], named: /shape/ },
  // Seven images are a right shape of too few values.
  { forms: INFERENCE, at: ['inputs', 0, 'shape', 0], right: [], named: /shape|values in data/ },
  { forms: INFERENCE, at: ['inputs', 0, 'shape', 3], right: [], named: /shape/ },
  { forms: ['json'], at: ['inputs', 0, 'data'], right: [], named: /data/ },
  { forms: ['binary'], at: ['inputs', 0, 'data'], right: OPTIONAL, named: /both data and binary_data_size/ },
  { forms: ['json'], at: ['inputs', 0, 'data', 5], right: [], named: /data/ },
  { forms: ['json'], at: ['inputs', 0, 'parameters'], right: OBJECT, named: /parameters/ },
  { forms: ['binary'], at: ['inputs', 0, 'parameters'], right: [], named: /parameters|binary_data_size/ },
  { forms: ['json'], at: ['inputs', 0, 'parameters', 'binary_data_size'], right: OPTIONAL, named: /binary_data_size/ },
  { forms: ['binary'], at: ['inputs', 0, 'parameters', 'binary_data_size'], right: [], named: /binary_data_size/ },
  {
    forms: INFERENCE,
    at: ['inputs', 0, 'parameters', 'shared_memory_region'],
    right: OPTIONAL,
    named: /shared_memory_region/,
  },
  { forms: INFERENCE, at: ['inputs', 0, 'parameters', 'content_type'], right: ANY, named: /^$/ },
  { forms: INFERENCE, at: ['outputs'], right: [...OPTIONAL, 'empty array'], named: /outputs/ },
  { forms: INFERENCE, at: ['outputs', 0], right: ['absent'], named: /outputs\[0\]/ },
  { forms: INFERENCE, at: ['outputs', 0, 'name'], right: [], named: /name of outputs\[0\]/ },
  { forms: INFERENCE, at: ['outputs', 0, 'parameters'], right: OBJECT, named: /label.*parameters/ },
  { forms: INFERENCE, at: ['outputs', 0, 'parameters', 'binary_data'], right: FLAG, named: /binary_data\b/ },
  { forms: INFERENCE, at: ['outputs', 0, 'parameters', 'classification'], right: OPTIONAL, named: /classification/ },
  {
    forms: INFERENCE,
    at: ['outputs', 0, 'parameters', 'shared_memory_region'],
    right: OPTIONAL,
    named: /shared_memory_region/,
  },
  { forms: ['json'], at: 'inference-header-content-length', right: ['absent'], named: /Inference-Header-/ },
  // Without it the whole body is taken for JSON.
  { forms: ['binary'], at: 'inference-header-content-length', right: [], named: /Inference-Header-|no JSON/ },
  { forms: ['json', 'binary', 'index'], at: 'content-type', right: ANY, named: /^$/ },
  { forms: ['json', 'binary', 'index'], at: 'x-request-id', right: ANY, named: /^$/ },
  {
    forms: ['json', 'binary', 'index'],
    at: 'content-encoding',
    right: ['absent', 'empty string'],
    named: /Content-Encoding/,
    status: 415,
  },
  { forms: ['index'], at: [], right: ['absent', 'object', 'empty object'], named: /index/ },
  { forms: ['index'], at: ['ready'], right: FLAG, named: /ready/ },
];

export interface Asked {
  readonly json: unknown;
  readonly raw: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** A request in which nothing is wrong, its parts as JSON has them. */
function rightRequest(form: Form, pixels: Float32Array): { json: Record<string, unknown>; raw: Buffer } {
  if (form === 'index') return { json: {}, raw: Buffer.alloc(0) };
  const bytes = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  const tensor = { name: 'image', datatype: 'FP32', shape: [1, ...SHAPE] };
  const inputs =
    form === 'json'
      ? [{ ...tensor, data: [...pixels], parameters: {} }]
      : [{ ...tensor, parameters: { binary_data_size: bytes.length } }];
  const outputs = [{ name: 'label', parameters: {} }, { name: 'logits' }];
  return { json: { parameters: {}, inputs, outputs }, raw: form === 'binary' ? bytes : Buffer.alloc(0) };
}

/** The right request with one field changed, ready to be sent. */
export function changed(form: Form, at: Field['at'], kind: Kind, pixels: Float32Array): Asked {
  const { json, raw } = rightRequest(form, pixels);
  const value = VALUES[kind];
  const body: unknown = typeof at === 'string' ? json : withField(json, at, value);
  const headers: Record<string, string> = {};
  if (form === 'binary') {
    headers['inference-header-content-length'] = String(Buffer.byteLength(JSON.stringify(body) ?? ''));
  }
  if (typeof at === 'string') {
    if (value === undefined) delete headers[at];
    else headers[at] = typeof value === 'string' ? value : JSON.stringify(value);
  }
  return { json: body, raw, headers };
}

function withField(holder: unknown, [name, ...rest]: readonly (string | number)[], value: unknown): unknown {
  if (name === undefined) return value;
  if (Array.isArray(holder)) {
    const inner = withField(holder[name as number], rest, value);
    return holder.toSpliced(name as number, 1, ...(inner === undefined ? [] : [inner]));
  }
  // JSON leaves out what is undefined.
  return { ...(holder as object), [name]: withField((holder as Record<string, unknown>)[name], rest, value) };
}
