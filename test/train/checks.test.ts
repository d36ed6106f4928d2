/** The checks of a committee's answers: each to one step on either side of its threshold, in words, and in a model card. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { committeeTable } from '../../src/export/run/committee-table.ts';
import { type CommitteeChecks, checkCommittee, inWords } from '../../src/train/checks.ts';

const GOOD: CommitteeChecks = { agreement: 0.988, right: { a: 0.72, b: 0.81 }, cue: undefined };
const passed = (change: Partial<CommitteeChecks>) =>
  checkCommittee({ ...GOOD, ...change }).map((check) => check.passed);

test('two sittings agree on 97 % of the images or more; one alone agrees with nobody', () => {
  assert.deepEqual(passed({}), [true]);
  assert.deepEqual(passed({ agreement: 0.97 }), [true]);
  assert.deepEqual(passed({ agreement: 0.9699 }), [false]);
  assert.deepEqual(passed({ agreement: undefined }), [false]);
});

test('where the cue is known, domains differ by at least 85 % of what it makes them differ', () => {
  const cue = { a: 0.8, b: 0.9 };
  assert.deepEqual(passed({ cue }), [true, true]);
  assert.deepEqual(passed({ cue, right: { a: 0.72, b: 0.806 } }), [true, true]);
  assert.deepEqual(passed({ cue, right: { a: 0.72, b: 0.804 } }), [true, false]);
  assert.deepEqual(passed({ cue, right: { a: 0.81, b: 0.72 } }), [true, false], 'the wrong way round');
  // The farthest two of several domains.
  const three = { a: 0.6, b: 0.9, c: 0.7 };
  assert.deepEqual(passed({ cue: three, right: { a: 0.6, b: 0.9, c: 0 } }), [true, true]);
  assert.deepEqual(passed({ cue: three, right: { a: 0.6, b: 0.8, c: 0.7 } }), [true, false]);
  // Domains that the cue does not tell apart, and one domain, say nothing.
  assert.deepEqual(passed({ cue: { a: 0.5, b: 0.51 } }), [true]);
  assert.deepEqual(passed({ cue: { a: 0.5 }, right: { a: 0.5 } }), [true]);
});

test('in words and in a model card: each check with its threshold, and what to do only if one fails', () => {
  const cue = { a: 0.8, b: 0.9 };
  const doubt = /The cue could not be told from the labels: use given domains/;
  assert.deepEqual(inWords({ ...GOOD, cue }), [
    'labels the committee answers: 72.0 % of a, 81.0 % of b',
    'images to which two sittings of the committee give the same answer: 98.8 %, at least 97.0 %: passed',
    'labels it answers in b more than in a: 9.0 points, at least 8.5 points (the cue differs by 10.0 points): passed',
  ]);
  const card = committeeTable({ ...GOOD, cue });
  assert.match(card, /72\.0 % of a, 81\.0 % of b/);
  assert.match(card, /^\| .* same answer \| 98\.8 % \| at least 97\.0 % \| yes \|$/m);
  assert.match(card, /^\| .* more than in a \| 9\.0 points \| at least 8\.5 points .* \| yes \|$/m);
  assert.doesNotMatch(card, doubt);
  const bad = { ...GOOD, agreement: 0.9 };
  assert.match(inWords(bad).at(-2)!, /90\.0 %, at least 97\.0 %: FAILED/);
  assert.match(inWords(bad).at(-1)!, doubt);
  assert.match(committeeTable(bad), /\| 90\.0 % \| at least 97\.0 % \| \*\*no\*\* \|/);
  assert.match(committeeTable(bad), doubt);
  assert.match(committeeTable({ ...GOOD, agreement: undefined }), /one sitting only/);
});
