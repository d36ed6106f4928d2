/** Compares a sealed file's answers with those of the original network. */

import { UnprovableError } from '../../certify-runtime/trusted/errors.ts';
import { rounded } from './constants/precision.ts';
import { type InputLayer, originalInput } from './input-layer.ts';
import { type ElementName, isElement } from './onnx/elements.ts';
import { type RawTensor, valuesOf } from './onnx/tensor.ts';
import type { PreparedNetwork } from './prepare.ts';
import { answersFor } from './rewrite/tail.ts';

/**
 * Relative to the largest value: far above float32's noise in any order of summation, far below the effect of a wrong
 * conversion.
 */
const TOLERANCE = 1e-3;

/** Images in one tensor, as the original takes them. */
function batchOf(images: readonly Float32Array[], input: InputLayer, type: ElementName): RawTensor {
  const parts = images.map((pixels) => originalInput(pixels, input));
  const bytes = new Uint8Array(parts.reduce((size, { byteLength }) => size + byteLength, 0));
  parts.forEach(({ buffer, byteOffset, byteLength }, i) => {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), i * byteLength);
  });
  return { type, dims: [parts.length, ...input.dims], bytes };
}

function numbersOf({ type, bytes }: RawTensor): number[] {
  return Array.from(type === 'float32' || type === 'float64' || type === 'int64' ? valuesOf(type, bytes) : [], Number);
}

/**
 * The images in the batches that the original is run with: each one alone and then all at once, or as often as the file
 * says, if it fixes the size of its batch.
 */
function batchesOf(count: number, fixed: number | null): number[][] {
  const alone = Array.from({ length: count }, (_, i) => Array.from({ length: fixed ?? 1 }, () => i));
  const together = Array.from({ length: fixed ?? count }, (_, i) => i % count);
  return [...alone, together];
}

/** What the original gives: the file, or the first form of it that ONNX Runtime runs. */
async function answers(
  bytes: Uint8Array,
  { source, model, output, run }: PreparedNetwork,
  feeds: readonly RawTensor[],
): Promise<readonly RawTensor[]> {
  const input = source?.input ?? model.graph.inputs[0]!.name;
  let first: unknown;
  for (const form of source?.forms ?? [{ bytes: () => bytes, rounded: false }]) {
    const named = feeds.map((feed) => new Map([[input, form.rounded ? rounded(feed) : feed]]));
    try {
      return (await run(form.bytes(), named, [output.name])).map((result) => result.get(output.name)!);
    } catch (cause) {
      first ??= cause;
    }
  }
  throw new UnprovableError(
    `ONNX Runtime does not run the original, so nothing can be compared with it: ${(first as Error).message}; convert the model with onnx.version_converter`,
    {},
    { cause: first },
  );
}

/**
 * The largest difference between what the original gives for `images` (on [0, 1]), one by one and as a batch, and what
 * follows from the sealed logits.
 *
 * @throws UnprovableError if they differ by more than rounding: then the conversion has changed the network
 */
export async function compareWithOriginal(
  bytes: Uint8Array,
  prepared: PreparedNetwork,
  images: readonly Float32Array[],
  sealed: readonly (readonly number[])[],
): Promise<number> {
  const { input, output, model } = prepared;
  const type = isElement(input.type) ? input.type : 'float32';
  const batches = batchesOf(images.length, input.batch);
  const feeds = batches.map((batch) =>
    batchOf(
      batch.map((i) => images[i]!),
      input,
      type,
    ),
  );
  const found = (await answers(bytes, prepared, feeds)).map(numbersOf);
  let largest = 0;
  batches.forEach((batch, b) => {
    const values = found[b]!;
    batch.forEach((i, row) => {
      const size = values.length / batch.length;
      const own = values.slice(row * size, (row + 1) * size);
      const expected = answersFor(sealed[i]!, output, { found: own, tolerance: TOLERANCE });
      const scale = Math.max(1, ...expected.map(Math.abs));
      expected.forEach((value, j) => {
        const difference = Math.abs(value - own[j]!);
        largest = Math.max(largest, difference);
        // An infinite answer makes the scale infinite too.
        if (difference < Infinity && difference <= TOLERANCE * scale && size === expected.length) return;
        const why = Number.isFinite(own[j])
          ? `the conversion from '${model.producerName}' has changed it; please report the file`
          : 'the original itself gives no number there; check its weights';
        throw new UnprovableError(
          `the sealed network gives ${value} where the original gives ${own[j]} (image ${i} in a batch of ${batch.length}, output ${j}): ${why}`,
          { image: i, output: j, expected: value, found: own[j] },
        );
      });
    });
  });
  return largest;
}
