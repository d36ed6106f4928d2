/**
 * The certificate in a model's metadata: what it holds, and how it is read.
 *
 * It is read in one form only, JSON.stringify's own: no key twice, no number that a parser would round, no other spelling
 * of a string. So no two JSON parsers read two claims from one file.
 */

import { CERTIFICATE_FORMAT, type Certificate } from './claims.ts';
import { CertificateError } from './errors.ts';
import type { AffineBound } from './proof/bound.ts';

/** @throws CertificateError where the condition does not hold */
export function check(condition: boolean, problem: string, details: Record<string, unknown> = {}): asserts condition {
  if (!condition) throw new CertificateError(`certificate: ${problem}`, details);
}

/** Limits of the reader, so that a hostile text costs little before it is refused. */
const MAX_TEXT = 2 ** 24;
const MAX_DEPTH = 32;
const MAX_LATENT_ERRORS = 8;
export const MAX_VECTORS = 256;

type Fields = Record<string, unknown>;

function fail(path: string, expected: string, found: unknown): never {
  const shown = JSON.stringify(typeof found === 'string' ? found.slice(0, 80) : found)?.slice(0, 82) ?? found;
  throw new CertificateError(`certificate: ${path}: expected ${expected}, found ${shown}`, { path, expected });
}

function object(value: unknown, path: string, keys: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(path, 'an object', value);
  for (const key of Object.keys(value)) if (!keys.includes(key)) fail(path, `no field but ${keys.join(', ')}`, key);
  for (const key of keys) if (!Object.hasOwn(value, key)) fail(path, `a field '${key}'`, Object.keys(value));
  return value as Fields;
}

function array<T>(value: unknown, path: string, item: (value: unknown, path: string) => T): readonly T[] {
  if (!Array.isArray(value)) fail(path, 'an array', value);
  return value.map((entry, i) => item(entry, `${path}[${i}]`));
}

function string(value: unknown, path: string): string {
  return typeof value === 'string' ? value : fail(path, 'a string', value);
}

function bound(value: unknown, path: string): number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : fail(path, 'a number ≥ 0', value);
}

function positive(value: unknown, path: string): number {
  return bound(value, path) > 0 ? (value as number) : fail(path, 'a number > 0', value);
}

function float32(value: unknown, path: string): number {
  return Object.is(Math.fround(value as number), value) ? finite(value, path) : fail(path, 'a float32', value);
}

function integer(value: unknown, path: string): number {
  return Number.isSafeInteger(value) && (value as number) >= 0
    ? (value as number)
    : fail(path, 'an integer ≥ 0', value);
}

function finite(value: unknown, path: string): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : fail(path, 'a finite number', value);
}

function exactly<T extends string | number>(value: unknown, path: string, expected: T): T {
  return value === expected ? expected : fail(path, JSON.stringify(expected), value);
}

function sha256(value: unknown, path: string): string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? value : fail(path, '64 hexadecimal digits', value);
}

function affine(value: unknown, path: string): AffineBound {
  const fields = object(value, path, ['constant', 'l2', 'l1']);
  return {
    constant: bound(fields['constant'], `${path}.constant`),
    l2: bound(fields['l2'], `${path}.l2`),
    l1: bound(fields['l1'], `${path}.l1`),
  };
}

const FIELDS = [
  'format',
  'norm',
  'input',
  'classes',
  'sigma',
  'lipschitz',
  'float32',
  'weightsSha256',
  'fileSha256',
  'vectors',
  'training',
];
const FLOAT32_FIELDS = ['latentError', 'logitError', 'latentErrorSlope', 'logitErrorSlope', 'maxImageNorm'];

/** Freezes what JSON.parse gave, to the leaves. */
function freeze(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_DEPTH) fail('text', `at most ${MAX_DEPTH} levels`, 'more');
  for (const entry of Object.values(value)) freeze(entry, depth + 1);
  Object.freeze(value);
}

/** The value of a JSON text that is exactly what JSON.stringify writes for it. */
function parseCanonical(text: string): unknown {
  if (text.length > MAX_TEXT) fail('text', `at most ${MAX_TEXT} characters`, text.length);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    fail('text', 'JSON', text);
  }
  // The depth first: JSON.stringify is recursive.
  freeze(json, 0);
  if (JSON.stringify(json) !== text) fail('text', 'the form JSON.stringify writes, every key once', 'another one');
  return json;
}

/** Different names, none empty: an answer is told by them. */
function names(value: unknown, path: string): readonly string[] {
  const found = array(value, path, string);
  if (found.length < 2) fail(path, 'two classes or more', found);
  if (new Set(found).size !== found.length || found.includes('')) fail(path, 'different names', found);
  return found;
}

/**
 * The certificate in `text`, every field of the right kind. What it claims is not proven by this: verify.ts does that.
 *
 * @throws CertificateError naming the field, what was found and what was expected
 */
export function parseCertificate(text: string): Certificate {
  const json = parseCanonical(text);
  const fields = object(json, 'certificate', FIELDS);
  const input = object(fields['input'], 'input', ['shape', 'range', 'layout']);
  const range = array(input['range'], 'input.range', finite);
  if (range.length !== 2 || range[0] !== 0 || range[1] !== 1) fail('input.range', '[0, 1]', range);
  const shape = array(input['shape'], 'input.shape', integer);
  if (shape.length !== 3) fail('input.shape', '[H, W, C]', shape);
  const lipschitz = object(fields['lipschitz'], 'lipschitz', ['upper', 'layers']);
  const slack = object(fields['float32'], 'float32', FLOAT32_FIELDS);
  const latentError = array(slack['latentError'], 'float32.latentError', affine);
  if (latentError.length === 0 || latentError.length > MAX_LATENT_ERRORS) {
    fail('float32.latentError', `1 to ${MAX_LATENT_ERRORS} bounds`, latentError.length);
  }
  const training = fields['training'];
  if (typeof training !== 'object' || training === null || Array.isArray(training))
    fail('training', 'an object', training);
  const certificate: Certificate = {
    format: exactly(fields['format'], 'format', CERTIFICATE_FORMAT),
    norm: exactly(fields['norm'], 'norm', 'l2'),
    input: { shape, range: [0, 1], layout: exactly(input['layout'], 'input.layout', 'NHWC') },
    classes: names(fields['classes'], 'classes'),
    sigma: fields['sigma'] === null ? null : positive(fields['sigma'], 'sigma'),
    lipschitz: {
      upper: bound(lipschitz['upper'], 'lipschitz.upper'),
      layers: array(lipschitz['layers'], 'lipschitz.layers', (value, path) => {
        const layer = object(value, path, ['op', 'name', 'upper']);
        return {
          op: string(layer['op'], `${path}.op`),
          name: string(layer['name'], `${path}.name`),
          upper: bound(layer['upper'], `${path}.upper`),
        };
      }),
    },
    float32: {
      latentError,
      logitError: affine(slack['logitError'], 'float32.logitError'),
      latentErrorSlope: bound(slack['latentErrorSlope'], 'float32.latentErrorSlope'),
      logitErrorSlope: bound(slack['logitErrorSlope'], 'float32.logitErrorSlope'),
      maxImageNorm: bound(slack['maxImageNorm'], 'float32.maxImageNorm'),
    },
    weightsSha256: sha256(fields['weightsSha256'], 'weightsSha256'),
    fileSha256: sha256(fields['fileSha256'], 'fileSha256'),
    vectors: array(fields['vectors'], 'vectors', (value, path) => {
      const vector = object(value, path, ['image', 'logits', 'label', 'radius']);
      return {
        image: string(vector['image'], `${path}.image`),
        logits: array(vector['logits'], `${path}.logits`, float32),
        label: integer(vector['label'], `${path}.label`),
        radius: bound(float32(vector['radius'], `${path}.radius`), `${path}.radius`),
      };
    }),
    training: training as Record<string, unknown>,
  };
  const { length } = certificate.vectors;
  if (length === 0 || length > MAX_VECTORS) fail('vectors', `1 to ${MAX_VECTORS} known vectors`, length);
  freeze(certificate, 0);
  return certificate;
}
