import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { certifiedShares, truthFromName } from '../../../src/page/digit/curve.ts';

describe('certifiedShares', () => {
  it('counts what is right and certified at r, as counting one by one does', () => {
    const picture = fc.record({
      label: fc.nat(1),
      radius: fc.float({ min: 0, max: 2, noNaN: true }),
      truth: fc.option(fc.nat(1), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(picture, { minLength: 1 }), (pictures) => {
        const radii = [0, 0.25, 0.5, ...pictures.map(({ radius }) => radius)].sort((a, b) => a - b);
        const truth = pictures.map((one) => one.truth);
        radii.forEach((r, i) => {
          const right = pictures.filter((one) => one.radius >= r && (one.truth ?? one.label) === one.label);
          assert.equal(certifiedShares(pictures, truth, radii)[i], right.length / pictures.length);
        });
      }),
    );
  });

  it('is 0 everywhere for no pictures', () => {
    assert.deepEqual(certifiedShares([], [], [0, 1]), [0, 0]);
  });
});

describe('truthFromName', () => {
  it('reads one digit at the start of a name, and no number', () => {
    const names = {
      '7-a.png': 1,
      '4.png': 0,
      '5_x.webp': 1,
      '0.jpg': 0,
      '12.png': undefined,
      'a7.png': undefined,
      '': undefined,
    };
    for (const [name, truth] of Object.entries(names)) assert.equal(truthFromName(name), truth, name);
  });
});
