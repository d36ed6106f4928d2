/** The native backend or none; the kernels that tfjs does not wrap: stateless normals, bytes to floats. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { normalCdf } from '../../src/certify-runtime/smoothing/normal.ts';
import { statelessNormal, tf, unitInterval } from '../../src/train/tfjs.ts';

test('the backend is the native one', () => {
  assert.equal(tf.getBackend(), 'tensorflow');
});

test('another backend is refused at import, not used', async () => {
  const module = fileURLToPath(new URL('../../src/train/tfjs.ts', import.meta.url));
  const script = `
    const tf = (await import('@tensorflow/tfjs-node')).default;
    await tf.setBackend('cpu');
    try {
      await import(${JSON.stringify(module)});
      console.log('imported');
    } catch (error) {
      console.log(JSON.stringify([error.code, error.message]));
    }`;
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', script],
    { cwd: root },
  );
  const [code, message] = JSON.parse(stdout.trim().split('\n').at(-1)!) as [string, string];
  assert.equal(code, 'BACKEND');
  assert.match(message, /'tensorflow'.*'cpu'.*make setup/);
});

const draw = (count: number, seed: readonly [number, number]): number[] =>
  tf.tidy(() => [...statelessNormal([count], seed).dataSync()]);

test('statelessNormal: seeds alone decide the numbers', () => {
  const first = draw(1000, [3, 4]);
  tf.randomNormal([10]).dispose();
  draw(7, [9, 9]);
  assert.deepEqual(draw(1000, [3, 4]), first);
  for (const seed of [
    [3, 5],
    [4, 4],
    [4, 3],
    [3, -4],
    [2 ** 31 + 3, 4],
  ] as const) {
    const other = draw(1000, seed);
    assert.equal(other.filter((value, i) => value === first[i]).length, 0, `seed ${seed}`);
    const correlation = other.reduce((sum, value, i) => sum + value * first[i]!, 0) / Math.sqrt(1000);
    assert.ok(Math.abs(correlation) < 4.5, `seed ${seed} is correlated: ${correlation} standard deviations`);
  }
});

test('statelessNormal: a standard normal distribution', () => {
  const n = 20_000;
  const sample = draw(n, [1, 2]).sort((a, b) => a - b);
  const mean = sample.reduce((sum, x) => sum + x, 0) / n;
  const variance = sample.reduce((sum, x) => sum + (x - mean) ** 2, 0) / n;
  // 4.5 standard errors: 1/√n of the mean, √(2/n) of the variance.
  assert.ok(Math.abs(mean) < 4.5 / Math.sqrt(n), `mean ${mean}`);
  assert.ok(Math.abs(variance - 1) < 4.5 * Math.sqrt(2 / n), `variance ${variance}`);
  // Kolmogorov–Smirnov at α = 0.001.
  const statistic = sample.reduce((worst, x, i) => {
    const p = normalCdf(x);
    return Math.max(worst, p - i / n, (i + 1) / n - p);
  }, 0);
  assert.ok(statistic * Math.sqrt(n) < 1.95, `Kolmogorov–Smirnov ${statistic * Math.sqrt(n)}`);
});

test('unitInterval: every byte becomes byte/255, rounded once', () => {
  const bytes = Uint8Array.from({ length: 512 }, (_, i) => i);
  const found = tf.tidy(() => {
    const floats = unitInterval(bytes, [2, 256]);
    assert.deepEqual([floats.dtype, floats.shape], ['float32', [2, 256]]);
    return [...floats.dataSync()];
  });
  assert.deepEqual(
    found,
    [...bytes].map((byte) => Math.fround(byte / 255)),
  );
});

test('unitInterval leaves nothing behind, in tfjs or in TensorFlow', () => {
  const bytes = new Uint8Array(4 << 20);
  const once = () => tf.tidy(() => void unitInterval(bytes, [4, 1 << 20]));
  for (let i = 0; i < 3; i++) once();
  const tensors = tf.memory().numTensors;
  const rounds = 40;
  /** By how many batches of bytes the process grows in as many rounds; a lost byte tensor would be one each time. */
  const growth = () => {
    const before = process.memoryUsage().rss;
    for (let i = 0; i < rounds; i++) once();
    return (process.memoryUsage().rss - before) / bytes.length;
  };
  // The allocator may keep freed pages in an arena for each of TensorFlow's threads, some once; a leak goes on for ever.
  const grown = [growth()];
  while (grown.at(-1)! >= rounds / 2 && grown.length < 6) grown.push(growth());
  assert.equal(tf.memory().numTensors, tensors);
  assert.ok(grown.at(-1)! < rounds / 2, `grown by ${grown} batches in ${rounds} rounds each`);
});
