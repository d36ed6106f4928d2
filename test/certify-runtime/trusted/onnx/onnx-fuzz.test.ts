/** The reader on damaged files: whatever it accepts, it has understood to the last bit. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { OnnxFormatError } from '../../../../src/certify-runtime/trusted/errors.ts';
import { decodeOnnx, encodeOnnx } from '../../../../src/certify-runtime/trusted/onnx/codec.ts';
import type { OnnxModel } from '../../../../src/certify-runtime/trusted/onnx/model.ts';
import { readOnnx } from '../../../../src/certify-runtime/trusted/onnx/read.ts';
import { readForeignOnnx } from '../../../../src/export/foreign/onnx/read.ts';
import { writeOnnx } from '../../../../src/export/seal/onnx-writer.ts';
import { anyModel, cat, sample } from './onnx-samples.ts';

describe('a damaged file', () => {
  /** The outcome must be a refusal, or a model that is written back to these very bytes. */
  const survives = (content: Uint8Array) => {
    for (const read of [readOnnx, readForeignOnnx]) {
      let model: OnnxModel;
      try {
        model = read(content);
      } catch (error) {
        assert(error instanceof OnnxFormatError, String((error as Error).stack));
        continue;
      }
      // What the foreign reader takes may not be sealable as it stands, but nothing of it may be lost.
      const written = encodeOnnx(model);
      if (read === readOnnx) assert.deepEqual(written, new Uint8Array(content));
      else assert.deepEqual(decodeOnnx(written), model);
    }
  };

  it('is refused wherever it is cut off', () => {
    const whole = writeOnnx({ ...sample, metadata: new Map() });
    for (let end = 0; end < whole.length; end++) assert.throws(() => readOnnx(whole.subarray(0, end)), OnnxFormatError);
  });

  it('survives any one bit flipped, and any one byte inserted or left out', () => {
    const whole = writeOnnx(sample);
    for (let i = 0; i < whole.length; i++) {
      for (let bit = 0; bit < 8; bit++) survives(whole.map((byte, at) => (at === i ? byte ^ (1 << bit) : byte)));
      survives(cat(whole.subarray(0, i), whole.subarray(i + 1)));
      for (const byte of [0, 10, 0xff]) survives(cat(whole.subarray(0, i), byte, whole.subarray(i)));
    }
  });

  it('survives random damage', () => {
    const place = fc.double({ min: 0, max: 1, noNaN: true });
    const damage = fc.array(fc.tuple(fc.nat(3), place, place, fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(anyModel, damage, (model, steps) => {
        let content = writeOnnx(model);
        for (const [kind, from, to, byte] of steps) {
          const [start, end] = [from, to].map((place) => Math.floor(place * content.length)).sort((a, b) => a - b);
          const [before, middle, after] = [
            content.subarray(0, start),
            content.slice(start, end),
            content.subarray(end),
          ];
          if (kind === 0) content = cat(before, byte, content.subarray(start! + 1));
          else if (kind === 1) content = cat(before, after);
          else if (kind === 2) content = cat(before, middle, middle, after);
          else content = cat(before, byte, middle, byte, after);
        }
        survives(content);
      }),
      { numRuns: 300 },
    );
  });
});
