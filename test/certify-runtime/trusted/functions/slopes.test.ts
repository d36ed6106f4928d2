/** The slopes that lemma 24 gives, against other formulas of the functions: no quotient is beyond them, and some come near. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  FUNCTIONS,
  gelu,
  hardSwish,
  mish,
  silu,
} from '../../../../src/certify-runtime/trusted/rules/functions/table.ts';
import { clamp, elu, erf, PLAIN, sigmoid } from '../../../support/reference/functions.ts';

const at = (attributes: Readonly<Record<string, number>>) => ({
  number: (name: string, otherwise: number) => Math.fround(attributes[name] ?? otherwise),
  refuse: (reason: string): never => {
    throw new Error(reason);
  },
});

type Case = readonly [
  name: string,
  value: (x: number) => number,
  f: () => { readonly low: number; readonly high: number; readonly offset: number },
];

const [ALPHA, GAMMA] = [Math.fround(1.6732632), Math.fround(1.050701)];
const hard = (alpha: number, beta: number) => (x: number) => clamp(Math.fround(alpha) * x + Math.fround(beta));

const CASES: readonly Case[] = [
  ['Sigmoid', PLAIN['Sigmoid']!, () => FUNCTIONS.Sigmoid()],
  ['Tanh', PLAIN['Tanh']!, () => FUNCTIONS.Tanh()],
  ['Erf', erf, () => FUNCTIONS.Erf()],
  ['Softplus', PLAIN['Softplus']!, () => FUNCTIONS.Softplus()],
  ['Softsign', PLAIN['Softsign']!, () => FUNCTIONS.Softsign()],
  ['Mish', PLAIN['Mish']!, () => mish],
  ['Elu', (x) => elu(x, 1), () => FUNCTIONS.Elu(at({}))],
  ['Elu 3', (x) => elu(x, 3), () => FUNCTIONS.Elu(at({ alpha: 3 }))],
  ['Selu', (x) => elu(x, ALPHA, GAMMA), () => FUNCTIONS.Selu(at({}))],
  ['Celu ½', (x) => elu(x, 0.5, 1, 0.5), () => FUNCTIONS.Celu(at({ alpha: 0.5 }))],
  ['HardSigmoid', hard(0.2, 0.5), () => FUNCTIONS.HardSigmoid(at({}))],
  ['HardSigmoid −2', hard(-2, 3), () => FUNCTIONS.HardSigmoid(at({ alpha: -2, beta: 3 }))],
  ['HardSwish', (x) => x * clamp(x / 6 + 0.5), () => FUNCTIONS.HardSwish()],
  ['x·HardSigmoid(x; 1, −0.3)', (x) => x * hard(1, -0.3)(x), () => hardSwish(1, Math.fround(-0.3))],
  ['x·HardSigmoid(x; −0.7, 2.5)', (x) => x * hard(-0.7, 2.5)(x), () => hardSwish(Math.fround(-0.7), 2.5)],
  ['x·σ(x)', (x) => x * sigmoid(x), () => silu],
  ['x·σ(−3x)', (x) => x * sigmoid(-3 * x), () => silu],
  ['xΦ(x)', (x) => (x * (1 + erf(x / Math.SQRT2))) / 2, () => gelu],
];

const STEP = 1 / 512;

/** How near quotients on the grid come to either end: the slope of Softsign is still 1/441 where it ends. */
const NEAR = 6e-3;

for (const [name, value, f] of CASES) {
  test(`${name}: every difference quotient is within its slopes`, () => {
    const { low, high, offset } = f();
    assert.ok(Math.abs(value(0)) <= offset && offset <= Math.abs(value(0)) * (1 + 1e-9), `${value(0)} at 0`);
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let x = -20; x <= 20; x += STEP) {
      const quotient = (value(x + STEP) - value(x)) / STEP;
      least = Math.min(least, quotient);
      most = Math.max(most, quotient);
    }
    assert.ok(least >= low - 1e-9 && most <= high + 1e-9, `[${least}, ${most}]`);
    assert.ok(least <= low + NEAR && most >= high - NEAR, `the bounds are loose: [${least}, ${most}]`);
  });
}

test('the extrema of the slopes of SiLU and GELU are those of lemma 24', () => {
  const t = 2.399357280515467;
  assert.ok(Math.abs(t * Math.tanh(t / 2) - 2) < 1e-14);
  const steepest = sigmoid(t) * (1 + t * sigmoid(-t));
  const normal = (1 + erf(1)) / 2 + Math.SQRT2 * (Math.exp(-1) / Math.sqrt(2 * Math.PI));
  for (const [{ low, high }, expected] of [
    [silu, steepest],
    [gelu, normal],
  ] as const) {
    assert.ok(high >= expected && high <= expected + 1e-9, `${expected}`);
    assert.ok(low <= 1 - expected && low >= 1 - expected - 1e-9, `${1 - expected}`);
  }
});

test('the slope of Mish on the grid of lemma 24', () => {
  const h = 2 ** -14;
  let [least, most] = [0, 0];
  for (let x = -4; x <= 5; x += h) {
    const [s, g] = [1 + Math.exp(x), sigmoid(x)];
    const tau = (s * s - 1) / (s * s + 1);
    const slope = tau + x * g * (1 - tau * tau);
    least = Math.min(least, slope);
    most = Math.max(most, slope);
  }
  assert.ok(least - h >= mish.low && least - h <= mish.low + 1e-3, `${least}`);
  assert.ok(most + h <= mish.high && most + h >= mish.high - 1e-3, `${most}`);
});

test('attributes outside their range are refused', () => {
  const refused = (f: () => unknown, reason: RegExp) => assert.throws(f, reason);
  for (const alpha of [0, -1, 2 ** -25, 2 ** 25, Number.NaN, Number.POSITIVE_INFINITY]) {
    for (const op of ['Elu', 'Selu', 'Celu'] as const) refused(() => FUNCTIONS[op](at({ alpha })), /alpha/);
    if (alpha !== -1) refused(() => FUNCTIONS.HardSigmoid(at({ alpha })), /alpha/);
    refused(() => FUNCTIONS.Selu(at({ gamma: alpha })), /gamma/);
  }
  for (const beta of [2 ** 11, -(2 ** 11), Number.NaN]) refused(() => FUNCTIONS.HardSigmoid(at({ beta })), /beta/);
  for (const alpha of [2 ** -24, 2 ** 24]) {
    assert.equal(FUNCTIONS.Elu(at({ alpha })).high, Math.max(1, alpha));
    assert.equal(FUNCTIONS.Selu(at({ alpha, gamma: 1 })).high, Math.max(1, alpha));
  }
});

test('Softplus at 0 is not below log 2 = 0.69314718055994530…, which the nearest float64 is', () => {
  assert.ok(Math.LN2.toFixed(20).startsWith('0.69314718055994528'));
  assert.ok(FUNCTIONS.Softplus().offset > Math.LN2);
});
