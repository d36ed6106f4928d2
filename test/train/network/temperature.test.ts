/** A head of fixed temperature: no parameter for it, unit logits times τ, the rows of the head at distance τ. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../src/train/config.ts';
import { createNetwork } from '../../../src/train/network/network.ts';
import { tf } from '../../../src/train/tfjs.ts';
import { smallConfig } from '../../support/training/train-fixture.ts';

const of = (temperature?: number) => {
  const config = smallConfig();
  const network = { ...config.network, ...(temperature === undefined ? {} : { temperature }) };
  return createNetwork(parseConfig({ ...config, network }, 'test').network, [4, 4, 3], 3);
};

test('the temperature scales the head and is not learned', () => {
  const parameters = of().initialParameters(5);
  assert.ok(parameters.has('head.logTemperature'));
  const fixed = of(2.5).initialParameters(5);
  assert.ok(!fixed.has('head.logTemperature'));
  // τ = exp(0) = 1 where training begins.
  const unit = of().condense(parameters).head;
  const { weights, inputs, outputs } = of(2.5).condense(fixed).head;
  weights.forEach((weight, i) => {
    assert.ok(Math.abs(weight - 2.5 * unit.weights[i]!) < 1e-6);
  });
  let square = 0;
  for (let i = 0; i < inputs; i++) square += (weights[i * outputs]! - weights[i * outputs + 2]!) ** 2;
  assert.ok(Math.abs(Math.sqrt(square) - 2.5) < 1e-5);
  for (const tensor of [...parameters.values(), ...fixed.values()]) tensor.dispose();
  assert.equal(tf.memory().numTensors, 0);
});

test('refused: a temperature of 0', () => {
  assert.throws(() => of(0), /network\.temperature/);
});
