/** The constants of the head, against what Lemmas 16 and 17 ask for. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AffineBound } from '../../../../src/certify-runtime/trusted/bounds/bound.ts';
import { UnprovableError } from '../../../../src/certify-runtime/trusted/errors.ts';
import { headGraph, MOST_IN_PAIRS } from '../../../../src/certify-runtime/trusted/head-graph.ts';
import { type MarginTerms, marginTerms } from '../../../../src/certify-runtime/trusted/margin.ts';

describe('the constants of the head', () => {
  const u = 2 ** -24;
  const gamma = (k: number) => (k * u) / (1 - k * u);

  /** Terms with these bounds, in the norm, of δ and of ρ, and rows at a distance of about `distance`. */
  function termsOf(classes: number, latent: readonly [number, number][], rho: [number, number], distance: number) {
    const bound = ([constant, l2]: readonly [number, number]): AffineBound => ({ constant, l2, l1: 0 });
    const weights = Float32Array.from({ length: classes * 4 }, (_, i) =>
      i % 4 === (i >> 2) % 4 ? distance * (1 + (i >> 4)) : 0,
    );
    const constants = {
      lipschitz: 1,
      latentError: latent.map(bound),
      logitError: bound(rho),
      latentErrorSlope: 0,
      logitErrorSlope: 0,
      maxImageNorm: 2 ** 60,
    };
    return marginTerms(constants, { classes, latentSize: 4, weights, bias: new Float32Array(classes) });
  }

  const CASES: readonly (readonly [latent: readonly [number, number][], rho: [number, number], distance: number])[] = [
    [[[1e-3, 2e-4]], [1e-4, 3e-5], 1],
    // The second bound is the smaller one where images are, then the first.
    [
      [
        [1, 1],
        [2, 0.5],
      ],
      [0, 0],
      1,
    ],
    [
      [
        [2, 0.5],
        [1, 1],
      ],
      [0, 0],
      1,
    ],
    [
      [
        [1, 1],
        [7, 0.5],
      ],
      [0, 0],
      1,
    ],
    [[[0, 0]], [1, 0], 1],
    [[[0, 0]], [0, 1], 1],
    // Nothing but what is flushed: of products with a large factor, and of pixels.
    [[[0, 0]], [0, 0], 2 ** -50],
    [[[0, 2 ** 40]], [0, 0], 1],
  ];

  test('are at least what Lemmas 16 and 17 ask for, and hardly more', () => {
    for (const classes of [2, 4, MOST_IN_PAIRS, MOST_IN_PAIRS + 1]) {
      for (const inputs of [1, 300, 2 ** 18]) {
        for (const [latent, rho, distance] of CASES) {
          const terms = termsOf(classes, latent, rho, distance);
          const { initializers } = headGraph(terms, inputs);
          const valuesOf = (name: string) =>
            initializers.find((tensor) => tensor.name === `glean/${name}`)!.data as Float32Array;
          const k = 4 + 8;
          const least = (values: readonly { constant: number; l2: number }[], norm: number) =>
            Math.min(...values.map(({ constant, l2 }) => constant + l2 * norm));
          const longest = Math.sqrt(inputs);
          const between = (found: number, asked: number, name: string) => {
            const most = asked * (1 + 3 * gamma(inputs + 16) + 4e-6) + 2 ** -116;
            assert.ok(
              found >= asked && found <= most,
              `${name}, ${classes} classes, ${inputs} pixels: ${found} for ${asked}`,
            );
          };
          // At √n/2 the smallest bound of δ is the one that is taken.
          for (const norm of latent.length === 1 ? [0, longest / 2] : [longest / 2]) {
            const upper = norm * (1 + gamma(inputs + 2)) + longest * 2 ** -62;
            const S = least(terms.latentSlack, upper);
            const four = least([terms.logitSlack], upper);
            if (classes > MOST_IN_PAIRS) {
              const I = terms.inverse[1]!;
              const A = valuesOf('all_factors')[1]!;
              assert.ok(
                A <= I * (1 - 6 * u) && A >= Math.min(I * (1 - 10 * u), 2 ** 55) && valuesOf('all_factors')[0] === 0,
              );
              const q = valuesOf('doubt_bias')[0]! + valuesOf('doubt_weights')[0]! * norm;
              between(q * (1 - gamma(4)), four * (1 + 1 / (2 * k) + 2 * u) + 4 * 2 ** -126, 'doubt');
              const slack = valuesOf('slack_bias')[0]! + valuesOf('slack_weights')[0]! * norm;
              between(slack * (1 - gamma(4)), S, 'slack');
              // No NaN of the norm is lost in a coefficient of 0.
              assert.ok(valuesOf('slack_weights')[0]! >= 2 ** -126 && valuesOf('doubt_weights')[0]! >= 2 ** -126);
              continue;
            }
            const pairs = classes * (classes - 1);
            const [weights, bias] = [valuesOf('pair_weights'), valuesOf('pair_bias')];
            for (let column = 0; column < pairs; column++) {
              const rows = Array.from({ length: classes }, (_, j) => weights[j * pairs + column]!);
              const [c, j] = [rows.findIndex((w) => w < 0), rows.findIndex((w) => w > 0)];
              assert.equal(c, Math.floor(column / (classes - 1)));
              assert.equal(rows.filter((w) => w !== 0).length, 2);
              const I = terms.inverse[c * classes + j]!;
              const A = rows[j]!;
              assert.ok(A === -rows[c]! && A <= I && A >= Math.min(I * (1 - 2 * u), 2 ** 56));
              const most = (four / 4) * (1 + 1 / gamma(k));
              const flushed = (1 + A) * 46 * 2 ** -126;
              const found = (bias[column]! + weights[classes * pairs + column]! * norm) * (1 - gamma(8));
              const asked = S + four * I + gamma(8) * A * 2 * most + flushed;
              assert.ok(
                found <= (asked + 0.5 * flushed) * (1 + 3 * gamma(inputs + 16) + 4e-6),
                `${found} for ${asked}`,
              );
              assert.ok(found >= asked, `${classes} classes, ${inputs} pixels: ${found} for ${asked}`);
              assert.ok(weights[classes * pairs + column]! >= 2 ** -126);
            }
          }
        }
      }
    }
  });

  test('that are beyond float32 are refused', () => {
    for (const classes of [2, MOST_IN_PAIRS + 1]) {
      for (const bound of [
        [1e39, 0],
        [0, 1e39],
      ] as [number, number][]) {
        assert.throws(() => headGraph(termsOf(classes, [bound], [0, 0], 1), 4), /too large to be computed in float32/);
        assert.throws(() => headGraph(termsOf(classes, [[0, 0]], bound, 1), 4), /too large to be computed in float32/);
      }
      assert.throws(() => headGraph(termsOf(classes, [[1, 1]], [1, 1], 1), 2 ** 23), /too large/);
    }
  });

  test('hold subnormal factors for zero, and none above cap/4', () => {
    for (const classes of [2, MOST_IN_PAIRS + 1]) {
      const factorsOf = (terms: MarginTerms) => {
        const name = classes === 2 ? 'glean/pair_weights' : 'glean/all_factors';
        const data = headGraph(terms, 4).initializers.find((tensor) => tensor.name === name)!.data as Float32Array;
        return Math.abs(data[classes === 2 ? 0 : 1]!);
      };
      const terms = termsOf(classes, [[0, 0]], [0, 0], 1);
      const scaled = (factor: number) => ({ ...terms, inverse: terms.inverse.map((I) => (I === 0 ? 0 : factor)) });
      assert.equal(factorsOf(scaled(2 ** -127)), 0);
      assert.ok(factorsOf(scaled(classes === 2 ? 2 ** -126 : 2 ** -125)) > 0);
      assert.equal(factorsOf({ ...scaled(9), cap: 8 }), 2);
      assert.equal(factorsOf({ ...scaled(1e20), cap: 8 }), 2);
    }
  });

  test('are written only where the cap is at least √n·2⁻⁶⁰', () => {
    const terms = termsOf(2, [[0, 0]], [0, 0], 1);
    const passes = (cap: number, inputs: number): unknown => headGraph({ ...terms, cap }, inputs);
    const refused = (cap: number, inputs: number): void =>
      assert.throws(
        () => passes(cap, inputs),
        (error: unknown) => error instanceof UnprovableError && /squares of pixels that small/.test(error.message),
      );
    passes(2 ** -60, 1);
    refused(2 ** -60 * (1 - 2 ** -53), 1);
    passes(2 ** -59 * (1 + 2 ** -51), 4);
    refused(2 ** -59 * (1 - 2 ** -53), 4);
    // The nearest float64 of √3 is below it.
    refused(Math.sqrt(3) * 2 ** -60, 3);
    passes(Math.sqrt(3) * 2 ** -60 * (1 + 2 ** -50), 3);
    refused(0, 1);
    refused(Number.NaN, 1);
  });

  test('never put cap above what is proven, and two classes need no search among others', () => {
    const terms = termsOf(2, [[0, 0]], [0, 0], 1);
    const { nodes, initializers } = headGraph({ ...terms, cap: 2 - 2 ** -30 }, 4);
    const floor = initializers.find(({ name }) => name === 'glean/floor')!.data as Float32Array;
    assert.equal(floor[0], -(2 - 2 ** -23));
    const alphas = nodes.flatMap(({ attributes }) => attributes.get('alpha')?.value ?? []);
    assert.deepEqual(alphas, [2 - 2 ** -23, -(2 - 2 ** -23)]);
    assert.deepEqual([nodes.length, initializers.length], [13, 7]);
  });
});
