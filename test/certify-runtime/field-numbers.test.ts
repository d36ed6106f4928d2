/** The field numbers that are written twice are the same. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import * as numbers from '../../src/certify-runtime/core/onnx/field-numbers.ts';
import * as schema from '../../src/certify-runtime/core/onnx/schema.ts';
import type { Schema } from '../../src/certify-runtime/core/onnx/wire.ts';

const schemas = new Map<string, unknown>(Object.entries(schema));

it('field-numbers.ts is a part of schema.ts', () => {
  for (const [message, fields] of Object.entries(numbers)) {
    const full = schemas.get(message) as Schema;
    for (const [name, number] of Object.entries(fields)) assert.equal(full[number]?.[0], name, `${message}.${name}`);
  }
});
