/**
 * What the certificate in a model's metadata contains, and how it is read.
 *
 * It is read in one form only, that of JSON.stringify: no key occurs twice, no parser would round a number, and no
 * string has another spelling. So no two JSON parsers read different claims from one file.
 */

import { CertificateError } from '../errors.ts';
import { CERTIFICATE_FORMAT, type Certificate } from './claims.ts';

/** @throws CertificateError if the condition does not hold */
export function check(condition: boolean, problem: string, details: Record<string, unknown> = {}): asserts condition {
  if (!condition) throw new CertificateError(`certificate: ${problem}`, details);
}

/** Limits of the reader, so that a hostile text costs little before it is refused. */
const MAX_TEXT = 2 ** 24;
const MAX_DEPTH = 32;
const MAX_LATENT_ERRORS = 8;
export const MAX_VECTORS = 256;

function fail(path: string, expected: string, found: unknown): never {
  const shown = JSON.stringify(typeof found === 'string' ? found.slice(0, 80) : found)?.slice(0, 82);
  throw new CertificateError(`certificate: ${path}: expected ${expected}, found ${shown}`, { path, expected });
}

/** Checks what a value must be, and throws if it is not. */
type Form = (value: unknown, path: string) => void;

const form =
  (expected: string, holds: (value: unknown) => boolean): Form =>
  (value, path) => {
    if (!holds(value)) fail(path, expected, value);
  };

const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
const anyObject = form('an object', isObject);
const string = form('a string', (value) => typeof value === 'string');
const bound = form('a number ≥ 0', (value) => Number.isFinite(value) && (value as number) >= 0);
const integer = form('an integer ≥ 0', (value) => Number.isSafeInteger(value) && (value as number) >= 0);
const float32 = form('a finite float32', (value) => Number.isFinite(value) && Math.fround(value as number) === value);
const digest = form('64 hexadecimal digits', (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value));

const exactly = (expected: unknown): Form => {
  const json = JSON.stringify(expected);
  return form(json, (value) => JSON.stringify(value) === json);
};

const both =
  (...forms: readonly Form[]): Form =>
  (value, path) => {
    for (const each of forms) each(value, path);
  };

/** Demands an object with exactly these fields. */
const object = (fields: Readonly<Record<string, Form>>): Form =>
  both(anyObject, (value, path) => {
    const found = value as Record<string, unknown>;
    const at = (key: string) => (path === '' ? key : `${path}.${key}`);
    for (const key of Object.keys(found)) if (!Object.hasOwn(fields, key)) fail(at(key), 'no such field', found[key]);
    for (const [key, field] of Object.entries(fields)) {
      if (!Object.hasOwn(found, key)) fail(at(key), 'a value', undefined);
      field(found[key], at(key));
    }
  });

const list = (item: Form, least = 0, most = Number.POSITIVE_INFINITY): Form =>
  both(form('a list', Array.isArray), (value, path) => {
    const found = value as readonly unknown[];
    if (found.length < least || found.length > most) fail(path, `${least} to ${most} entries`, found.length);
    for (const [i, entry] of found.entries()) item(entry, `${path}[${i}]`);
  });

const affine = object({ constant: bound, l2: bound, l1: bound });

/** The names differ and none is empty, because answers are told apart by them. */
const names = both(
  list(string, 2),
  form('different names', (value) => {
    const found = new Set(value as readonly string[]);
    return found.size === (value as readonly string[]).length && !found.has('');
  }),
);

/** The constants of the slack. */
const CONSTANTS = object({
  latentError: list(affine, 1, MAX_LATENT_ERRORS),
  logitError: affine,
  latentErrorSlope: bound,
  logitErrorSlope: bound,
  maxImageNorm: bound,
});

const FIELDS = {
  norm: exactly('l2'),
  input: object({ shape: list(integer, 3, 3), range: exactly([0, 1]), layout: exactly('NHWC') }),
  classes: names,
  sigma: form('null or a number > 0', (value) => value === null || (Number.isFinite(value) && (value as number) > 0)),
  lipschitz: object({ upper: bound, layers: list(object({ op: string, name: string, upper: bound })) }),
  weightsSha256: digest,
  fileSha256: digest,
  vectors: list(
    object({ image: string, logits: list(float32), label: integer, radius: both(float32, bound) }),
    1,
    MAX_VECTORS,
  ),
  training: anyObject,
};

const FLOAT32 = { ...FIELDS, float32: CONSTANTS };
const LATEST = { format: exactly(CERTIFICATE_FORMAT), prover: integer };
const [narrow, wide] = [
  object({ ...LATEST, precision: exactly('float32'), ...FLOAT32 }),
  object({ ...LATEST, precision: exactly('float64'), ...FIELDS, float64: CONSTANTS }),
];
const isFloat64 = (value: unknown) => Object(value).precision === 'float64';

const FORMATS: ReadonlyMap<unknown, Form> = new Map([
  [1, object({ format: exactly(1), ...FLOAT32 })],
  [2, object({ format: exactly(2), prover: integer, ...FLOAT32 })],
  [CERTIFICATE_FORMAT, (value, path) => (isFloat64(value) ? wide : narrow)(value, path)],
]);

/** Freezes what JSON.parse gave, down to the leaves. */
function freeze(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_DEPTH) fail('text', `at most ${MAX_DEPTH} levels`, 'more');
  for (const entry of Object.values(value)) freeze(entry, depth + 1);
  Object.freeze(value);
}

/**
 * The certificate in `text`, with every field of the right kind. This does not prove what it claims: verify.ts does.
 *
 * @throws CertificateError that names the field, what was found and what was expected
 */
export function parseCertificate(text: string): Certificate {
  if (text.length > MAX_TEXT) fail('text', `at most ${MAX_TEXT} characters`, text.length);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    fail('text', 'JSON', text);
  }
  // The depth is checked first, because JSON.stringify is recursive.
  freeze(json, 0);
  if (JSON.stringify(json) !== text) fail('text', 'the form JSON.stringify writes, every key once', 'another one');
  const { format } = Object(json) as Record<string, unknown>;
  const certificate = FORMATS.get(format) ?? fail('format', [...FORMATS.keys()].join(', '), format);
  certificate(json, '');
  return json as Certificate;
}
