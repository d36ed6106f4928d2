/** The embedded digits are the published ones, and a damaged package is named. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { InputError } from '../../../../src/certify-runtime/trusted/errors.ts';
import { readMnistPackage } from '../../../../src/train/data/readers/mnist-package.ts';

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'glean-mnist-'));
});
after(() => rm(dir, { recursive: true, force: true }));

test('10 000 different digits of 28×28, in the order of their labels', async () => {
  const digits = await readMnistPackage();
  assert.deepEqual([digits.height, digits.width, digits.size, digits.sourceSize], [28, 28, 10_000, 10_000]);
  assert.equal(digits.pixels.length, 10_000 * 784);
  assert.ok(digits.labels.every((label, i) => i === 0 || label >= digits.labels[i - 1]!));
  // Real digits use the whole range, and most of each picture is empty.
  assert.equal(Math.max(...digits.pixels.subarray(0, 78_400)), 255);
  const mean = digits.pixels.reduce((sum, value) => sum + value, 0) / digits.pixels.length / 255;
  assert.ok(Math.abs(mean - 0.1307) < 0.003, `mean ${mean}, published 0.1307 over all of MNIST`);
  assert.equal(
    createHash('sha256').update(digits.pixels).digest('hex'),
    '0768d16c5adea568dee18fa5e4e1acb117e9ec2c5d6b1dffe5fc29c1e61c1eca',
  );
});

test('an absent or damaged file is named, with what was found and expected', async () => {
  const refused = (message: RegExp) =>
    assert.rejects(readMnistPackage(dir), (error) => {
      assert.ok(error instanceof InputError, String(error));
      assert.match(error.message, message);
      return true;
    });
  const file = join(dir, '0.json');
  await refused(/0\.json: found no such file, expected 1001 images/);
  await writeFile(file, '{"data":[0,0.5');
  await refused(/0\.json: found 14 characters that are not JSON/);
  await writeFile(file, '{"pixels":[]}');
  await refused(/found JSON without an array "data"/);
  await writeFile(file, JSON.stringify({ data: Array(784).fill(0) }));
  await refused(/found 784 numbers \(1 images\)/);
  for (const wrong of [0.5, 1.2, -1, null]) {
    const data: unknown[] = Array(1001 * 784).fill(0);
    data[7] = wrong;
    await writeFile(file, JSON.stringify({ data }));
    await refused(new RegExp(`found ${wrong} at position 7`));
  }
});
