/** The service's bench: throughput beside FastAPI, and what becomes of four times what it can serve. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { BenchSection, Figure } from './bench.ts';
import { fastapiJson, fastapiRaw, gleanBinary, gleanJson } from './service-bodies.ts';
import { closedLoop, HAS_WRK, openLoop, throughput } from './service-load.ts';
import { ServiceProcess } from './service-process.ts';

const CLIENTS = 32;
const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** pipeline/python/serve/fastapi_service.py under uvicorn, its defaults but for the number of workers. */
async function startFastapi(workers: number): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const port = await freePort();
  const child: ChildProcess = spawn(
    `${PROJECT}.venv/bin/python`,
    ['-m', 'uvicorn', 'fastapi_service:app', '--port', String(port), '--workers', String(workers)],
    {
      cwd: `${PROJECT}pipeline/python/serve`,
      env: { ...process.env, GLEAN_MODEL: `${PROJECT}models/cmnist/model.onnx` },
      // Both services write a line for each request, into a pipe that is read.
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  child.stdout!.resume();
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let over = false;
  void ended.then(() => {
    over = true;
  });
  for (let tries = 0; ; tries++) {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    if (answer?.ok) break;
    if (over || tries > 600) throw new Error('the FastAPI service did not start');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    port,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

function figure(name: string, values: readonly number[], unit: string, least?: number): Figure {
  const spread = [Math.min(...values), Math.max(...values)] as const;
  const limit = least === undefined ? {} : { limit: { at: 'least', value: least } as const };
  return { name, value: median(values), unit, spread, ...limit };
}

export const serviceThroughput: BenchSection = {
  name: 'service-throughput',
  title: `Service: requests a second, batch 1, ${CLIENTS} clients, beside FastAPI + onnxruntime`,
  async run({ quick, say }) {
    say(HAS_WRK ? 'load by wrk' : 'wrk is not installed: load by our own generator, which competes for the cores');
    const [rounds, seconds] = quick ? [2, 2] : [7, 6];
    const figures: Figure[] = [];
    // uvicorn's default is one process; as many as ours has is measured too.
    for (const workers of [1, 2]) {
      for (const [form, ours, theirs] of [
        ['JSON', gleanJson, fastapiJson],
        ['binary', gleanBinary, fastapiRaw],
      ] as const) {
        const glean = await ServiceProcess.start('--workers', '2', '--models', `${PROJECT}models`);
        const fastapi = await startFastapi(workers);
        const own: number[] = [];
        const other: number[] = [];
        // Unmeasured, so that both are warm.
        await throughput(ours(glean.port), CLIENTS, 1);
        await throughput(theirs(fastapi.port), CLIENTS, 1);
        for (let round = 0; round < rounds; round++) {
          own.push(await throughput(ours(glean.port), CLIENTS, seconds));
          other.push(await throughput(theirs(fastapi.port), CLIENTS, seconds));
        }
        await Promise.all([glean.stop(), fastapi.stop()]);
        const against = `FastAPI, ${workers} ${workers === 1 ? 'process (uvicorn’s default)' : 'processes'}`;
        const ratios = own.map((value, i) => value / other[i]!);
        const name = `${form}, beside ${against}`;
        say(`${name}: ${median(own).toFixed(0)}/s to ${median(other).toFixed(0)}/s`);
        figures.push(figure(`${name}: glean`, own, '1/s'), figure(`${name}: theirs`, other, '1/s'));
        figures.push(figure(`${name}: ratio`, ratios, '×', workers === 1 ? 6 : undefined));
      }
    }
    return figures;
  },
};

/** Resident bytes of a process and of those it began, by what the kernel says. */
async function residentBytes(pids: readonly number[]): Promise<number> {
  const sizes = await Promise.all(
    pids.map(async (pid) => Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))![1]) * 1024),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

const BATCH = 32;
const OVER = 4;
const MIB = 2 ** 20;

export const serviceOverload: BenchSection = {
  name: 'service-overload',
  title: `Service at ${OVER}× what it can serve, ${BATCH} images a request`,
  async run({ quick, say }) {
    const seconds = quick ? 10 : 120;
    const service = await ServiceProcess.start('--workers', '1', '--queue', '256', '--models', `${PROJECT}models`);
    try {
      const post = gleanBinary(service.port, BATCH, 'UINT8');
      const url = `${service.url}${post.path}`;
      const first = await fetch(url, { method: 'POST', headers: post.headers, body: new Uint8Array(post.body) });
      const expected = JSON.stringify(labelsOf(Buffer.from(await first.arrayBuffer())));
      await closedLoop(post, 4, 1);
      const capacity = await closedLoop(post, 4, quick ? 2 : 10);
      say(`${capacity.toFixed(0)} requests a second can be served`);
      const pids = [service.process.pid!, ...service.workers()];
      const memory: number[] = [];
      const timer = setInterval(() => void residentBytes(pids).then((bytes) => memory.push(bytes)), 1000);
      const right = (body: Buffer) => JSON.stringify(labelsOf(body)) === expected;
      const result = await openLoop(post, OVER * capacity, seconds, 64, right);
      clearInterval(timer);
      const count = (status: number) => result.statuses.get(status) ?? 0;
      const answered = [...result.statuses.values()].reduce((sum, value) => sum + value, 0);
      const quarter = Math.max(1, memory.length >> 2);
      const [early, late] = [memory.slice(quarter, 2 * quarter), memory.slice(-quarter)].map(median) as [
        number,
        number,
      ];
      say(`${result.sent} sent, ${count(200)} accepted, ${count(503)} refused`);
      return [
        { name: 'could be served', value: capacity, unit: '1/s' },
        { name: 'offered, of that', value: result.sent / seconds / capacity, unit: '×' },
        { name: 'accepted', value: count(200) / seconds, unit: '1/s' },
        { name: 'accepted and wrong', value: result.wrong, unit: '', limit: { at: 'most', value: 0 } },
        {
          name: 'neither accepted nor refused with 503',
          value: answered - count(200) - count(503) + result.lost,
          unit: '',
          limit: { at: 'most', value: 0 },
        },
        {
          name: 'p99 of the accepted',
          value: result.accepted[Math.floor(result.accepted.length * 0.99)]!,
          unit: 'ms',
          limit: { at: 'most', value: 1000 },
        },
        { name: 'memory at the end', value: late / MIB, unit: 'MiB' },
        { name: 'memory, last quarter to second', value: late / early, unit: '×', limit: { at: 'most', value: 1.1 } },
      ];
    } finally {
      await service.stop();
    }
  },
};

function labelsOf(body: Buffer): unknown {
  const { outputs } = JSON.parse(body.toString()) as { outputs: readonly { name: string; data: unknown }[] };
  return outputs.find(({ name }) => name === 'label')?.data;
}
