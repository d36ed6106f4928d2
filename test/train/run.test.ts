/** Runs that are killed, damaged and started again end with the bytes of the run that nothing happened to. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { serialize } from 'node:v8';
import { CheckpointError, loadCheckpoint } from '../../src/train/checkpoint.ts';
import { parseConfig } from '../../src/train/config.ts';
import { evaluationInterval, readRun, readRunConfig, train } from '../../src/train/run.ts';
import { Trainer } from '../../src/train/trainer.ts';
import { packDataset, smallConfig, smallDataset } from '../support/training/train-fixture.ts';

const STEPS = 48;
const LAST = 'checkpoint-000048.safetensors';
const config = smallConfig({ steps: STEPS, environments: { kind: 'inferred', referenceSteps: 8 } });
const dataset = await smallDataset();

let scratch: string;
let fixture: string;
/** The run that nothing happened to, and what it ends with. */
let unbroken: string;
let expected: Awaited<ReturnType<typeof outcome>>;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'glean-run-'));
  fixture = join(scratch, 'fixture');
  await writeFile(fixture, serialize({ config, dataset: packDataset(dataset) }));
  unbroken = join(scratch, 'unbroken');
  await train(config, dataset, unbroken);
  expected = await outcome(unbroken);
});
after(() => rm(scratch, { recursive: true }));

/** Weights, optimizer and metrics at the end, and the names of all files. */
async function outcome(directory: string) {
  return {
    files: (await readdir(directory)).sort(),
    last: (await readFile(join(directory, LAST))).toString('base64'),
    metrics: await readFile(join(directory, 'metrics.jsonl'), 'utf8'),
    config: await readFile(join(directory, 'config.json'), 'utf8'),
  };
}

async function copyOfRun(name: string): Promise<string> {
  const directory = join(scratch, name);
  await cp(unbroken, directory, { recursive: true });
  return directory;
}

/** What `train` reports, as lines. */
function recorder() {
  const lines: string[] = [];
  return {
    lines,
    reporter: {
      onStart: (step: number, steps: number) => void lines.push(`start ${step}/${steps}`),
      onStep: ({ phase, step }: { phase: string; step: number }) => void lines.push(`${phase} ${step}`),
      onRefused: (error: CheckpointError) => void lines.push(`refused ${error.details['path']}`),
    },
  };
}

interface Death {
  /** The line after which the child is killed, and how long after it. */
  readonly line?: string;
  readonly delay?: number;
  /** The line at which the child stops and waits for that. */
  readonly hold?: string;
  /** Or: the file whose renaming it does not live to see. */
  readonly renaming?: string;
}

/** Trains in a child until it dies as told; gives the lines it wrote. */
async function trainInChild(directory: string, death: Death = {}): Promise<string[]> {
  const script = fileURLToPath(new URL('../support/training/train-child.ts', import.meta.url));
  const options = (['renaming', 'hold'] as const).flatMap((key) => (death[key] === undefined ? [] : [key, death[key]]));
  const child = spawn(process.execPath, ['--import', 'tsx', script, fixture, directory, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<[number | null, string | null]>((resolve) => {
    child.on('close', (code, signal) => resolve([code, signal]));
  });
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line === death.line) setTimeout(() => child.kill('SIGKILL'), death.delay);
  }
  const dies = death.line !== undefined || death.renaming !== undefined;
  assert.deepEqual(await ended, dies ? [null, 'SIGKILL'] : [0, null], lines.join('\n'));
  return lines;
}

test('the unbroken run: every step once in the metrics, evaluations and checkpoints every 20 steps', async () => {
  assert.deepEqual(expected.files, ['checkpoint-000040.safetensors', LAST, 'config.json', 'metrics.jsonl']);
  const entries = expected.metrics
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const steps = (phase: string, count: number) => Array.from({ length: count }, (_, i) => `${phase} ${i + 1}/${count}`);
  assert.deepEqual(
    entries.map(({ phase, step, steps: all }) => `${phase} ${step}/${all}`),
    [...steps('reference', 8), ...steps('main', STEPS)],
  );
  assert.deepEqual(
    entries.filter((entry) => 'accuracies' in entry).map(({ step }) => step),
    [20, 40, 48],
  );
  for (const { loss, environments } of entries) {
    assert.ok(Number.isFinite(loss) && environments.every(({ risk }: { risk: number }) => Number.isFinite(risk)));
  }
  assert.deepEqual(await readRunConfig(unbroken), config);
});

test('a long run has no more than 30 evaluations', () => {
  assert.deepEqual([1, 48, 600, 601, 1200, 6000].map(evaluationInterval), [20, 20, 20, 40, 40, 200]);
});

test('killed again and again, it ends with the same bytes', async () => {
  const directory = join(scratch, 'killed');
  const pick = (from: number, to: number) => from + Math.floor(Math.random() * (to - from + 1));
  const deaths: (Death & { readonly resumes: number })[] = [
    { line: `reference ${pick(1, 8)}`, delay: pick(0, 29), hold: 'main 5', resumes: 0 },
    { renaming: 'checkpoint-000040.safetensors', resumes: 0 },
    { line: `main ${pick(21, 44)}`, delay: pick(0, 29), hold: 'main 46', resumes: 20 },
  ];
  for (const { resumes, ...death } of deaths) {
    const lines = await trainInChild(directory, death);
    assert.equal(lines[0], `start ${resumes}`, JSON.stringify(death));
    if (resumes > 0) assert.equal(lines[1], `main ${resumes + 1}`, 'a reference is trained once');
  }
  const stopped = await loadCheckpoint(directory);
  assert.ok(stopped !== undefined && stopped.step < STEPS, `the last kill came at ${stopped?.step}`);
  const lines = await trainInChild(directory);
  assert.deepEqual([lines[0], lines.at(-1)], [`start ${stopped.step}`, 'end']);
  assert.deepEqual(await outcome(directory), expected, JSON.stringify(deaths));
});

test('the last checkpoint cut in half: refused by name, the one before is used', async () => {
  const directory = await copyOfRun('cut');
  const path = join(directory, LAST);
  await truncate(path, Math.floor((await stat(path)).size / 2));
  // As a kill leaves it: a line that is not whole.
  await writeFile(join(directory, 'metrics.jsonl'), expected.metrics.slice(0, -40));
  const { lines, reporter } = recorder();
  await train(config, dataset, directory, reporter);
  assert.deepEqual(lines.slice(0, 3), [`refused ${path}`, 'start 40/48', 'main 41']);
  assert.equal(lines.length, 2 + 8);
  assert.deepEqual(await outcome(directory), expected);
});

test('all checkpoints damaged: each is refused, training starts anew', async () => {
  const directory = await copyOfRun('damaged');
  const paths = ['checkpoint-000040.safetensors', LAST].map((name) => join(directory, name));
  for (const path of paths) {
    const bytes = await readFile(path);
    bytes[bytes.length - 5]! ^= 64;
    await writeFile(path, bytes);
  }
  const { lines, reporter } = recorder();
  await train(config, dataset, directory, reporter);
  assert.deepEqual(lines.slice(0, 4), [
    ...paths.reverse().map((path) => `refused ${path}`),
    'start 0/48',
    'reference 1',
  ]);
  assert.deepEqual(await outcome(directory), expected);
});

test('a resumed run keeps the metrics of every phase before the main one, however long', async () => {
  const { objective, ...rest } = smallConfig({ steps: 24, environments: { kind: 'inferred', referenceSteps: 26 } });
  const rich = parseConfig(
    { ...rest, objective: { ...objective, richFeatures: { discover: [25, 3], synthesise: 22 } } },
    'test',
  );
  const whole = join(scratch, 'rich');
  await train(rich, dataset, whole);
  const directory = join(scratch, 'rich-stopped');
  const stop = ({ phase, step }: { phase: string; step: number }) => {
    if (phase === 'main' && step === 23) throw new Error('stopped');
  };
  await assert.rejects(train(rich, dataset, directory, { onStep: stop }), /stopped/);
  const { lines, reporter } = recorder();
  await train(rich, dataset, directory, reporter);
  assert.deepEqual(lines.slice(0, 2), ['start 20/24', 'main 21']);
  const metrics = async (of: string) => (await readFile(join(of, 'metrics.jsonl'), 'utf8')).split('\n');
  const found = await metrics(directory);
  assert.equal(found.length, 25 + 3 + 22 + 26 + 24 + 1);
  assert.deepEqual(found, await metrics(whole));
});

test('a finished run is left as it is', async () => {
  const directory = await copyOfRun('finished');
  const times = async () =>
    Promise.all((await readdir(directory)).map(async (name) => [name, (await stat(join(directory, name))).mtimeMs]));
  const before = await times();
  const { lines, reporter } = recorder();
  await train(config, dataset, directory, reporter);
  assert.deepEqual(lines, ['start 48/48']);
  assert.deepEqual(await times(), before);
});

test('a finished run gets its configuration back, and another precision', async () => {
  const directory = await copyOfRun('finished-without');
  const file = join(directory, 'config.json');
  await writeFile(file, '{"id":');
  await train(config, dataset, directory);
  assert.deepEqual(await readRunConfig(directory), config);
  await rm(file);
  await train({ ...config, precision: 'float64' }, dataset, directory);
  assert.equal((await readRunConfig(directory)).precision, 'float64');
});

test("another configuration, seed or data: the folder's run is not overwritten", async () => {
  const directory = await copyOfRun('other');
  for (const [other, data] of [
    [smallConfig({ steps: STEPS, seed: 1 }), dataset],
    [smallConfig({ steps: STEPS + 1 }), dataset],
    [config, { ...dataset, sha256: 'f'.repeat(64) }],
  ] as const) {
    await assert.rejects(train(other, data, directory), (error) => {
      assert.ok(error instanceof CheckpointError);
      assert.equal(error.code, 'CHECKPOINT');
      assert.ok(error.message.startsWith(join(directory, LAST)), error.message);
      return true;
    });
  }
  assert.deepEqual(await outcome(directory), expected);
});

test('readRun gives the finished network, and says where a run stands that is not finished', async () => {
  const { network, run, config: read } = await readRun(unbroken, dataset);
  assert.deepEqual(read, config);
  const trainer = new Trainer(config, dataset);
  trainer.restore((await loadCheckpoint(unbroken))!);
  assert.equal(run, trainer.run);
  assert.deepEqual(network, trainer.condense());
  trainer.dispose();

  const directory = await copyOfRun('unfinished');
  await rm(join(directory, LAST));
  await assert.rejects(readRun(directory, dataset), { code: 'INPUT', message: /step 40 of 48.*glean train/ });
  await rm(join(directory, 'checkpoint-000040.safetensors'));
  await assert.rejects(readRun(directory, dataset), { code: 'INPUT', message: /holds no whole checkpoint/ });
  await assert.rejects(readRun(join(scratch, 'nowhere'), dataset), { code: 'INPUT', message: /config\.json/ });
});
