/** Clients that keep a service busy, and what became of each request. */
import { Agent, request as httpRequest } from 'node:http';
import { type Answer, images, jsonRequest } from './requests.ts';

export interface Outcome {
  readonly answer?: Answer;
  readonly status?: number;
  /** The connection ended before there was an answer. */
  readonly lost?: string;
  readonly closes?: boolean;
}

/** One request over an agent's connection. */
export function ask(agent: Agent, url: string, body: string): Promise<Outcome> {
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

export const CLIENTS = 8;
export const BODY = jsonRequest(images(1));

/** Clients that each ask one thing after the other until told to stop; every outcome is kept. */
export class Load {
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
