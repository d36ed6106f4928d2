/** Integers that depend on the batch and wrap only in large ones: kind 2, which no run of a single image shows. */
import type { GraphBuilder } from '../../test/support/networks/graph-builder.ts';
import type { HostileCase } from './case.ts';
import { sides } from './case.ts';

const KIND = "integers folded by other arithmetic than ONNX Runtime's";

/**
 * `rows` is N, or 0 in the batch in which it wraps: then a Reshape from [2N, 3] to it leaves [2N, 3] instead of [N, 6].
 * The cut to three columns and the way back to N rows then take only the first three pixels, or the last three of all
 * six.
 */
function wrapping(id: string, what: string, batch: number, rows: (b: GraphBuilder, n: string) => string): HostileCase {
  return {
    id,
    kind: KIND,
    what,
    shape: [1, 2, 3],
    build: (b) => {
      const n = b.node('Slice', [b.node('Shape', ['image']), b.ints([0]), b.ints([1]), b.ints([0])]);
      const rest = b.ints([-1]);
      const pairs = b.node('Reshape', ['image', b.ints([-1, 3])]);
      const six = b.node('Reshape', [pairs, b.node('Concat', [rows(b, n), rest], { axis: 0 })]);
      const three = b.node('Slice', [six, b.ints([0]), b.ints([3]), b.ints([1])]);
      const back = b.node('Reshape', [three, b.node('Concat', [n, rest], { axis: 0 })]);
      const last = b.node('Slice', [back, b.ints([-3]), b.ints([2 ** 40]), b.ints([1])]);
      return sides(b, last, [1, 1, 1], 1.5);
    },
    images: [
      [0.9, 0.9, 0.9, 0.1, 0.1, 0.1],
      [0.2, 0.2, 0.2, 0.8, 0.8, 0.8],
    ],
    batches: [2, batch],
  };
}

export const batches: readonly HostileCase[] = [
  wrapping('2-batch-int32', '2²⁸·N in int32 is 0 for 16 images', 16, (b, n) => {
    const factor = b.tensor({ type: 'int32', dims: [1], data: Int32Array.of(2 ** 28) });
    const narrow = b.node('Cast', [n], { to: 6 });
    return b.node('Cast', [b.node('Div', [b.node('Mul', [narrow, factor]), factor])], { to: 7 });
  }),
  wrapping('2-batch-int64', '2⁵²·N in int64 is 0 for 4096 images', 4096, (b, n) => {
    const factor = b.ints([2 ** 52]);
    return b.node('Div', [b.node('Mul', [n, factor]), factor]);
  }),
];
