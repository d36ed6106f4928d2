/** The certificate's fields, one by one: what is read, what is refused, and the limits of the reader. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BROKEN_PROVERS } from '../../../../src/certify-runtime/signature/provers.ts';
import { CertificateError } from '../../../../src/certify-runtime/trusted/errors.ts';
import { parseCertificate } from '../../../../src/certify-runtime/trusted/file/certificate.ts';
import { PROVER } from '../../../../src/certify-runtime/trusted/file/claims.ts';

const BOUND = { constant: 0, l2: 1e-6, l1: 1e-7 };

const CONSTANTS = {
  latentError: [BOUND],
  logitError: BOUND,
  latentErrorSlope: 1e-6,
  logitErrorSlope: 0,
  maxImageNorm: 1e9,
};

const VECTOR = { image: 'AAAA', logits: [1, -0.5], label: 0, radius: 0.5 };
const FIELDS = {
  norm: 'l2',
  input: { shape: [1, 1, 3], range: [0, 1], layout: 'NHWC' },
  classes: ['a', 'b'],
  sigma: 0.12 as unknown,
  lipschitz: { upper: 1, layers: [{ op: 'MatMul', name: 'm', upper: 1 }] },
  weightsSha256: '0123456789abcdef'.repeat(4),
  fileSha256: 'f'.repeat(64),
  vectors: [VECTOR],
  training: { seed: 1 } as Record<string, unknown>,
};
const VALID = { format: 3, prover: PROVER, precision: 'float32', ...FIELDS, float32: CONSTANTS };

type Json = Record<string, unknown>;

/** VALID with another value at a path; undefined leaves the field out. */
function changed(path: string, value: unknown, base: object = VALID): string {
  const copy = structuredClone(base) as Json;
  const keys = path.split('.');
  const parent = keys.slice(0, -1).reduce((at, key) => at[key] as Json, copy);
  parent[keys.at(-1)!] = value;
  return JSON.stringify(copy);
}

const refused = (text: string, path: RegExp): void => {
  assert.throws(
    () => parseCertificate(text),
    (error) => error instanceof CertificateError && path.test(error.message),
    `${text.slice(0, 200)} ${path}`,
  );
};

const read = (text: string): void => assert.equal(JSON.stringify(parseCertificate(text)), text);

/** Values that a field may have, and that it may not. */
const FIELD: Readonly<Record<string, readonly [good: readonly unknown[], bad: readonly unknown[]]>> = {
  format: [[], [0, 4, '3', null, undefined]],
  prover: [
    [0, 7],
    [-1, 0.5, 2 ** 53, null, '3', undefined],
  ],
  precision: [[], ['float16', null, undefined]],
  norm: [[], ['linf', null, undefined]],
  'input.shape': [[[0, 0, 0]], [[1, 1], [1, 1, 1, 1], [1, 1, -1], [1, 1, 0.5], [1, 1, '1'], {}, null]],
  'input.range': [[], [[0, 255], [1], null]],
  'input.layout': [[], ['NCHW']],
  'input.more': [[], [1]],
  classes: [[['a', 'b', 'c']], [['a'], [], ['a', 'a'], ['a', ''], ['a', 1], 'ab', null]],
  sigma: [
    [null, 1e-9],
    [0, -1, 'x', '1', [], undefined],
  ],
  'lipschitz.upper': [[0], [-1, null, '1', undefined]],
  'lipschitz.layers': [[[]], [{}, null]],
  'lipschitz.layers.0.op': [['x'], [1, null, undefined]],
  'lipschitz.layers.0.upper': [[0], [-1e-9, null]],
  weightsSha256: [[], ['0'.repeat(63), '0'.repeat(65), 'F'.repeat(64), 'g'.repeat(64), 0, ['0'.repeat(64)], undefined]],
  fileSha256: [[], ['0'.repeat(63), null]],
  vectors: [[], [[], null]],
  'vectors.0.image': [
    ['', 'x'],
    [1, null],
  ],
  'vectors.0.logits': [
    [[], [-1.5]],
    [[0.1], [null], ['1'], {}],
  ],
  'vectors.0.label': [[7], [-1, 0.5, null]],
  'vectors.0.radius': [[0], [-0.5, 0.1, null, '0.5']],
  training: [[{}], [null, [], 'x', 1, undefined]],
  float32: [[], [undefined, null, {}, []]],
  'float32.latentError': [[], [[], [[1, 2, 3]], null]],
  'float32.latentErrorSlope': [[0], [-1, null]],
  'float32.maxImageNorm': [[0], [-1, null]],
  'float32.logitError.l1': [
    [0, 1],
    [-1e-300, null, '0', undefined],
  ],
  'float32.logitError.more': [[], [0]],
  float64: [[], [CONSTANTS]],
  more: [[], [1]],
};

test('a certificate is read as it stands, and frozen down to its leaves', () => {
  const certificate = parseCertificate(JSON.stringify(VALID));
  assert.deepEqual(certificate, VALID);
  for (const part of [certificate, certificate.lipschitz.layers[0], certificate.vectors[0]!.logits])
    assert.ok(Object.isFrozen(part));
  assert.ok(Object.isFrozen(certificate.training));
});

for (const [path, [good, bad]] of Object.entries(FIELD)) {
  test(`a certificate has ${path} of the right kind`, () => {
    for (const value of good) read(changed(path, value));
    const last = path.split('.').at(-1)!;
    for (const value of bad) refused(changed(path, value), new RegExp(last));
  });
}

test('a certificate of every format has the fields of that format alone', () => {
  const [first, second] = [
    { format: 1, ...FIELDS, float32: CONSTANTS },
    { format: 2, prover: 2, ...FIELDS, float32: CONSTANTS },
  ];
  const wide = { format: 3, prover: PROVER, precision: 'float64', ...FIELDS, float64: CONSTANTS };
  for (const one of [first, second, wide]) read(JSON.stringify(one));
  refused(changed('constructor', 1), /constructor: expected no such field/);
  refused(changed('more', 1), /^certificate: more: expected no such field/);
  refused(changed('prover', 1, first), /prover: expected no such field/);
  refused(changed('prover', undefined, second), /prover: expected a value/);
  refused(changed('precision', 'float32', second), /precision: expected no such field/);
  refused(changed('float32', CONSTANTS, wide), /float32: expected no such field/);
  refused(changed('float64', undefined, wide), /float64: expected a value/);
  refused(changed('float64.maxImageNorm', -1, wide), /float64\.maxImageNorm: expected a number/);
});

test('a certificate is in the one form of JSON.stringify', () => {
  const text = JSON.stringify(VALID);
  for (const other of [
    ` ${text}`,
    `${text}\n`,
    text.replace('"format":3', '"format":3.0'),
    text.replace('"norm":', '"norm":"linf","norm":'),
    text.replace('"a"', '"\\u0061"'),
  ]) {
    refused(other, /text: expected the form JSON\.stringify writes/);
  }
  for (const other of ['', text.slice(1), 'x']) refused(other, /text: expected JSON/);
  for (const other of ['null', '7', '"x"', '[]']) refused(other, /format: expected 1, 2, 3/);
});

test('a certificate has limits: 32 levels, 8 bounds of the latent, 256 vectors', () => {
  const nested = (levels: number): unknown => (levels === 0 ? 1 : { x: nested(levels - 1) });
  // The certificate is level 0 and `training` level 1.
  read(changed('training', nested(32)));
  refused(changed('training', nested(33)), /at most 32 levels/);
  const many = (length: number): string => changed('float32.latentError', Array(length).fill(BOUND));
  read(many(8));
  refused(many(9), /latentError: expected 1 to 8 entries/);
  read(changed('vectors', Array(256).fill(VECTOR)));
  refused(changed('vectors', Array(257).fill(VECTOR)), /vectors: expected 1 to 256 entries/);
});

test('a certificate has at most 2²⁴ characters', () => {
  const empty = changed('training', { x: '' });
  const long = (length: number): string => changed('training', { x: 'x'.repeat(length - empty.length) });
  parseCertificate(long(2 ** 24));
  refused(long(2 ** 24 + 1), /at most 16777216 characters/);
});

test('the present prover is above all that are known to be broken', () => {
  for (const prover of BROKEN_PROVERS) assert.ok(PROVER > prover);
});
