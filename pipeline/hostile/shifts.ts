/** A stride beyond the window under auto_pad: the padding comes out negative, and ONNX Runtime shifts the windows. */
import type { GraphBuilder } from '../../test/support/networks/graph-builder.ts';
import { type HostileCase, sides } from './case.ts';

const SIZE = 8;
const STRIDE = 4;

/**
 * x[1], x[5] less x[0], x[4]: the total padding is −3, of which −1 comes first. For a prover that takes it for 0 both
 * products are of x[0], x[4], and their difference is 0 whatever the image is.
 */
function shifted(b: GraphBuilder): string {
  const x = b.node('Reshape', ['image', b.ints([0, 1, 1, SIZE])]);
  const one = b.floats([1, 1, 1, 1], [1]);
  const copy = b.node('Conv', [x, one], { pads: [0, 0, 0, 0] });
  const same = b.node('Conv', [copy, one], { strides: [1, STRIDE], auto_pad: 'SAME_UPPER' });
  const plain = b.node('Conv', [copy, one], { strides: [1, STRIDE], pads: [0, 0, 0, 0] });
  const apart = b.node('Reshape', [b.node('Sub', [same, plain]), b.ints([0, SIZE / STRIDE])]);
  return sides(b, apart, [1, 1], 0.25);
}

/** Pixels at 1 and 5 are that much lighter than those before them. */
const lighter = (by: number): number[] => Array.from({ length: SIZE }, (_, i) => (i % STRIDE === 1 ? 0.5 + by : 0.5));

export const shifts: readonly HostileCase[] = [
  {
    id: '12-shift-conv',
    kind: 'windows that are shifted',
    what: 'auto_pad with a stride beyond the window in a Conv',
    shape: [1, 1, SIZE],
    build: shifted,
    images: [lighter(0), lighter(0.12), lighter(0.13), lighter(0.25)],
  },
];
