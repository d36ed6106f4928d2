/** Requests that wait unread for room: in which order they are let in, who is refused and when, and whom a slow client does not keep out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpError } from '../../src/serve/http/http-error.ts';
import { Line, type LineLimits, type Place } from '../../src/serve/worker/line.ts';

const stays = () => false;

/** A line whose room can be changed. */
function line({ maxWait = 60_000, maxConnections = 100 }: Partial<LineLimits> = {}) {
  const room = { requests: 0, bytes: 1000, seconds: 2.5 };
  return { room, line: new Line(() => room, { maxWait, maxConnections }) };
}

/** Who is let in, in that order. */
function entering(to: Line) {
  const order: string[] = [];
  const places = new Map<string, Place>();
  const enter = (name: string, bytes = 1, gone = stays) =>
    to.enter(bytes, gone).then((place) => {
      places.set(name, place);
      order.push(name);
    });
  return { order, places, enter };
}

const refused = (error: unknown): boolean => error instanceof HttpError && error.status === 503;

test('with room a request is let in at once; without it waits, and the oldest is let in first', async () => {
  const { room, line: to } = line();
  const { order, enter } = entering(to);
  room.requests = 1;
  await enter('a');
  const rest = ['b', 'c', 'd'].map((name) => enter(name));
  assert.equal(to.waiting, 3);
  room.requests = 3;
  to.letIn();
  await Promise.all(rest.slice(0, 2));
  assert.deepEqual(order, ['a', 'b', 'c']);
  assert.equal(to.waiting, 1);
  room.requests = 4;
  await rest[2];
  assert.equal(to.waiting, 0);
});

test('who comes later does not pass who waits, and a place that is left is there for the next', async () => {
  const { room, line: to } = line();
  const { order, places, enter } = entering(to);
  room.requests = 1;
  await enter('a');
  const b = enter('b');
  places.get('a')!.leave();
  const c = enter('c');
  await b;
  places.get('b')!.leave();
  await c;
  assert.deepEqual(order, ['a', 'b', 'c']);
});

test('bytes that are announced count until they are here', async () => {
  const { room, line: to } = line();
  const { order, places, enter } = entering(to);
  room.requests = 10;
  await enter('a', 600);
  const b = enter('b', 600);
  to.letIn();
  await Promise.resolve();
  assert.deepEqual(order, ['a']);
  places.get('a')!.leave();
  await b;
});

test('who has waited too long is refused with 503 and when to come again', async () => {
  const { line: to } = line({ maxWait: 50 });
  const begin = performance.now();
  const error: unknown = await to.enter(1, stays).catch((reason: unknown) => reason);
  assert.ok(refused(error));
  assert.ok(performance.now() - begin >= 49);
  assert.equal((error as HttpError).headers['retry-after'], '3');
  assert.equal(to.waiting, 0);
});

test('nobody waits where none may, and no more than so many', async () => {
  const none = line({ maxWait: 0 });
  await assert.rejects(none.line.enter(1, stays), refused);
  const { room, line: to } = line({ maxConnections: 2 });
  const waiting = [to.enter(1, stays), to.enter(1, stays)];
  await assert.rejects(to.enter(1, stays), refused);
  room.requests = 2;
  await Promise.all(waiting);
});

test('once the oldest has waited long, the newest is next: its client is the likeliest to wait still', async () => {
  const { room, line: to } = line();
  const { order, enter } = entering(to);
  const rest = [enter('old')];
  await sleep(1100);
  rest.push(enter('newer'), enter('newest'));
  for (let requests = 1; requests <= 3; requests++) {
    room.requests = requests;
    to.letIn();
    await Promise.resolve();
  }
  await Promise.all(rest);
  assert.deepEqual(order, ['newest', 'newer', 'old']);
});

test('a client that went away takes no place', async () => {
  const { room, line: to } = line();
  const { order, enter } = entering(to);
  const gone = enter('gone', 1, () => true);
  const stayed = enter('stays');
  room.requests = 1;
  await assert.rejects(gone, (error) => error instanceof HttpError && error.status === 499);
  await stayed;
  assert.deepEqual(order, ['stays']);
});

test('a client whose body does not come keeps nobody out for long', async () => {
  const { room, line: to } = line();
  room.requests = 1;
  for (let i = 0; i < 3; i++) await to.enter(1, stays);
});

test('a refusal has no stack trace', () => {
  const { stack } = new HttpError(503, 'no');
  assert.doesNotMatch(stack ?? '', /\n\s+at /);
  assert.match(new Error('another').stack!, /\n\s+at /);
});
