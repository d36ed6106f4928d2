/** A constant of more dimensions than the tensor that it multiplies: the product has them too, and axes mean others. */
import type { GraphBuilder } from '../../test/support/networks/graph-builder.ts';
import { type HostileCase, sides } from './case.ts';

const SIZE = 64;
/** The pixel that decides, and what it is held against. */
const PIXEL = 5;
const LOW = 0.3;
const WIDTH = 0.1;

/**
 * The root of the mean of squares over axis 2. For a prover that keeps squares [N, 1, 64] what they were, that is the mean
 * of 64, with slope ⅛; times [1, 1, 1, 1] they are [1, N, 1, 64], and it is the mean of one. The Clip hides the slope
 * from whoever searches among images that are not near LOW.
 */
const raised =
  (op: 'Mul' | 'Div') =>
  (b: GraphBuilder): string => {
    const x = b.node('Reshape', ['image', b.ints([0, 1, SIZE])]);
    const scaled = b.node(op, [b.node('Mul', [x, x]), b.floats([1, 1, 1, 1], [1])]);
    const roots = b.node('Sqrt', [b.node('ReduceMean', [scaled, b.ints([2])], { keepdims: 0 })]);
    // Counted from the end, so that the only entry of an axis of one is taken as well.
    const chosen = b.node('Slice', [roots, b.ints([PIXEL - SIZE]), b.ints([PIXEL + 1]), b.ints([-1])]);
    const above = b.node('Sub', [b.node('Reshape', [chosen, b.ints([-1, 1])]), b.floats([1], [LOW])]);
    const latent = b.node('Clip', [above, b.floats([], [0]), b.floats([], [WIDTH])]);
    return sides(b, latent, [1], WIDTH / 2);
  };

const at = (value: number): number[] => Array.from({ length: SIZE }, (_, i) => (i === PIXEL ? value : 0.5));

export const ranks: readonly HostileCase[] = (['Mul', 'Div'] as const).map((op) => ({
  id: `10-rank-${op.toLowerCase()}`,
  kind: 'squares that gain a dimension',
  what: `squares and a constant of more dimensions in a ${op}`,
  shape: [1, 1, SIZE],
  build: raised(op),
  images: [at(LOW), at(LOW + 0.49 * WIDTH), at(LOW + 0.51 * WIDTH), at(LOW + WIDTH)],
}));
