/** Workers that are killed, services that are stopped, models that change: what is lost, and what must not be. */
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ServiceProcess } from '../../pipeline/bench/service-process.ts';
import { SHIPPED_MODEL } from '../support/command/glean.ts';
import { sealedNetwork } from '../support/networks/sealed.ts';
import { type Answer, images, infer, inferUrl, is, jsonRequest, output, soon } from './protocol/requests.ts';

const FAST = ['--poll', '0.1', '--drain', '0.3'] as const;

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'glean-serve-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Replaces a file as one should: written beside it, then renamed. */
async function place(path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, bytes);
  await rename(`${path}.new`, path);
}

interface Outcome {
  readonly answer?: Answer;
  readonly status?: number;
  /** The connection ended before there was an answer. */
  readonly lost?: string;
  readonly closes?: boolean;
}

/** One request over an agent's connection. */
function ask(agent: Agent, url: string, body: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const call = httpRequest(url, { method: 'POST', agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', (error) => resolve({ lost: error.message }));
      response.on('end', () => {
        const answer = JSON.parse(Buffer.concat(chunks).toString()) as Answer;
        const closes = response.headers.connection === 'close';
        resolve({ status: response.statusCode!, answer, closes });
      });
    });
    call.on('error', (error: NodeJS.ErrnoException) => resolve({ lost: error.code ?? error.message }));
    call.end(body);
  });
}

const CLIENTS = 8;
const BODY = jsonRequest(images(1));

/** Clients that each ask one thing after the other until told to stop; every outcome is kept. */
class Load {
  readonly outcomes: Outcome[] = [];
  readonly #running: Promise<void>[];
  #stopped = false;

  constructor(url: string, goOn: (outcome: Outcome) => boolean) {
    this.#running = Array.from({ length: CLIENTS }, async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      while (!this.#stopped) {
        const outcome = await ask(agent, url, BODY);
        this.outcomes.push(outcome);
        if (!goOn(outcome)) break;
      }
      agent.destroy();
    });
  }

  /** Resolves when so many more have been answered. */
  async more(count: number): Promise<void> {
    const target = this.outcomes.length + count;
    while (this.outcomes.length < target) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.ended();
  }

  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }
}

test('kill -9 of a worker under load loses what it held and no more, and it is replaced', async () => {
  const service = await ServiceProcess.start('--workers', '2', ...FAST);
  try {
    const expected = output(await infer(service, images(1)), 'radius')[0]!;
    const load = new Load(inferUrl(service), () => true);
    await load.more(200);
    const [victim] = service.workers();
    process.kill(victim!, 'SIGKILL');
    await service.logged(is('worker ended; another takes its place'));
    await load.more(200);
    // The one that takes its place, by what it logs when it has its models.
    await service.logged((line) => line['msg'] === 'worker ready' && (line['worker'] as number) > 2);
    await load.more(200);
    await load.stop();
    const lost = load.outcomes.filter((outcome) => outcome.lost !== undefined);
    assert.ok(lost.length <= CLIENTS, `${lost.length} were lost, but no client had more than one under way`);
    for (const { status, answer } of load.outcomes.filter((outcome) => outcome.lost === undefined)) {
      assert.equal(status, 200);
      assert.ok(Math.abs(output(answer!, 'radius')[0]! - expected) < 1e-5);
    }
    assert.ok(!service.workers().includes(victim!));
    const text = await (await fetch(`${service.url}/metrics`)).text();
    assert.match(text, /^glean_worker_restarts_total 1$/m);
  } finally {
    assert.equal(await service.stop(), 0);
  }
});

test('kill -9 of a worker that never took a connection it was given: another worker takes it', async () => {
  const service = await ServiceProcess.start('--workers', '1', ...FAST);
  try {
    const [victim] = service.workers();
    // Stopped, it takes nothing: the supervisor has accepted the connection and handed it over.
    process.kill(victim!, 'SIGSTOP');
    const outcome = ask(new Agent(), inferUrl(service), BODY);
    assert.equal(await soon(outcome, 300), 'still running');
    process.kill(victim!, 'SIGKILL');
    await service.logged(is('worker ended; another takes its place'));
    assert.notEqual(await soon(outcome, 60_000), 'still running');
    assert.equal((await outcome).status, 200);
  } finally {
    assert.equal(await service.stop(), 0);
  }
});

test('SIGTERM under load loses nothing: every request is answered, and told that the connection ends', async () => {
  const service = await ServiceProcess.start('--workers', '2', '--drain', '1', '--poll', '0.1');
  // A client that is told so goes elsewhere, as a load balancer does.
  const load = new Load(inferUrl(service), ({ closes, lost }) => closes !== true && lost === undefined);
  await load.more(300);
  const code = service.stop();
  await load.ended();
  assert.equal(await code, 0);
  assert.deepEqual(
    load.outcomes.filter(({ status }) => status !== 200),
    [],
  );
  assert.equal(load.outcomes.filter(({ closes }) => closes).length, CLIENTS);
});

/** A client that goes on after every answer, over a new connection where it must, until there is nobody to connect to. */
async function goesOn(url: string, keepAlive: boolean): Promise<readonly Outcome[]> {
  const agent = new Agent({ keepAlive, maxSockets: 1 });
  const outcomes: Outcome[] = [];
  for (;;) {
    const outcome = await ask(agent, url, BODY);
    if (outcome.lost === 'ECONNREFUSED') break;
    outcomes.push(outcome);
  }
  agent.destroy();
  return outcomes;
}

for (const keepAlive of [true, false]) {
  const over = keepAlive ? 'connections that stay' : 'a connection for each request';
  test(`SIGTERM with clients that do not turn away, over ${over}: who is let in is answered`, async () => {
    const service = await ServiceProcess.start('--workers', '2');
    const clients = Array.from({ length: 4 * CLIENTS }, () => goesOn(inferUrl(service), keepAlive));
    await service.logged(is('listening'));
    for (let i = 0; i < 20; i++) await infer(service, images(1));
    assert.equal(await service.stop(), 0);
    const outcomes = (await Promise.all(clients)).flat();
    const answered = outcomes.filter(({ status }) => status === 200);
    const lost = outcomes.filter((outcome) => outcome.lost !== undefined);
    assert.equal(answered.length + lost.length, outcomes.length);
    assert.ok(answered.length > clients.length);
    // The kernel lets in, and resets, whoever comes between our last look and the close; of a service that closes on what it
    // has taken, every client is reset.
    assert.ok(lost.length < clients.length / 2, `${lost.length} of ${clients.length} clients were cut off`);
  });
}

test('SIGTERM to one worker: it answers what it has, and another takes its place', async () => {
  const service = await ServiceProcess.start('--workers', '2', ...FAST);
  try {
    const load = new Load(inferUrl(service), () => true);
    await load.more(50);
    const [leaving] = service.workers();
    process.kill(leaving!, 'SIGTERM');
    await service.logged((line) => line['msg'] === 'worker ready' && (line['worker'] as number) > 2);
    await load.more(50);
    await load.stop();
    assert.ok(!service.workers().includes(leaving!));
    assert.deepEqual(
      load.outcomes.filter(({ status }) => status !== 200),
      [],
    );
  } finally {
    assert.equal(await service.stop(), 0);
  }
});

test('SIGTERM to all processes at once, as a service manager sends it: every request is answered', async () => {
  const service = await ServiceProcess.start('--workers', '2');
  const load = new Load(inferUrl(service), ({ closes, lost }) => closes !== true && lost === undefined);
  await load.more(100);
  for (const worker of service.workers()) process.kill(worker, 'SIGTERM');
  const code = service.stop();
  await load.ended();
  assert.equal(await code, 0);
  assert.deepEqual(
    load.outcomes.filter(({ status }) => status !== 200),
    [],
  );
});

test('while it drains it is alive but not ready', async () => {
  const service = await ServiceProcess.start('--workers', '1', '--drain', '2', '--poll', '0.1');
  const code = service.stop();
  await service.logged(is('stopping: what was accepted is answered first'));
  let ready: Response;
  do ready = await fetch(`${service.url}/v2/health/ready`);
  while (ready.status === 200);
  assert.equal(ready.status, 503);
  assert.equal((await fetch(`${service.url}/v2/health/live`)).status, 200);
  assert.equal(output(await infer(service, images(1)), 'label').length, 1);
  assert.equal(await code, 0);
});

test('a new version is taken without dropping a request; a refused one never takes the place of one that works', async () => {
  await inFolder(async (models) => {
    const path = join(models, 'net', 'model.onnx');
    const shape = [28, 28, 3] as const;
    const versions = await Promise.all([1, 2].map((seed) => sealedNetwork({ seed, shape, widths: [16, 16] })));
    await place(path, versions[0]!);
    const service = await ServiceProcess.start('--models', models, '--workers', '2', ...FAST);
    try {
      const first = (await infer(service, images(1), 'net')).model_version;
      const load = new Load(inferUrl(service, 'net'), () => true);
      await load.more(50);

      // Half written, in place and not by rename.
      await writeFile(path, versions[1]!.subarray(0, versions[1]!.length / 2));
      await service.logged(is('model refused', { model: 'net' }));
      // Right in form, but its weights are not those that were proven.
      const forged = versions[1]!.slice();
      forged[forged.length >> 1]! ^= 1;
      // A file written in place may have been seen, and refused, more than once.
      const refusals = () => service.lines.filter(is('model refused')).length;
      const before = refusals();
      await place(path, forged);
      await service.logged((line) => line['msg'] === 'model refused' && refusals() > before);
      await load.more(50);
      assert.ok(load.outcomes.every(({ answer }) => answer?.model_version === first));

      await place(path, versions[1]!);
      await service.logged((line) => line['msg'] === 'model loaded' && line['replaces'] === first);
      let version = first;
      while (version === first) version = (await infer(service, images(1), 'net')).model_version;
      await load.more(50);
      await load.stop();
      assert.ok(load.outcomes.every(({ status }) => status === 200));
      const seen = new Set(load.outcomes.map(({ answer }) => answer!.model_version));
      assert.deepEqual(seen, new Set([first, version]));
    } finally {
      assert.equal(await service.stop(), 0);
    }
  });
});

test('numbered versions: the highest that verifies; a model that goes is gone, one that comes is there', async () => {
  await inFolder(async (models) => {
    const net = await sealedNetwork();
    await place(join(models, 'net', '3', 'model.onnx'), net);
    await place(join(models, 'net', '10', 'model.onnx'), 'no model');
    const service = await ServiceProcess.start('--models', models, '--workers', '1', ...FAST);
    try {
      const metadata = async () =>
        (await (await fetch(`${service.url}/v2/models/net`)).json()) as { versions: string[] };
      assert.deepEqual((await metadata()).versions, ['3']);
      assert.equal((await fetch(`${service.url}/v2/models/net/versions/3/ready`)).status, 200);
      assert.equal((await fetch(`${service.url}/v2/models/net/versions/10/ready`)).status, 404);
      await place(join(models, 'net', '11', 'model.onnx'), net);
      await service.logged(is('model loaded', { version: '11' }));
      assert.deepEqual((await metadata()).versions, ['11']);
      await cp(dirname(SHIPPED_MODEL), join(models, 'cmnist'), { recursive: true });
      await service.logged(is('model loaded', { model: 'cmnist' }));
      await infer(service, images(1));
      await rm(join(models, 'net'), { recursive: true });
      await service.logged(is('model unloaded', { model: 'net' }));
      assert.equal((await fetch(`${service.url}/v2/models/net`)).status, 404);
    } finally {
      assert.equal(await service.stop(), 0);
    }
  });
});

test('a service that can serve nothing does not start, and says why', async () => {
  await inFolder(async (models) => {
    await assert.rejects(
      ServiceProcess.start('--models', join(models, 'none')),
      /ended with 2 .*expected a folder of models/s,
    );
    await assert.rejects(ServiceProcess.start('--models', models), /ended with 2 .*found no model/s);
    await place(join(models, 'net', 'model.onnx'), (await readFile(SHIPPED_MODEL)).subarray(0, 1000));
    await assert.rejects(ServiceProcess.start('--models', models), /ended with 1 .*all were refused/s);
  });
  const service = await ServiceProcess.start('--workers', '1');
  const port = String(service.port);
  await assert.rejects(ServiceProcess.start('--port', port), /ended with 2 .*the port is taken/s);
  assert.equal(await service.stop(), 0);
});
