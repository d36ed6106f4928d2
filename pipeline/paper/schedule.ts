/** What is left of a plan, and how long it will take, judging by similar runs. */
import { type Job, nameOf } from './experiment.ts';
import type { Result } from './result.ts';
import { median } from './statistics.ts';

/** The seconds that a run took in all, if it was done in one go. */
function secondsOf({ measured }: Result): number | undefined {
  if (measured === null || measured.training.resumedAt > 0) return undefined;
  const { export: exporting, certify, attack } = measured.seconds;
  return measured.training.seconds + exporting + certify + attack;
}

function formatDuration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

export class Schedule {
  readonly #total: number;
  readonly #waiting: Set<Job>;
  readonly #running = new Map<Job, { readonly since: number; text: string }>();
  readonly #durations: { readonly id: string; readonly data: string | undefined; readonly seconds: number }[] = [];
  readonly #workers: number;

  constructor(all: readonly Job[], due: readonly Job[], known: readonly Result[], workers: number) {
    this.#total = all.length;
    this.#waiting = new Set(due);
    this.#workers = workers;
    for (const result of known) this.#learn(result);
  }

  #learn(result: Result): void {
    const seconds = secondsOf(result);
    if (seconds !== undefined) this.#durations.push({ id: result.id, data: result.data?.name, seconds });
  }

  /**
   * The median time of runs of the experiment, otherwise of those on the same data, otherwise of all; undefined if
   * nothing is known.
   */
  #expected({ experiment }: Job): number | undefined {
    const like = [
      this.#durations.filter(({ id }) => id === experiment.id),
      this.#durations.filter(({ data }) => data === experiment.config.data.name),
      this.#durations,
    ].find((durations) => durations.length > 0);
    return like === undefined ? undefined : median(like.map(({ seconds }) => seconds));
  }

  /** `12 runs left, about 34 min`. */
  left(): string {
    const now = performance.now();
    let seconds = 0;
    for (const job of [...this.#waiting, ...this.#running.keys()]) {
      const expected = this.#expected(job);
      if (expected === undefined) return `${this.#waiting.size + this.#running.size} runs left`;
      const begun = this.#running.get(job)?.since ?? now;
      seconds += Math.max(0, expected - (now - begun) / 1000);
    }
    return `${this.#waiting.size + this.#running.size} runs left, about ${formatDuration(seconds / this.#workers)}`;
  }

  start(job: Job): void {
    this.#waiting.delete(job);
    this.#running.set(job, { since: performance.now(), text: 'starts' });
  }

  progress(job: Job, phase: string, done: number, total: number): void {
    const running = this.#running.get(job);
    if (running !== undefined) running.text = total > 1 ? `${phase} ${done}/${total}` : phase;
  }

  /** One line on what is running. */
  status(): string {
    const running = [...this.#running].map(([job, { text }]) => `${nameOf(job)}: ${text}`);
    return `${running.join(' | ')} | ${this.left()}`;
  }

  /** One line on how a run ended. */
  finish(job: Job, result: Result): string {
    this.#running.delete(job);
    this.#learn(result);
    const at = `[${this.#total - this.#waiting.size - this.#running.size}/${this.#total}] ${nameOf(job)}`;
    const { measured, failure } = result;
    if (measured === null) return `${at}: failed: ${failure?.message}; ${this.left()}`;
    const { acr, accuracy } = measured.certified.find(
      ({ certificate, images }) => certificate !== 'margin' && images === 'subset',
    )!;
    const seconds = secondsOf(result);
    const time = seconds === undefined ? 'resumed' : formatDuration(seconds);
    return `${at}: ACR ${acr.toFixed(4)}, ${(100 * accuracy).toFixed(1)} % right, ${time}; ${this.left()}`;
  }
}
