/** Workers that are killed and services that are stopped: what is lost, and what must not be. */
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { test } from 'node:test';
import { ServiceProcess } from '../../pipeline/bench/service-process.ts';
import { ask, BODY, CLIENTS, Load, type Outcome } from './protocol/load.ts';
import { images, infer, inferUrl, is, output, soon } from './protocol/requests.ts';

const FAST = ['--poll', '0.1', '--drain', '0.3'] as const;

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
