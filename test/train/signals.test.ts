/** Signals that reach a process while TensorFlow computes, such as those of a terminal that is being resized. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';

const PRODUCTS = `
  import { tf } from './src/train/tfjs.ts';
  process.on('SIGWINCH', () => {});
  const x = tf.randomUniform([512, 512]);
  console.log('ready');
  for (let i = 0; i < 150; i++) tf.tidy(() => tf.matMul(x, x).sum().dataSync());
`;

// A process whose heap is broken may hang as well as end.
test('matrix products survive signals', { timeout: 300_000 }, async (t) => {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', PRODUCTS], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // With one thread every product is computed by the one that handles the signals.
    env: { ...process.env, OMP_NUM_THREADS: '1', TF_NUM_INTRAOP_THREADS: '1' },
  });
  t.after(() => child.kill('SIGKILL'));
  const ending = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), ending]);
  let sent = 0;
  while (child.exitCode === null && child.signalCode === null && !t.signal.aborted) {
    if (child.kill('SIGWINCH')) sent++;
    await wait();
  }
  assert.deepEqual(await ending, [0, null], 'it ended by itself');
  assert.ok(sent > 100, `only ${sent} signals were sent`);
});
