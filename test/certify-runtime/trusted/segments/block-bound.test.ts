/** The bound of one block, number by number: what its layers are off by is in it, and little else (Lemma 21). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Blocks } from '../../../../src/certify-runtime/trusted/segments/form.ts';
import { Chance } from '../../../support/reference/chance.ts';
import { type Dyadic, dyadic, EXACT } from '../../../support/reference/dyadic.ts';
import { bound, dense, near, number, SLOPES } from './block-parts.ts';
import type { Rows } from './linear.ts';

const { add, mul, less } = EXACT;

/** The largest |α + g·d·w| that errors and slopes allow. */
function truthOf(
  around: number,
  [g, eg]: readonly number[],
  [w, ew]: readonly number[],
  slopes: readonly number[],
): number {
  let most = 0;
  for (const d of slopes)
    for (const own of [g! - eg!, g! + eg!])
      for (const in_ of [w! - ew!, w! + ew!]) most = Math.max(most, Math.abs(around + own * d * in_));
  return most;
}

const ERRORS = [0, 2 ** -10, 0.25] as const;
test('numbers: no slopes and no errors of the layers give more than the bound', () => {
  for (const [low, high] of SLOPES) {
    for (const around of [0, 1, -1, 0.5]) {
      for (const g of [-2, -0.25, 0.75, 0]) {
        for (const w of [1, -1.5, 0]) {
          for (const eg of ERRORS) {
            for (const ew of ERRORS) {
              const block = { hidden: 1, around, inward: number(w, ew), outward: number(g, eg), low, high };
              const truth = truthOf(around, [g, eg], [w, ew], [low, high]);
              const found = bound(block);
              assert.ok(found >= truth * (1 - 1e-15), `${JSON.stringify(block)}: ${found} < ${truth}`);
            }
          }
        }
      }
    }
  }
});

test('what is no negative transpose: α, and the product of slope, G and W with their errors', () => {
  for (const [low, high] of SLOPES) {
    const slope = Math.max(-low, high);
    for (const eg of ERRORS) {
      for (const ew of ERRORS) {
        const [inward, outward] = [number(2, ew), number(3, eg)];
        const found = bound({ hidden: 1, around: 0.5, inward, outward, low, high });
        near(found, 0.5 + slope * (3 + eg) * (2 + ew), `${[low, high, eg, ew]}`);
      }
    }
    const large = bound({ hidden: 1, around: 0.5, inward: number(2 ** -25), outward: number(8), low, high });
    near(large, 0.5 + slope * 8 * 2 ** -25, 'little, times much', 1e-14);
    // What is so small that a rough bound is enough.
    const little = bound({
      hidden: 1,
      around: 0.5,
      inward: number(2, 2 ** -30),
      outward: number(2 ** -30, 2 ** -31),
      low,
      high,
    });
    near(little, 0.5 + slope * 1.5 * 2 ** -30 * (2 + 2 ** -30), 'little', 1e-14);
  }
});

test('a rough bound of W is taken only of what is little', () => {
  // ‖W‖ = 1, and ‖|W|‖ = √2.
  const turn = Math.SQRT1_2;
  const w: Rows = [
    [turn, turn],
    [turn, -turn],
  ];
  const of = (g: number): number =>
    bound({
      hidden: 2,
      around: 1,
      inward: dense(w),
      outward: dense([
        [g, 0],
        [0, -g],
      ]),
      low: 0,
      high: 1,
    });
  const rest = (g: number): number => of(g) - 1;
  // For the smaller of them, what it is multiplied by is ‖|W|‖ at most; for the larger one, ‖W‖.
  assert.ok(rest(2 ** -12) < 2 ** -12 * 1.42 && rest(2 ** -30) < 2 ** -30 * 2.01);
});

test('a negative transpose: the ends of α − slope·λ, and no more than the rounding', () => {
  for (const [low, high] of SLOPES) {
    for (const around of [1, 0.5, -1]) {
      for (const [g, w] of [
        [-2, 1],
        [-0.25, 2],
        [-3, 0.5],
      ] as const) {
        const lambda = -g * w;
        const truth = Math.max(
          Math.abs(around - Math.max(high, 0) * lambda),
          Math.abs(around - Math.min(low, 0) * lambda),
        );
        near(
          bound({ hidden: 1, around, inward: number(w), outward: number(g), low, high }),
          truth,
          `${[low, high, around, g, w]}`,
        );
      }
    }
  }
});

test('a product of layers: ρ·‖[Ψ⁻¹Gᵀ, ΨW]‖² + |low|·‖G‖·‖W‖, with their errors', () => {
  for (const [low, high] of SLOPES) {
    const rho = (high - low) / 2;
    for (const eg of ERRORS) {
      for (const ew of ERRORS) {
        const psi = Math.sqrt(3 / 2);
        const joined = Math.sqrt(2 * 3 * 2) + psi * ew + eg / psi;
        const truth = rho * joined * joined + Math.abs(low) * (3 + eg) * (2 + ew);
        near(
          bound({ hidden: 1, around: 0, inward: number(2, ew), outward: number(3, eg), low, high }),
          truth,
          `${[low, high, eg, ew]}`,
        );
      }
    }
  }
  // Each hidden element has its own ψ; of errors the largest and the smallest count.
  const diagonal = (a: number, b: number, error: number): Blocks =>
    dense(
      [
        [a, 0],
        [0, b],
      ],
      error,
    );
  const found = bound({
    hidden: 2,
    around: 0,
    inward: diagonal(4, 1 / 4, 0.125),
    outward: diagonal(1, 4, 0.5),
    low: 0,
    high: 1,
  });
  // ψ² is 1/4 and 16.
  near(found, 0.5 * (Math.sqrt(8) + 4 * 0.125 + 2 * 0.5) ** 2, 'scales apart');
  const turned = { inward: diagonal(1 / 4, 4, 0.125), outward: diagonal(4, 1, 0.5) };
  near(bound({ hidden: 2, around: 0, ...turned, low: 0, high: 1 }), found, 'scales apart, turned');
});

test('a product of layers is rounded upwards', () => {
  const chance = new Chance(2);
  for (let run = 0; run < 300; run++) {
    const [g, w] = [1 + chance.next(), 1 + chance.next()];
    for (const [low, high] of [
      [0, 1],
      [-0.7, 1.3],
    ] as const) {
      const found = dyadic(bound({ hidden: 1, around: 0, inward: number(w), outward: number(g), low, high }));
      const product = mul(dyadic(g), dyadic(w));
      const radius = add(dyadic(high), mul(dyadic(-1), dyadic(low)));
      const truth = mul(product, add(radius, dyadic(low < 0 ? -low : 0)));
      assert.ok(!less(found, truth), `${g}, ${w}`);
    }
  }
});

test('a residual block is rounded upwards', () => {
  const chance = new Chance(3);
  for (let run = 0; run < 400; run++) {
    // 1 + λ for slopes down to −1, with a little λ of which hardly any bit is lost.
    const w = (1 + chance.next()) * 2 ** -12;
    const found = dyadic(bound({ hidden: 1, around: 1, inward: number(w), outward: number(-w), low: -1, high: 0 }));
    const truth: Dyadic = add(dyadic(1), mul(dyadic(w), dyadic(w)));
    assert.ok(!less(found, truth), `${w}`);
  }
});
