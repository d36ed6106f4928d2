/** Compares a sealed file's answers with those of the original network. */

import * as ort from '../../certify-runtime/run/onnx-runtime.ts';
import { UnprovableError } from '../../certify-runtime/trusted/errors.ts';
import { originalInput } from './input-layer.ts';
import type { PreparedNetwork } from './prepare.ts';

/**
 * Relative to the largest value: far above float32's noise in any order of summation, far below the effect of a wrong
 * conversion.
 */
const TOLERANCE = 1e-3;

/** What the original's output should be for these logits. */
function asOriginal(logits: readonly number[], { stripped, single }: PreparedNetwork['output']): number[] {
  const values = single ? [logits[1]! - logits[0]!] : [...logits];
  if (stripped === null) return values;
  if (stripped === 'Sigmoid') return values.map((y) => 1 / (1 + Math.exp(-y)));
  const top = Math.max(...values);
  const total = values.reduce((sum, y) => sum + Math.exp(y - top), 0);
  return values.map((y) => (stripped === 'Softmax' ? Math.exp(y - top) / total : y - top - Math.log(total)));
}

/**
 * The largest difference between what the original gives for `images` (on [0, 1]) and what follows from the sealed
 * logits.
 *
 * @throws UnprovableError if they differ by more than rounding: then the conversion has changed the network
 */
export async function compareWithOriginal(
  bytes: Uint8Array,
  { input, output, model }: PreparedNetwork,
  images: readonly Float32Array[],
  sealed: readonly (readonly number[])[],
): Promise<number> {
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ['cpu'], logSeverityLevel: 3 });
  let largest = 0;
  try {
    for (const [i, pixels] of images.entries()) {
      const one = originalInput(pixels, input);
      const batch = input.batch ?? 1;
      const values = new Float32Array(batch * one.length);
      for (let copy = 0; copy < batch; copy++) values.set(one, copy * one.length);
      const feed = new ort.Tensor('float32', values, [batch, ...input.dims]);
      const results = await session.run({ [session.inputNames[0]!]: feed }, [output.name]);
      const expected = asOriginal(sealed[i]!, output);
      const found = results[output.name]!.data as Float32Array;
      const scale = Math.max(1, ...expected.map(Math.abs));
      expected.forEach((value, j) => {
        const difference = Math.abs(value - found[j]!);
        largest = Math.max(largest, difference);
        if (difference <= TOLERANCE * scale) return;
        throw new UnprovableError(
          `the sealed network gives ${value} where the original gives ${found[j]} (image ${i}, output ${j}): the conversion from '${model.producerName}' has changed it`,
          { image: i, output: j, expected: value, found: found[j] },
        );
      });
    }
  } finally {
    await session.release();
  }
  return largest;
}
