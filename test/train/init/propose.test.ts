/** What a configuration to start from is, for what was found in a folder: each choice, each note, each refusal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../../../src/certify-runtime/trusted/errors.ts';
import { parseConfig } from '../../../src/train/config.ts';
import { networkFor, sideFor } from '../../../src/train/init/networks.ts';
import { propose } from '../../../src/train/init/propose.ts';
import type { Survey } from '../../../src/train/init/survey.ts';
import { createNetwork } from '../../../src/train/network/network.ts';

/** Domains with as many images of each class as `counts` says. */
function survey(counts: readonly (readonly number[])[], change: Partial<Survey> = {}): Survey {
  const images = counts.flat().reduce((sum, n) => sum + n, 0);
  return {
    dir: 'some/My Photos',
    domains: counts.map((_, d) => `d${d}`),
    classes: counts[0]!.map((_, c) => ['bus', 'car', 'tree', 'dog'][c]!),
    counts,
    images,
    looked: images,
    unreadable: [],
    shorterSides: [300],
    oblong: 0,
    grey: 0,
    ...change,
  };
}

const EVEN = [
  [500, 500],
  [500, 500],
  [500, 500],
];
const parsed = (found: Survey) => parseConfig(propose(found).config, 'test');
const reason = (found: Survey, field: string) =>
  propose(found).choices.find((choice) => choice.field === field)!.reason;

test('every size gets a network that it fits, and no layer with more outputs than inputs', () => {
  const sides = [8, 28, 30, 31, 55, 56, 255, 256, 4000].map(sideFor);
  assert.deepEqual(sides, [28, 28, 28, 32, 32, 64, 64, 128, 128]);
  for (const side of new Set(sides)) {
    const { network } = networkFor(side);
    const config = parsed(survey(EVEN, { shorterSides: [side === 128 ? 256 : side] }));
    assert.equal(config.data.name === 'folder' && config.data.side, side);
    assert.deepEqual(config.network, parseConfig({ ...config, network }, 'test').network);
    createNetwork(config.network, [side, side, 3], 2);
    let channels = 3;
    for (const layer of config.network.conv) {
      assert.ok(layer.channels <= channels * layer.down ** 2, `${side}: ${JSON.stringify(layer)}`);
      channels = layer.channels;
    }
    assert.equal(config.augmentation.shift, Math.round(side / 16));
  }
});

test('domains: the last is held out; two to train on are given, of one the environments are inferred', () => {
  const three = parsed(survey(EVEN));
  assert.ok('penalty' in three.objective && three.data.name === 'folder');
  assert.equal(three.data.heldOut, 'd2');
  assert.equal(three.objective.environments.kind, 'given');
  assert.equal(three.optimizer.perEnvironment, 64);
  const two = parsed(survey(EVEN.slice(1)));
  assert.ok('penalty' in two.objective);
  assert.equal(two.objective.environments.kind, 'inferred');
  assert.equal(two.optimizer.perEnvironment, 64);
  const many = parsed(survey(Array.from({ length: 250 }, () => [10, 10])));
  assert.equal(many.optimizer.perEnvironment, 2);
  assert.match(
    reason(
      survey([
        [20, 20],
        [20, 20],
        [30, 10],
      ]),
      'data.heldOut',
    ),
    /always answering bus is right for 75 %/i,
  );
});

test('steps: about 25 views of each image, between 400 and 2400', () => {
  const steps = (each: number) =>
    parsed(
      survey([
        [each, each],
        [each, each],
        [5, 5],
      ]),
    ).optimizer.steps;
  assert.deepEqual([10, 1500, 100_000].map(steps), [400, 1200, 2400]);
  assert.match(
    reason(
      survey([
        [12, 12],
        [12, 12],
        [5, 5],
      ]),
      'optimizer.steps',
    ),
    /48 images .* steps of 48: each is seen about 400 times/,
  );
});

test('flips: not where a mirrored image may mean something else', () => {
  const flip = (...classes: string[]) => parsed(survey(EVEN, { classes })).augmentation.flip;
  assert.equal(flip('bus', 'car'), true);
  for (const signs of [
    ['3', '7'],
    ['a', 'b'],
    ['turn left', 'turn right'],
    ['10', '11'],
    ['é', 'bus'],
  ]) {
    assert.equal(flip(...signs), false, signs.join());
  }
  assert.equal(flip('bright', 'leftover'), true);
  assert.equal(parsed(survey(EVEN, { shorterSides: [28] })).augmentation.flip, false);
});

test('the name is made from the folder', () => {
  const id = (dir: string) => parsed(survey(EVEN, { dir })).id;
  assert.deepEqual(['some/My Photos', '/data/Été_2019/', '写真'].map(id), ['my-photos', 'ete-2019', 'model']);
});

test('what to know beforehand is said, and only if it is so', () => {
  assert.deepEqual(propose(survey(EVEN)).notes, []);
  const notes = (change: Partial<Survey>, counts = EVEN) => propose(survey(counts, change)).notes.join('\n');
  assert.match(
    notes({}, [
      [500, 50],
      [500, 400],
      [500, 400],
    ]),
    /^d0\/car has 50 images: so few/,
  );
  assert.match(
    notes({}, [
      [900, 200],
      [900, 200],
      [900, 200],
    ]),
    /from 600 images of car to 2700 of bus/,
  );
  assert.match(notes({ oblong: 0.4 }), /40 % of the images are oblong/);
  assert.match(notes({ shorterSides: [20, 70, 80, 90] }), /25 % of the images are smaller than 64 pixels/);
  assert.match(notes({ looked: 1000 }), /sizes are those of 1000 of the 3000 images/);
});

test('refused with what to do: too few images of a class, files that are no images', () => {
  const refuses = (found: Survey, message: RegExp) =>
    assert.throws(
      () => propose(found),
      (error) => error instanceof InputError && message.test(error.message),
    );
  refuses(
    survey([
      [500, 9],
      [500, 500],
      [500, 500],
    ]),
    /too few images in d0\/car \(9\), expected at least 10 .*add images, merge classes/,
  );
  propose(
    survey([
      [500, 10],
      [500, 500],
      [500, 1],
    ]),
  );
  const bad = Array.from({ length: 31 }, (_, i) => `d0/bus/${i}.jpg`);
  refuses(
    survey(EVEN, { unreadable: bad }),
    /31 files of 3000 that cannot be read .*d0\/bus\/0\.jpg.* and 28 more.*repair or remove/,
  );
  propose(survey(EVEN, { unreadable: bad.slice(1) }));
});
