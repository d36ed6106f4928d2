/**
 * Micro-batching with a bounded queue: whatever arrives while one batch runs forms the next batch.
 *
 * There is no timer: a single request runs at once, and batches grow with the number of waiting requests. ONNX Runtime
 * runs on the thread that also reads sockets, so a batch starts in setImmediate, after everything that has arrived has
 * been read.
 */
import { HttpError } from '../http/http-error.ts';

export interface BatchLimits {
  /** The most images that may wait. A request that starts below the limit may end above it. */
  readonly queue: number;
  /** The most images in one run. */
  readonly maxBatch: number;
}

/** Called about what was run. */
export interface BatchEvents {
  /** After each run, with the number of images in it. */
  readonly ran: (images: number) => void;
  /**
   * After the last run of a request, with the seconds that the request waited for its first run and the seconds from
   * then on.
   */
  readonly answered: (waited: number, computed: number) => void;
}

/** A request that has arrived, but whose images have not been read. */
interface Request<Image, Answer> {
  /** When it arrived, by performance.now(). */
  readonly since: number;
  readonly prepare: () => readonly Image[];
  readonly abandoned: () => boolean;
  readonly resolve: (answers: readonly Answer[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Job<Image, Answer> {
  readonly since: number;
  /** When its first run began, by performance.now(). */
  begun: number;
  readonly images: readonly Image[];
  readonly answers: Answer[];
  /** The number of images handed to a run so far. */
  taken: number;
  readonly abandoned: () => boolean;
  readonly resolve: (answers: readonly Answer[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Seconds that one run should take at most, because nothing else is answered meanwhile, not even a cluster's probes.
 */
const LONGEST_RUN = 0.05;
/** The weight of the latest value in a moving average. */
const LATEST = 0.1;

export class Batcher<Image, Answer> {
  readonly #run: (images: readonly Image[]) => Promise<readonly Answer[]>;
  readonly #limits: BatchLimits;
  readonly #events: BatchEvents;
  readonly #requests: Request<Image, Answer>[] = [];
  readonly #jobs: Job<Image, Answer>[] = [];
  #waiting = 0;
  #running = false;
  #secondsPerImage = 0;
  #imagesPerRequest = 1;
  #idle: (() => void)[] = [];

  constructor(run: (images: readonly Image[]) => Promise<readonly Answer[]>, limits: BatchLimits, events: BatchEvents) {
    this.#run = run;
    this.#limits = limits;
    this.#events = events;
  }

  /** The number of images that wait for a run. */
  get waiting(): number {
    return this.#waiting;
  }

  /** The number of further requests that there is room for, if they have as many images as recent ones. */
  get room(): number {
    const room = this.#limits.queue - this.#waiting;
    return Math.ceil(room / this.#imagesPerRequest) - this.#requests.length;
  }

  /** The estimated seconds until everything that waits is done, judging by recent runs. */
  get seconds(): number {
    return this.#waiting * this.#secondsPerImage;
  }

  /** @throws HttpError 413 if there will never be room for so many images in one request */
  fits(images: number): void {
    const { queue } = this.#limits;
    if (images > queue) throw new HttpError(413, `found ${images} images in one request, expected at most ${queue}`);
  }

  /**
   * Returns the answers, one for each image.
   *
   * @param prepare returns the images. It is called when the queue has room, usually at once, so that images take no
   *   memory until then.
   * @param abandoned whether nobody is waiting for the answers any more, in which case they are not computed
   */
  submit(prepare: () => readonly Image[], abandoned: () => boolean = () => false): Promise<readonly Answer[]> {
    return new Promise((resolve, reject) => {
      this.#requests.push({ since: performance.now(), prepare, abandoned, resolve, reject });
      this.#prepare();
      if (this.#jobs.length > 0 && !this.#running) {
        this.#running = true;
        setImmediate(this.#next);
      }
    });
  }

  /** Reads the images of as many requests as there is room for. */
  #prepare(): void {
    while (this.#requests.length > 0 && this.#waiting < this.#limits.queue) {
      const { since, prepare, abandoned, resolve, reject } = this.#requests.shift()!;
      if (abandoned()) {
        reject(wentAway());
        continue;
      }
      try {
        const images = prepare();
        this.fits(images.length);
        this.#imagesPerRequest += LATEST * (images.length - this.#imagesPerRequest);
        this.#waiting += images.length;
        this.#jobs.push({ since, begun: 0, images, answers: [], taken: 0, abandoned, resolve, reject });
      } catch (error) {
        reject(error);
      }
    }
  }

  /** Resolves when nothing is waiting or running. */
  async idle(): Promise<void> {
    if (!this.#running) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  readonly #next = async (): Promise<void> => {
    const { images, parts } = this.#take();
    if (images.length > 0) await this.#runBatch(images, parts);
    this.#prepare();
    if (this.#jobs.length > 0) {
      setImmediate(this.#next);
      return;
    }
    this.#running = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  };

  /**
   * Takes the next batch, and notes which job each image belongs to. A job larger than a batch is spread over several.
   */
  #take(): { readonly images: Image[]; readonly parts: { job: Job<Image, Answer>; count: number }[] } {
    const images: Image[] = [];
    const parts: { job: Job<Image, Answer>; count: number }[] = [];
    const most = this.#batchSize();
    let done = 0;
    for (const job of this.#jobs) {
      const room = most - images.length;
      if (room === 0) break;
      const left = job.images.length - job.taken;
      if (job.abandoned()) {
        this.#waiting -= left;
        job.reject(wentAway());
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

  #batchSize(): number {
    if (this.#secondsPerImage === 0) return this.#limits.maxBatch;
    return Math.max(1, Math.min(this.#limits.maxBatch, Math.floor(LONGEST_RUN / this.#secondsPerImage)));
  }

  async #runBatch(images: readonly Image[], parts: readonly { job: Job<Image, Answer>; count: number }[]) {
    const begin = performance.now();
    try {
      const answers = await this.#run(images);
      const end = performance.now();
      let at = 0;
      for (const { job, count } of parts) {
        if (job.answers.length === 0) job.begun = begin;
        for (let i = 0; i < count; i++) job.answers.push(answers[at++]!);
        if (job.answers.length < job.images.length) continue;
        this.#events.answered((job.begun - job.since) / 1000, (end - job.begun) / 1000);
        job.resolve(job.answers);
      }
    } catch (error) {
      this.#fail(error, new Set(parts.map(({ job }) => job)));
    }
    const seconds = (performance.now() - begin) / 1000 / images.length;
    const before = this.#secondsPerImage === 0 ? seconds : this.#secondsPerImage;
    this.#secondsPerImage = before + LATEST * (seconds - before);
    this.#events.ran(images.length);
  }

  /** Rejects every job in a failed run with its error, including the rest of a job that was split. */
  #fail(error: unknown, failed: ReadonlySet<Job<Image, Answer>>): void {
    for (const job of failed) job.reject(error);
    const first = this.#jobs[0];
    if (first === undefined || !failed.has(first)) return;
    this.#waiting -= first.images.length - first.taken;
    this.#jobs.shift();
  }
}

function wentAway(): HttpError {
  return new HttpError(499, 'the client went away');
}
