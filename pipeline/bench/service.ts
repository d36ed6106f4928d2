/** The service's bench: throughput beside FastAPI. What becomes of more than it can serve is in service-overload.ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type BenchSection, type Figure, median } from './bench.ts';
import { fastapiJson, fastapiRaw, gleanBinary, gleanJson } from './service-bodies.ts';
import { HAS_WRK, throughput } from './service-load.ts';
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
  // A bench that ends early takes its service along.
  const end = (): boolean => child.kill();
  process.on('exit', end);
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let over = false;
  void ended.then(() => {
    over = true;
    process.off('exit', end);
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
