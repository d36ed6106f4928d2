/** A service that is stopped while it verifies a model: it ends, and nothing it started outlives it. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { ServiceProcess } from '../../pipeline/bench/service-process.ts';
import { sealedNetwork } from '../support/networks/sealed.ts';
import { is, soon } from './protocol/requests.ts';

/** Children are found through /proc. */
const OPTIONS = { skip: process.platform !== 'linux', timeout: 180_000 };

/** Processes that a process has started and that live, by id: their command lines. */
async function childrenOf(parent: number): Promise<ReadonlyMap<number, string>> {
  const tasks = await readdir(`/proc/${parent}/task`).catch(() => []);
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${parent}/task/${task}/children`, 'utf8').catch(() => '')),
  );
  const pids = lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number));
  const command = (pid: number) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return new Map(await Promise.all(pids.map(async (pid) => [pid, await command(pid)] as const)));
}

/** The child whose command line has this in it, as soon as there is one. */
async function childWith(parent: number, part: string): Promise<number> {
  for (;;) {
    const found = [...(await childrenOf(parent))].find(([, command]) => command.includes(part));
    if (found !== undefined) return found[0];
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The process that verifies a model, stopped before its answer: its proof takes as long as we like. */
async function stoppedVerifier(supervisor: number): Promise<number> {
  const verifier = await childWith(supervisor, 'verify-child');
  process.kill(verifier, 'SIGSTOP');
  return verifier;
}

/** Whether it runs; one that has ended and waits to be collected does not. */
async function lives(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State:\tX');
  return !/^State:\t[XZ]/m.test(status);
}

async function noneLives(pids: Iterable<number>): Promise<boolean> {
  for (const pid of pids) while (await lives(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
  return true;
}

function kill(...pids: readonly (number | undefined)[]): void {
  for (const pid of pids) {
    try {
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
}

async function withModels(use: (models: string, place: (id: string) => Promise<void>) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'glean-serve-'));
  let seed = 0;
  const place = async (id: string) => {
    const path = join(folder, id, 'model.onnx');
    await mkdir(join(folder, id), { recursive: true });
    await writeFile(`${path}.new`, await sealedNetwork({ seed: ++seed }));
    await rename(`${path}.new`, path);
  };
  try {
    await use(folder, place);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('SIGTERM to the supervisor while models that changed are verified', OPTIONS, async () => {
  await withModels(async (models, place) => {
    for (const id of ['a', 'b']) await place(id);
    const service = await ServiceProcess.start('--models', models, '--workers', '1', '--poll', '0.1', '--drain', '0');
    const supervisor = service.process.pid!;
    let verifier: number | undefined;
    try {
      // Two, so that there would be another to verify after the first.
      for (const id of ['a', 'b']) await place(id);
      verifier = await stoppedVerifier(supervisor);
      const children = (await childrenOf(supervisor)).keys();
      assert.equal(await soon(service.stop()), 0);
      assert.equal(await soon(noneLives(children)), true);
      assert.ok(service.lines.some(is('stopped')));
      assert.deepEqual(
        service.lines.filter(({ level }) => level !== 'info'),
        [],
      );
      assert.equal(service.stderr, '');
    } finally {
      kill(supervisor, verifier);
    }
  });
});

test('SIGTERM while the models are verified for the first time', OPTIONS, async () => {
  await withModels(async (models, place) => {
    for (const id of ['a', 'b']) await place(id);
    const started = ServiceProcess.start('--models', models, '--workers', '1').catch((error: Error) => error.message);
    const supervisor = await childWith(process.pid, models);
    let verifier: number | undefined;
    try {
      verifier = await stoppedVerifier(supervisor);
      const children = (await childrenOf(supervisor)).keys();
      process.kill(supervisor, 'SIGTERM');
      assert.equal(await soon(started), 'the service ended with 0 before it listened: ');
      assert.equal(await soon(noneLives(children)), true);
    } finally {
      kill(supervisor, verifier);
    }
  });
});
