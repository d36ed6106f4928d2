/** Where the log cannot be written: the disk is full, or nobody reads. The service answers all the same, and ends when it is told to. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { soon } from './protocol/requests.ts';

/** Writing to /dev/full finds no space left. */
const OPTIONS = { skip: process.platform !== 'linux', timeout: 120_000 };
const SERVE = ['bin/glean.mjs', 'serve', '--workers', '1', '--drain', '0'];

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return String(port);
}

/** Whether it says so while the log says nothing. */
async function ready(port: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/v2/health/ready`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function ended(child: ChildProcess): Promise<readonly unknown[] | 'still running'> {
  const result = await soon(once(child, 'exit'));
  child.kill('SIGKILL');
  return result;
}

async function onFullDisk(args: readonly string[], use: (child: ChildProcess) => Promise<void>): Promise<void> {
  const full = await open('/dev/full', 'w');
  try {
    await use(spawn(process.execPath, args, { stdio: ['ignore', full.fd, 'inherit'] }));
  } finally {
    await full.close();
  }
}

test('the disk of the log is full: it answers, and SIGTERM ends supervisor and worker', OPTIONS, async () => {
  const port = await freePort();
  await onFullDisk([...SERVE, '--port', port], async (child) => {
    await ready(port);
    for (let i = 0; i < 40; i++) assert.equal((await fetch(`http://127.0.0.1:${port}/v2`)).status, 200);
    child.kill('SIGTERM');
    assert.deepEqual(await ended(child), [0, null]);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/v2`), 'the worker has ended too');
  });
});

test('the disk of the log is full: a process that crashes ends, with its own code', OPTIONS, async () => {
  const script = `
    import { createLog } from './src/serve/observe/log.ts';
    const { logger, end } = createLog('info', {});
    logger.info('something');
    logger.fatal('a crash');
    void end().then(() => process.exit(7));`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
  await onFullDisk(args, async (child) => assert.deepEqual(await ended(child), [7, null]));
});

test('what ends without waiting for its log ends too', OPTIONS, async () => {
  const script = `
    import { createLog } from './src/serve/observe/log.ts';
    createLog('info', {}).logger.info('something');
    process.exit(7);`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
  await onFullDisk(args, async (child) => assert.deepEqual(await ended(child), [7, null]));
});

test('nobody reads the log: it answers, and SIGTERM ends it', OPTIONS, async () => {
  const port = await freePort();
  const child = spawn(process.execPath, [...SERVE, '--port', port], { stdio: ['ignore', 'pipe', 'inherit'] });
  await ready(port);
  // More lines than a pipe holds.
  const ask = async () => {
    for (let i = 0; i < 250; i++) await (await fetch(`http://127.0.0.1:${port}/v2`)).arrayBuffer();
  };
  await Promise.all(Array.from({ length: 8 }, ask));
  child.kill('SIGTERM');
  assert.notEqual(await ended(child), 'still running');
});

test('a log that is read has every line, also the last', OPTIONS, async () => {
  const script = `
    import { createLog } from './src/serve/observe/log.ts';
    const { logger, end } = createLog('info', {});
    for (let i = 0; i < 5000; i++) logger.info({ i }, 'line');
    void end().then(() => process.exit(7));`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number];
  assert.equal(code, 7);
  const lines = text.trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { i: number }).i),
    Array.from({ length: 5000 }, (_, i) => i),
  );
});
