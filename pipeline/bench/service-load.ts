/** Load on an HTTP service: closed loops for what it can serve, an open schedule for more than that. Raw sockets, ready bytes. */
import { spawn, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { withTemporaryFolder } from '../../src/files/temporary.ts';

export interface Post {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

interface Reply {
  readonly status: number;
  readonly body: Buffer;
}

function requestBytes({ path, headers, body }: Post): Buffer {
  const all = { Host: '127.0.0.1', ...headers, 'Content-Length': String(body.length) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`), body]);
}

/** One keep-alive connection with at most one request under way. */
class Connection {
  readonly port: number;
  readonly #socket: Socket;
  #waiting: { resolve(reply: Reply): void; reject(error: Error): void } | undefined;
  #read: Buffer = Buffer.alloc(0);

  constructor(port: number) {
    this.port = port;
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#socket.on('error', (error) => this.#waiting?.reject(error));
    this.#socket.on('close', () => this.#waiting?.reject(new Error('the connection was closed before the answer')));
  }

  /** Whether another request can be sent. */
  get open(): boolean {
    return this.#socket.writable;
  }

  ask(bytes: Buffer): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(bytes);
    });
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#read = this.#read.length === 0 ? chunk : Buffer.concat([this.#read, chunk]);
    const end = this.#read.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = this.#read.toString('latin1', 0, end);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
    if (this.#read.length < end + 4 + length) return;
    const body = this.#read.subarray(end + 4, end + 4 + length);
    this.#read = Buffer.alloc(0);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve({ status: Number(head.slice(9, 12)), body });
  }
}

export const HAS_WRK = spawnSync('wrk', ['-v']).error === undefined;

/**
 * Requests a second that `clients` get answered, each asking one after the other. wrk where it is installed; else by
 * ourselves, which takes more of the machine from whoever is measured, the same from all.
 */
export async function throughput(post: Post, clients: number, seconds: number): Promise<number> {
  if (!HAS_WRK) return closedLoop(post, clients, seconds);
  return withTemporaryFolder('glean-wrk-', async (folder) => {
    await writeFile(join(folder, 'body'), post.body);
    const headers = Object.entries(post.headers).map(([name, value]) => `wrk.headers["${name}"] = "${value}"\n`);
    await writeFile(
      join(folder, 'post.lua'),
      `local f = io.open("${join(folder, 'body')}", "rb")\nwrk.method = "POST"\nwrk.body = f:read("*a")\n${headers.join('')}`,
    );
    const url = `http://127.0.0.1:${post.port}${post.path}`;
    const text = await output('wrk', ['-t1', `-c${clients}`, `-d${seconds}s`, '-s', join(folder, 'post.lua'), url]);
    if (/Non-2xx/.test(text)) throw new Error(`${url} refused what it should answer: ${text}`);
    return Number(/Requests\/sec:\s+([\d.]+)/.exec(text)![1]);
  });
}

function output(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', () => resolve(text));
  });
}

async function closedLoop(post: Post, clients: number, seconds: number): Promise<number> {
  const bytes = requestBytes(post);
  const begin = performance.now();
  const end = begin + seconds * 1000;
  let answered = 0;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      const connection = new Connection(post.port);
      while (performance.now() < end) {
        const { status, body } = await connection.ask(bytes);
        if (status !== 200) throw new Error(`${post.path} answers ${status}: ${body.toString('utf8', 0, 200)}`);
        answered++;
      }
      connection.close();
    }),
  );
  return answered / ((performance.now() - begin) / 1000);
}

/** What became of the requests of one measurement. */
export interface Outcome {
  /** Requests sent. */
  readonly sent: number;
  /** By status. */
  readonly statuses: ReadonlyMap<number, number>;
  /** Milliseconds from sending to the answer of the accepted, ascending. */
  readonly accepted: readonly number[];
  /** Answers with 200 a second, after the warm-up and while load was offered: what came after its end is not counted. */
  readonly goodput: number;
  /** Accepted, but not with the answer that `right` expects. */
  readonly wrong: number;
  /** Requests that got no answer. */
  readonly lost: number;
}

export interface Measured {
  /** Of offering load. */
  readonly seconds: number;
  /** Before them, in which connections are made and nothing is measured. */
  readonly warmUp: number;
}

/** Counts what becomes of requests. */
class Tally {
  readonly #statuses = new Map<number, number>();
  readonly #accepted: number[] = [];
  readonly #begin = performance.now();
  readonly #measured: Measured;
  readonly #right: (body: Buffer) => boolean;
  #sent = 0;
  #good = 0;
  #wrong = 0;
  #lost = 0;

  constructor(measured: Measured, right: (body: Buffer) => boolean) {
    this.#measured = measured;
    this.#right = right;
  }

  /** Seconds since the beginning. */
  get age(): number {
    return (performance.now() - this.#begin) / 1000;
  }

  get over(): boolean {
    return this.age >= this.#measured.warmUp + this.#measured.seconds;
  }

  get sent(): number {
    return this.#sent;
  }

  /** Sends one request and counts it; the connection to send the next one on. */
  async ask(connection: Connection, bytes: Buffer): Promise<Connection> {
    const at = performance.now();
    this.#sent++;
    try {
      const { status, body } = await connection.ask(bytes);
      this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
      if (status === 200) {
        this.#accepted.push(performance.now() - at);
        if (this.age >= this.#measured.warmUp && !this.over) this.#good++;
        if (!this.#right(body)) this.#wrong++;
      }
      return connection.open ? connection : new Connection(connection.port);
    } catch {
      this.#lost++;
      return new Connection(connection.port);
    }
  }

  outcome(): Outcome {
    return {
      sent: this.#sent,
      statuses: this.#statuses,
      accepted: this.#accepted.sort((a, b) => a - b),
      goodput: this.#good / this.#measured.seconds,
      wrong: this.#wrong,
      lost: this.#lost,
    };
  }
}

/** Sends `rate` requests a second, whether or not the earlier ones are answered, over as many connections as that takes up to a limit. */
export async function openLoop(
  post: Post,
  rate: number,
  measured: Measured,
  connections: number,
  right: (body: Buffer) => boolean = () => true,
): Promise<Outcome> {
  const bytes = requestBytes(post);
  const free: Connection[] = [];
  let opened = 0;
  const pending = new Set<Promise<void>>();
  const tally = new Tally(measured, right);
  while (!tally.over) {
    while (tally.sent < tally.age * rate) {
      const connection = free.pop() ?? (opened++ < connections ? new Connection(post.port) : undefined);
      if (connection === undefined) break;
      const done: Promise<void> = tally.ask(connection, bytes).then((next) => {
        free.push(next);
        pending.delete(done);
      });
      pending.add(done);
    }
    // A pause, not a spin: the generator would take a core of the machine from whoever is measured.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(pending);
  for (const connection of free) connection.close();
  return tally.outcome();
}

/** `clients` that each ask one thing after the other; one that is refused or cut off asks again at once. */
export async function retrying(
  post: Post,
  clients: number,
  measured: Measured,
  right: (body: Buffer) => boolean = () => true,
): Promise<Outcome> {
  const bytes = requestBytes(post);
  const tally = new Tally(measured, right);
  await Promise.all(
    Array.from({ length: clients }, async () => {
      let connection = new Connection(post.port);
      while (!tally.over) connection = await tally.ask(connection, bytes);
      connection.close();
    }),
  );
  return tally.outcome();
}
