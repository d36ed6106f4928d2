/** Verifies the sealed file at argv[2] in a process whose arithmetic takes subnormal numbers for zero; prints the refusal. */

import { readFile } from 'node:fs/promises';
import * as ort from '../../../src/certify-runtime/run/onnx-runtime.ts';
import { probeModel } from '../../../src/certify-runtime/run/probe.ts';
import { verifyModel } from '../../../src/certify-runtime/trusted/verify.ts';

const extra = { session: { set_denormal_as_zero: '1' } };
await ort.InferenceSession.create(probeModel(), { extra });
const tiny = Float64Array.of(Number.MIN_VALUE);
try {
  await verifyModel(new Uint8Array(await readFile(process.argv[2]!)));
  console.log(`verified, with ${tiny[0]! * 1}`);
} catch (error) {
  console.log(`${error instanceof Error ? error.message : error}`);
}
