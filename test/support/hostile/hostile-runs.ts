/** Runs of a sealed file on onnxruntime-node: image by image and in batches, optimised or not. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as ort from '../../../src/certify-runtime/run/onnx-runtime.ts';

export interface Answer {
  readonly label: number;
  readonly radius: number;
  readonly logits: Float32Array;
  readonly latent: Float32Array;
}

export interface Job {
  readonly bytes: Uint8Array;
  readonly shape: readonly number[];
  readonly images: readonly Float32Array[];
  /** Besides each image alone: batches of these sizes, the images repeated in their order. */
  readonly batches: readonly number[];
}

export interface Execution {
  readonly where: string;
  /** Of the images in their order, or as many of them as the batch holds. */
  readonly answers: readonly Answer[];
}

export type Level = 'all' | 'disabled';
export type Executor = (job: Job, level: Level) => Promise<readonly Execution[]>;

/** Sessions that were asked to flush subnormals; ONNX Runtime asks the processor once, for the first session of a process. */
const FLUSHING = { extra: { session: { set_denormal_as_zero: '1' } } };

export async function execute(job: Job, level: Level, flush = false): Promise<readonly Execution[]> {
  const session = await ort.InferenceSession.create(job.bytes, {
    executionProviders: ['cpu'],
    logSeverityLevel: 4,
    graphOptimizationLevel: level,
    intraOpNumThreads: 1,
    ...(flush ? FLUSHING : {}),
  });
  try {
    const where = `optimisation ${level}${flush ? ', flushed' : ''}`;
    const alone: Answer[] = [];
    for (const image of job.images) alone.push(...(await answersOf(session, [image], job.shape)));
    const executions: Execution[] = [{ where, answers: alone }];
    for (const batch of job.batches) {
      const images = Array.from({ length: batch }, (_, i) => job.images[i % job.images.length]!);
      const answers = await answersOf(session, images, job.shape);
      executions.push({ where: `${where}, batch of ${batch}`, answers: answers.slice(0, job.images.length) });
    }
    return executions;
  } finally {
    await session.release();
  }
}

async function answersOf(
  session: ort.InferenceSession,
  images: readonly Float32Array[],
  shape: readonly number[],
): Promise<Answer[]> {
  const size = images[0]!.length;
  const pixels = new Float32Array(images.length * size);
  for (const [i, image] of images.entries()) pixels.set(image, i * size);
  const { label, radius, logits, latent } = await session.run({
    image: new ort.Tensor('float32', pixels, [images.length, ...shape]),
  });
  const part = (tensor: ort.Tensor, i: number) => {
    const width = tensor.data.length / images.length;
    return (tensor.data as Float32Array).slice(i * width, (i + 1) * width);
  };
  return images.map((_, i) => ({
    label: Number(label!.data[i]),
    radius: Number(radius!.data[i]),
    logits: part(logits!, i),
    latent: part(latent!, i),
  }));
}

/** The same in a process whose subnormals are zero. */
export function flushingExecutor(): { readonly execute: Executor; readonly close: () => void } {
  const child = fork(fileURLToPath(new URL('hostile-child.ts', import.meta.url)), {
    serialization: 'advanced',
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
  });
  const execute: Executor = (job, level) =>
    new Promise((resolve, reject) => {
      child.once('message', (answer: readonly Execution[] | string) => {
        if (typeof answer === 'string') reject(new Error(answer));
        else resolve(answer);
      });
      child.send({ job, level });
    });
  return { execute, close: () => child.disconnect() };
}
