/** The WebAssembly kernel is its source compiled, and does to pixels what plain JavaScript does. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { compileKernel, kernelModule } from '../../pipeline/kernel.ts';
import { Workspace, WorkspacePool } from '../../src/certify-runtime/run/workspace.ts';
import { createRandom } from '../../src/certify-runtime/smoothing/random.ts';
import { InputError } from '../../src/certify-runtime/trusted/errors.ts';
import { imageNorms } from '../../src/certify-runtime/trusted/margin.ts';

const SIZES = [1, 3, 4, 15, 16, 17, 31, 33, 784, 2352, 2353, 12_289];

describe('the kernel', () => {
  it('is kernel.wat, compiled', async () => {
    assert.equal(await readFile('src/certify-runtime/run/kernel.ts', 'utf8'), kernelModule(await compileKernel()));
  });

  it('turns every byte into fround(byte/255), at every place', () => {
    for (const size of SIZES) {
      const workspace = new Workspace(3, size);
      const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 37 + size) & 255);
      workspace.put(1, bytes);
      workspace.put(2, new Uint8ClampedArray(bytes));
      const both = new Workspace(2, size);
      both.put(0, Uint8Array.from([...bytes, ...bytes]));
      assert.deepEqual(both.pixels(2), workspace.pixels(3).slice(size));
      const pixels = workspace.pixels(3);
      for (let i = 0; i < size; i++) {
        assert.equal(pixels[size + i], Math.fround(bytes[i]! / 255));
        assert.equal(pixels[2 * size + i], Math.fround(bytes[i]! / 255));
        assert.equal(pixels[i], 0);
      }
    }
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    const workspace = new Workspace(1, 256);
    workspace.put(0, all);
    assert.deepEqual(
      [...workspace.pixels(1)],
      [...all].map((byte) => Math.fround(byte / 255)),
    );
  });

  it('bounds the norms from above, and closely', () => {
    const random = createRandom(1);
    for (const size of SIZES) {
      for (const scale of [1, 1e-3, 1e-20, 2 ** -126, 2 ** -149, 0]) {
        const workspace = new Workspace(2, size);
        const pixels = Float32Array.from({ length: size }, () => random.uniform() * scale);
        workspace.put(1, pixels);
        workspace.measure(2);
        const exact = imageNorms(pixels);
        // The exact sums, rounded up, are themselves at most a few units above the truth.
        assert.ok(workspace.l1(1) >= exact.l1 * (1 - 2 ** -40), `${size} ${scale}`);
        assert.ok(workspace.l2(1) >= exact.l2 * (1 - 2 ** -40), `${size} ${scale}`);
        assert.ok(workspace.l1(1) <= exact.l1 * (1 + 2e-7 * (size + 10)) + 1e-30);
        assert.ok(workspace.l2(1) <= exact.l2 * (1 + 2e-7 * (size + 10)) + 2 ** -49);
      }
    }
  });

  it('names any pixel that is not on [0, 1], wherever it is; −0 is 0', () => {
    const bad = [Number.NaN, -Number.NaN, Infinity, -Infinity, 1 + 2 ** -23, -(2 ** -149), -1, 2, 3e38, -3e38];
    for (const size of [1, 15, 16, 17, 33]) {
      const workspace = new Workspace(2, size);
      for (let place = 0; place < size; place++) {
        for (const value of bad) {
          const pixels = new Float32Array(size).fill(0.5);
          pixels[place] = value;
          assert.throws(
            () => {
              workspace.put(1, pixels);
              workspace.measure(2);
            },
            (error: Error) => error instanceof InputError && error.message.startsWith(`pixel ${place} of image 1 is`),
          );
        }
        for (const value of [0, -0, 1, 2 ** -149, 1 - 2 ** -24]) {
          const pixels = new Float32Array(size).fill(0.5);
          pixels[place] = value;
          workspace.put(1, pixels);
          workspace.measure(2);
        }
      }
    }
  });

  it('takes the bytes of a NaN whose sign is set as a NaN', () => {
    const workspace = new Workspace(1, 4);
    const pixels = new Float32Array(4);
    new Uint32Array(pixels.buffer).fill(0xffc00001);
    workspace.put(0, pixels);
    assert.throws(() => workspace.measure(1), InputError);
  });

  it('keeps few workspaces, and gives them out in turn', async () => {
    const pool = new WorkspacePool(16);
    const taken = Array.from({ length: WorkspacePool.LIMIT }, (_, i) => pool.take(i + 1)!);
    assert.ok(taken.every((workspace) => workspace !== null));
    assert.equal(pool.take(1), null);
    let told = false;
    const waiting = pool.wait().then(() => {
      told = true;
    });
    await Promise.resolve();
    assert.equal(told, false);
    pool.give(taken[0]!);
    await waiting;
    assert.equal(pool.take(1), taken[0]);
    pool.give(taken[1]!);
    const other = pool.take(9)!;
    assert.equal(other.capacity, 9);
  });
});
