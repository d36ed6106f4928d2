/** Every command whose reader has gone ends quietly, with 141 and nothing half-written; on a full disk with 74 and the reason. */
import assert from 'node:assert/strict';
import { type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { COMMANDS } from '../../pipeline/glean.ts';
import { Certifier } from '../../src/certify-runtime/node.ts';
import { withClosedPipe } from '../support/command/closed-pipe.ts';
import { SHIPPED_MODEL } from '../support/command/glean.ts';
import { smallConfig } from '../support/training/train-fixture.ts';

const GLEAN = resolve('bin/glean.mjs');
const place = mkdtempSync(join(tmpdir(), 'glean-closed-'));
after(() => rmSync(place, { recursive: true }));

interface Ending {
  readonly code: number | null;
  /** What came through the pipes that were read. */
  readonly said: string;
}

/** Runs `program` in `cwd`; of standard output and error, 'pipe' is read here. */
async function run(program: readonly string[], cwd: string, stdio: StdioOptions): Promise<Ending> {
  const child = spawn(program[0]!, program.slice(1), { cwd, stdio });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said };
}

const glean = (...args: readonly string[]) => [process.execPath, GLEAN, ...args];

/** A folder with what the commands below read; they write beside. */
function folder(name: string): string {
  const made = join(place, name);
  mkdirSync(made);
  copyFileSync(SHIPPED_MODEL, join(made, 'model.onnx'));
  copyFileSync('test/fixtures/byo/torchlip.onnx', join(made, 'foreign.onnx'));
  copyFileSync('docs/images/digit-red.png', join(made, 'red.png'));
  return made;
}

function assertWhole(where: string): void {
  const left = readdirSync(where, { recursive: true }) as string[];
  assert.deepEqual(
    left.filter((name) => name.endsWith('.tmp')),
    [],
  );
}

/** What goes to a standard error that is read. */
const PROGRESS = /^((attacked|seal:) .*|\S+: \d+ of \d+)\n/gm;
const data = ['--data', 'cmnist', '--limit', '5'];
/** What each command prints soon; where its work is long, its help. */
const QUICK: Readonly<Record<string, readonly string[]>> = {
  verify: ['model.onnx'],
  predict: ['model.onnx', ...Array.from({ length: 20 }, () => 'red.png')],
  keygen: ['--out', 'key'],
  seal: ['foreign.onnx', '--out', 'sealed.onnx'],
  data: ['cmnist'],
  certify: ['model.onnx', ...data, '--out', 'certified.json'],
  attack: ['model.onnx', ...data, '--steps', '1', '--restarts', '1', '--save', 'broken.json'],
  paper: ['--list', '--out', 'paper'],
};

describe('a reader who has gone', { concurrency: 2 }, () => {
  for (const { declaration } of COMMANDS) {
    const { name } = declaration;
    const args = QUICK[name] ?? ['--help'];

    it(`glean ${name} ${args.slice(0, 2).join(' ')}: at once`, async () => {
      const where = folder(name);
      const ending = await withClosedPipe((fd) => run(glean(name, ...args), where, ['ignore', fd, 'pipe']));
      assert.deepEqual({ ...ending, said: ending.said.replace(PROGRESS, '') }, { code: 141, said: '' });
      assertWhole(where);
      if (name === 'seal') await (await Certifier.load(join(where, 'sealed.onnx'))).dispose();
      if (name === 'certify')
        assert.equal(JSON.parse(readFileSync(join(where, 'certified.json'), 'utf8')).splits.test.n, 5);
    });

    it(`glean ${name}, refused, to a standard error that nobody reads`, async () => {
      const ending = await withClosedPipe((fd) => run(glean(name, '--nonsense'), place, ['ignore', 'pipe', fd]));
      assert.deepEqual(ending, { code: 141, said: '' });
    });
  }

  for (const name of ['verify', 'predict', '--help']) {
    it(`glean ${name}: after the first line`, async () => {
      const where = folder(`first-${name}`);
      const line = `"$0" "$@" | head -n 1; exit "\${PIPESTATUS[0]}"`;
      const program = ['bash', '-c', line, ...glean(name, ...(QUICK[name] ?? []))];
      const { code, said } = await run(program, where, ['ignore', 'pipe', 'pipe']);
      // All of it may have been in the pipe before the reader went.
      assert.ok(code === 141 || code === 0, `${code}: ${said}`);
      assert.equal(said.trim().split('\n').length, 1, said);
    });
  }

  it('glean train, in the middle: stops, and leaves nothing half-written', async () => {
    const where = folder('train-run');
    // The first line comes at step 20; more steps than a test could wait for come after it.
    const config = smallConfig({ steps: 100_000, environments: { kind: 'given' } });
    await writeFile(join(where, 'config.json'), JSON.stringify(config));
    const args = glean('train', 'config.json', '--out', 'run');
    const ending = await withClosedPipe((fd) => run(args, where, ['ignore', 'pipe', fd]));
    assert.deepEqual(ending, { code: 141, said: '' });
    assertWhole(where);
  });

  it('glean serve goes on answering, and stops on SIGTERM as ever', async () => {
    const port = await freePort();
    const where = folder('service');
    mkdirSync(join(where, 'models', 'a'), { recursive: true });
    copyFileSync(SHIPPED_MODEL, join(where, 'models', 'a', 'model.onnx'));
    const options = ['--port', String(port), '--workers', '1', '--drain', '0', '--log-level', 'debug'];
    await withClosedPipe(async (fd) => {
      const child = spawn(process.execPath, [GLEAN, 'serve', ...options], { cwd: where, stdio: ['ignore', fd, fd] });
      const ended = once(child, 'close');
      const ask = () =>
        fetch(`http://127.0.0.1:${port}/predict`, { method: 'POST', body: readFileSync(join(where, 'red.png')) });
      let answer = await ask().catch(() => undefined);
      while (answer === undefined && child.exitCode === null) {
        await sleep(100);
        answer = await ask().catch(() => undefined);
      }
      assert.equal(answer?.status, 200, `ended with ${child.exitCode}`);
      for (let i = 0; i < 20; i++) assert.equal((await ask()).status, 200);
      child.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null]);
    });
  });
});

describe('a full disk', { concurrency: 2 }, () => {
  for (const name of ['verify', 'predict', '--help']) {
    it(`glean ${name}: says so, and is no success`, async () => {
      const where = folder(`full-${name}`);
      const full = openSync('/dev/full', 'w');
      try {
        const ending = await run(glean(name, ...(QUICK[name] ?? [])), where, ['ignore', full, 'pipe']);
        assert.deepEqual(ending, { code: 74, said: 'glean: standard output: cannot be written (ENOSPC)\n' });
      } finally {
        closeSync(full);
      }
    });
  }
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
