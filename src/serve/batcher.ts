/**
 * Micro-batching with a bounded queue: what came while one batch ran is the next batch.
 *
 * No timer: a lone request runs at once, and the more wait the larger the batch. ONNX Runtime runs on the thread that
 * also reads sockets, so a batch starts in setImmediate, after whatever has arrived has been read.
 */
import { HttpError, overloaded } from './http-error.ts';

export interface BatchLimits {
  /** Images that may wait. */
  readonly queue: number;
  /** Images in one run. */
  readonly maxBatch: number;
}

interface Job<Image, Answer> {
  readonly images: readonly Image[];
  readonly answers: Answer[];
  /** Images handed to a run so far. */
  taken: number;
  readonly abandoned: () => boolean;
  readonly resolve: (answers: readonly Answer[]) => void;
  readonly reject: (error: unknown) => void;
}

export class Batcher<Image, Answer> {
  readonly #run: (images: readonly Image[]) => Promise<readonly Answer[]>;
  readonly #limits: BatchLimits;
  readonly #onBatch: (images: number) => void;
  readonly #jobs: Job<Image, Answer>[] = [];
  #waiting = 0;
  #running = false;
  #secondsPerImage = 0;
  #idle: (() => void)[] = [];

  constructor(
    run: (images: readonly Image[]) => Promise<readonly Answer[]>,
    limits: BatchLimits,
    onBatch: (images: number) => void,
  ) {
    this.#run = run;
    this.#limits = limits;
    this.#onBatch = onBatch;
  }

  /** Images that wait for a run. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Refuses what cannot be taken now, before it costs anything.
   *
   * @throws HttpError 503 where the queue has no room for `images` more, 413 where it never will
   */
  admit(images = 1): void {
    const { queue } = this.#limits;
    if (images > queue) throw new HttpError(413, `found ${images} images in one request, expected at most ${queue}`);
    if (this.#waiting + images <= queue) return;
    throw overloaded('too many requests wait already; try again later', this.#waiting * this.#secondsPerImage);
  }

  /** The answers, one for each image; a job that is `abandoned` when its turn comes is not run. */
  submit(images: readonly Image[], abandoned: () => boolean = () => false): Promise<readonly Answer[]> {
    this.admit(images.length);
    return new Promise((resolve, reject) => {
      this.#jobs.push({ images, answers: [], taken: 0, abandoned, resolve, reject });
      this.#waiting += images.length;
      if (!this.#running) {
        this.#running = true;
        setImmediate(this.#next);
      }
    });
  }

  /** Resolves when nothing waits and nothing runs. */
  async idle(): Promise<void> {
    if (!this.#running) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  readonly #next = async (): Promise<void> => {
    const { images, parts } = this.#take();
    if (images.length > 0) await this.#runBatch(images, parts);
    if (this.#jobs.length > 0) {
      setImmediate(this.#next);
      return;
    }
    this.#running = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  };

  /** The next batch, and whose its images are. A job larger than a batch goes over several. */
  #take(): { readonly images: Image[]; readonly parts: { job: Job<Image, Answer>; count: number }[] } {
    const images: Image[] = [];
    const parts: { job: Job<Image, Answer>; count: number }[] = [];
    let done = 0;
    for (const job of this.#jobs) {
      const room = this.#limits.maxBatch - images.length;
      if (room === 0) break;
      const left = job.images.length - job.taken;
      if (job.abandoned()) {
        this.#waiting -= left;
        job.reject(new HttpError(499, 'the client went away'));
        done++;
        continue;
      }
      const count = Math.min(room, left);
      for (let i = 0; i < count; i++) images.push(job.images[job.taken + i]!);
      job.taken += count;
      parts.push({ job, count });
      if (count === left) done++;
    }
    this.#jobs.splice(0, done);
    this.#waiting -= images.length;
    return { images, parts };
  }

  async #runBatch(images: readonly Image[], parts: readonly { job: Job<Image, Answer>; count: number }[]) {
    const begin = performance.now();
    try {
      const answers = await this.#run(images);
      let at = 0;
      for (const { job, count } of parts) {
        for (let i = 0; i < count; i++) job.answers.push(answers[at++]!);
        if (job.answers.length === job.images.length) job.resolve(job.answers);
      }
    } catch (error) {
      this.#fail(error, new Set(parts.map(({ job }) => job)));
    }
    this.#onBatch(images.length);
    const seconds = (performance.now() - begin) / 1000 / images.length;
    this.#secondsPerImage = this.#secondsPerImage === 0 ? seconds : 0.9 * this.#secondsPerImage + 0.1 * seconds;
  }

  /** What a failed run held is answered with the error, the rest of a job that was split too. */
  #fail(error: unknown, failed: ReadonlySet<Job<Image, Answer>>): void {
    for (const job of failed) job.reject(error);
    const first = this.#jobs[0];
    if (first === undefined || !failed.has(first)) return;
    this.#waiting -= first.images.length - first.taken;
    this.#jobs.shift();
  }
}
