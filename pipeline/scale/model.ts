/**
 * A model of a certifying Spark job: how long it takes, and what ends first. It knows nothing of a particular run but the
 * parts that it is given.
 *
 *     images a second = min(executors / (worker + task / images of a task), images of a task / launch, store / bytes)
 *
 * and beside that the start, the broadcast of the model, and the last tasks, which slow executors finish late.
 */

/** What was measured on one machine (python/spark_tests/throughput.py). */
export interface Parts {
  /** Seconds of one core for an image: reading it, the network, the radius, and writing the answer. */
  readonly image: number;
  /** Seconds of an executor, and of the driver, for a task without work. */
  readonly task: number;
  readonly launch: number;
  /** Seconds until the first images are answered. */
  readonly start: number;
  /** Of an image as it is stored, and of the model. */
  readonly imageBytes: number;
  readonly modelBytes: number;
}

/** What is assumed of a cluster, since one machine cannot measure it. */
export interface Cluster {
  readonly executors: number;
  /** Bytes a second of each executor's network, and of the store for all. */
  readonly network: number;
  readonly store: number;
  /** Seconds between asking the store for a file and its first byte, and of the driver to list it. */
  readonly latency: number;
  readonly listing: number;
  /** Bytes that a task reads, and files that it reads them from. */
  readonly taskBytes: number;
  readonly taskFiles: number;
  /** Every so many-th executor takes so many times as long. */
  readonly slowEvery: number;
  readonly slowness: number;
}

type End = 'start' | 'processors' | 'driver' | 'store' | 'latency' | 'stragglers';

export interface Estimate {
  readonly seconds: number;
  readonly tasks: number;
  readonly bytes: number;
  /** What most of the time goes to. */
  readonly end: End;
}

/** The most tasks for each executor that are simulated one by one: enough for the first and the last of them. */
const WAVES = 40;

/** Seconds from the first launch to the end of the last of `count` tasks, and when the first executor had no more to do. */
function schedule(
  count: number,
  launch: number,
  duration: readonly number[],
): { readonly last: number; readonly first: number } {
  // The driver launches one task after the other, each on the executor that is free first.
  const free = duration.map(() => 0);
  let launched = 0;
  for (let task = 0; task < count; task++) {
    let next = 0;
    for (let e = 1; e < free.length; e++) if (free[e]! < free[next]!) next = e;
    launched = Math.max(launched + launch, free[next]!);
    free[next] = launched + duration[next]!;
  }
  return { last: Math.max(...free), first: Math.min(...free) };
}

/** How long `images` take. Where there are fewer tasks than executors, the tasks are smaller, one for each. */
export function estimate(parts: Parts, cluster: Cluster, images: number): Estimate {
  const { executors, network, store, slowEvery, slowness } = cluster;
  const ofTask = Math.max(1, Math.min(Math.floor(cluster.taskBytes / parts.imageBytes), Math.ceil(images / executors)));
  const tasks = Math.ceil(images / ofTask);
  const bytes = images * parts.imageBytes + executors * parts.modelBytes;
  const byProcessor = ofTask * parts.image + parts.task;
  const byStore = (ofTask * parts.imageBytes) / Math.min(network, store / executors);
  const latency = cluster.taskFiles * cluster.latency;
  const launch = parts.launch + cluster.taskFiles * cluster.listing;
  // Reading and computing overlap; waiting for the first byte does not.
  const usual = latency + Math.max(byProcessor, byStore);
  const durations = Array.from(
    { length: executors },
    (_, e) => usual * (e % slowEvery === slowEvery - 1 ? slowness : 1),
  );
  // The model goes from executor to executor, each of which passes it on.
  const begin = parts.start + Math.ceil(Math.log2(executors + 1)) * (parts.modelBytes / network);
  const simulated = Math.min(tasks, WAVES * executors);
  const { last, first } = schedule(simulated, launch, durations);
  // From there on, tasks end as often as all executors together can end them, or the driver can launch them.
  const speed = durations.reduce((sum, duration) => sum + 1 / duration, 0);
  const slope = Math.max(launch, 1 / speed);
  const seconds = begin + last + (tasks - simulated) * slope;
  const shares: Readonly<Record<End, number>> = {
    start: begin,
    driver: tasks * launch,
    processors: byProcessor >= byStore ? (tasks * (usual - latency)) / executors : 0,
    store: byProcessor < byStore ? (tasks * (usual - latency)) / executors : 0,
    latency: (tasks * latency) / executors,
    stragglers: last - first,
  };
  const [end] = (Object.entries(shares) as [End, number][]).reduce((a, b) => (b[1] > a[1] ? b : a));
  return { seconds, tasks, bytes, end };
}
