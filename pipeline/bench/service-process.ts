/** Starts `glean serve` as a process of its own and reads its log; for the bench and the tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

export type LogLine = Readonly<Record<string, unknown>>;

interface Place {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Arguments of Node: the file of the command, and what comes before its options. */
  readonly command: readonly string[];
}

const CLONE = { cwd: PROJECT, command: ['bin/glean.mjs', 'serve'] } as const;

export class ServiceProcess {
  readonly process: ChildProcess;
  readonly lines: LogLine[] = [];
  stderr = '';
  readonly #waiting: { readonly is: (line: LogLine) => boolean; readonly resolve: (line: LogLine) => void }[] = [];
  readonly ended: Promise<number | null>;
  #url = '';

  private constructor(args: readonly string[], { env, cwd, command }: Place) {
    const port = args.includes('--port') ? [] : ['--port', '0'];
    this.process = spawn(process.execPath, [...command, ...port, ...args], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process.stderr!.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    createInterface({ input: this.process.stdout! }).on('line', (text) => this.#read(text));
    // A bench that ends early takes its service along.
    const end = (): void => {
      this.process.kill();
    };
    process.on('exit', end);
    this.ended = once(this.process, 'close').then(([code]) => {
      process.off('exit', end);
      return code as number | null;
    });
  }

  /** @throws Error where the service ends before it listens */
  static start(...args: readonly string[]): Promise<ServiceProcess> {
    return ServiceProcess.startIn(process.env, ...args);
  }

  /** As start, in this environment. */
  static async startIn(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<ServiceProcess> {
    return ServiceProcess.startAt({ ...CLONE, env }, ...args);
  }

  /** As start, of a command that is installed elsewhere. */
  static async startAt(place: Place, ...args: readonly string[]): Promise<ServiceProcess> {
    const service = new ServiceProcess(args, place);
    const listening = service.logged((line) => line['msg'] === 'listening');
    const first = await Promise.race([listening, service.ended]);
    if (first === null || typeof first === 'number') {
      throw new Error(`the service ended with ${first} before it listened: ${service.stderr}`);
    }
    service.#url = first['url'] as string;
    return service;
  }

  get url(): string {
    return this.#url;
  }

  get port(): number {
    return Number(new URL(this.#url).port);
  }

  /** The first line, there already or to come, that `is` holds for. */
  logged(is: (line: LogLine) => boolean): Promise<LogLine> {
    const there = this.lines.find(is);
    if (there !== undefined) return Promise.resolve(there);
    return new Promise((resolve) => this.#waiting.push({ is, resolve }));
  }

  /** Process ids of the workers that live, by what the kernel says; the supervisor names all of them before it listens. */
  workers(): readonly number[] {
    const pids = this.lines.filter(({ msg }) => msg === 'worker ready').map((line) => line['process'] as number);
    return pids.filter((pid) => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    });
  }

  /** SIGTERM, and the exit code. */
  async stop(): Promise<number | null> {
    this.process.kill('SIGTERM');
    return this.ended;
  }

  #read(text: string): void {
    const line = JSON.parse(text) as LogLine;
    // A line for each request would fill the memory of a bench.
    if (line['msg'] !== 'request' || line['status'] === 500) this.lines.push(line);
    for (const waiting of this.#waiting.filter(({ is }) => is(line))) {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      waiting.resolve(line);
    }
  }
}
