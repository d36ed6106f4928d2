/** Load on an HTTP service: closed loops for what it can serve, an open schedule for more than that. Raw sockets, ready bytes. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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
  readonly #socket: Socket;
  #waiting: { resolve(reply: Reply): void; reject(error: Error): void } | undefined;
  #read: Buffer = Buffer.alloc(0);

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#socket.on('error', (error) => this.#waiting?.reject(error));
    this.#socket.on('close', () => this.#waiting?.reject(new Error('the connection was closed before the answer')));
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
  const folder = await mkdtemp(join(tmpdir(), 'glean-wrk-'));
  try {
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
  } finally {
    await rm(folder, { recursive: true });
  }
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

export async function closedLoop(post: Post, clients: number, seconds: number): Promise<number> {
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

export interface Overload {
  /** Requests sent. */
  readonly sent: number;
  /** By status. */
  readonly statuses: ReadonlyMap<number, number>;
  /** Milliseconds of the accepted, ascending. */
  readonly accepted: readonly number[];
  /** Accepted, but not with the answer that `right` expects. */
  readonly wrong: number;
  /** Requests that got no answer. */
  readonly lost: number;
}

/** Sends `rate` requests a second, whether or not the earlier ones are answered, over as many connections as that takes up to a limit. */
export async function openLoop(
  post: Post,
  rate: number,
  seconds: number,
  connections: number,
  right: (body: Buffer) => boolean,
): Promise<Overload> {
  const bytes = requestBytes(post);
  const free = Array.from({ length: connections }, () => new Connection(post.port));
  const statuses = new Map<number, number>();
  const accepted: number[] = [];
  const pending = new Set<Promise<void>>();
  let [sent, wrong, lost] = [0, 0, 0];
  const send = (connection: Connection): void => {
    const at = performance.now();
    sent++;
    const done = connection
      .ask(bytes)
      .then(
        ({ status, body }) => {
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          if (status === 200) {
            accepted.push(performance.now() - at);
            if (!right(body)) wrong++;
          }
          free.push(connection);
        },
        () => {
          lost++;
          free.push(new Connection(post.port));
        },
      )
      .finally(() => pending.delete(done));
    pending.add(done);
  };
  const begin = performance.now();
  let due = 0;
  for (let now = begin; now < begin + seconds * 1000; now = performance.now()) {
    due = ((now - begin) / 1000) * rate;
    while (sent < due && free.length > 0) send(free.shift()!);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(pending);
  for (const connection of free) connection.close();
  accepted.sort((a, b) => a - b);
  return { sent, statuses, accepted, wrong, lost };
}
