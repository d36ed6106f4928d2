/** One place for a model: the worker that holds it, which is ended and begun anew when somebody cancels. */
import { type Client, connect, WorkerError } from '../worker/client.ts';
import type { Calls, Opened, Progress, SealChoices } from './worker/protocol.ts';

type ModelClient = Client<Calls, Progress>;

/** What `cancel` ends calls with. */
const CANCELLED = { code: 'CANCELLED', message: 'cancelled' } as const;

export function isCancelled(error: unknown): boolean {
  return error instanceof WorkerError && (error.code === CANCELLED.code || error.code === 'SUPERSEDED');
}

export class Slot {
  readonly #base: string;
  #client: ModelClient | null = null;
  #ready: Promise<unknown> = Promise.resolve();
  #opened: Opened | null = null;

  constructor(base: string) {
    this.#base = base;
  }

  get opened(): Opened | null {
    return this.#opened;
  }

  /** Begins the worker, if there is none, and gets the WASM ready. */
  warm(): Promise<unknown> {
    if (this.#client === null) {
      this.#client = connect(new Worker(new URL('./worker/main.ts', import.meta.url), { type: 'module' }));
      this.#ready = this.#client.call('start', { base: this.#base });
      // It is awaited by whoever opens a model.
      this.#ready.catch(() => {});
    }
    return this.#ready;
  }

  /**
   * Proves a file; the model that was open is closed.
   *
   * @throws WorkerError with the command's reason, or because it was cancelled
   */
  async open(
    file: Blob,
    name: string,
    choices: SealChoices,
    onProgress: (progress: Progress) => void,
  ): Promise<Opened> {
    this.#opened = null;
    const ready = this.warm();
    const client = this.#client!;
    try {
      await ready;
      const opened = await client.call('open', { file, name, choices }, onProgress);
      this.#opened = opened;
      return opened;
    } catch (error) {
      // After an error that nobody foresaw (memory, a fault of the WASM) the worker is not to be relied on. If it was
      // cancelled, another one may have taken its place.
      const foreseen = error instanceof WorkerError && error.details !== undefined;
      if (!foreseen && client === this.#client) this.close();
      throw error;
    }
  }

  call<Name extends keyof Calls>(
    name: Name,
    input: Calls[Name]['input'],
    onProgress?: (progress: Progress) => void,
  ): Promise<Calls[Name]['output']> {
    if (this.#client === null) return Promise.reject(new WorkerError(CANCELLED));
    return this.#client.call(name, input, onProgress);
  }

  /** Ends what is under way and frees everything. */
  close(): void {
    this.#opened = null;
    this.#client?.end(CANCELLED);
    this.#client = null;
  }
}
