/**
 * The second opinion: compares what was proven about a network with what is measured about it. It proves nothing and no
 * bound comes from it, but if a measured lower bound is above a proven upper one, the file is refused.
 *
 * Nothing here shares code with the proof: latents in float64 and gradients come from gradient/, and integers, like
 * everything that is not differentiated, come from the execution provider.
 */

import { type DifferentiableNetwork, differentiate } from '../gradient/network.ts';
import type { SecondOpinion } from '../run/loaded-model.ts';
import type { OnnxRuntime, Session } from '../run/providers.ts';
import type { LinearHead } from '../trusted/bounds/bound.ts';
import { TENSORS } from '../trusted/file/names.ts';
import { precisionOf } from '../trusted/file/precision.ts';
import { decodeOnnx } from '../trusted/onnx/codec.ts';
import type { Graph, OnnxModel, Tensor } from '../trusted/onnx/model.ts';
import type { VerifiedModel } from '../trusted/verify.ts';
import { along, STEP_32, type Subspace, steepest, steepestOf, subspaces } from './directions.ts';
import { norm, telling } from './images.ts';
import { type Claims, Judge, type Observed } from './judge.ts';
import { openProgram, type Program } from './program.ts';

export interface Subject {
  /** The network alone, `image` ↦ `latent`, `logits`. */
  readonly model: OnnxModel;
  /** [H, W, C]. */
  readonly shape: readonly number[];
  readonly head: LinearHead;
  readonly claims: Claims;
  /** What the proof takes for the shapes of tensors: the rows of one image, then the dimensions proper. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Images of the kind that the network is made for. */
  readonly known: readonly Float32Array[];
  readonly program: Program;
}

/** Multiply-adds to spend in float64 and on the provider; each takes well below a tenth of a second. */
const WORK_64 = 2.5e7;
const WORK_32 = 3e8;

/** A network whose latent takes more multiply-adds is examined only through the provider. */
const MAX_WORK_64 = 5e7;

/** After this time no further step is begun, because for what only the provider can run, the work is a guess. */
const LATE_MS = 5000;

const IMAGES = 26;
const FEWEST_IMAGES = 6;
const POINTS = 40;
const POWER_STEPS = 8;
const FEWEST_STEPS = 3;

/**
 * Up to this many pixels, the Jacobian is also measured through the provider, column by column, even if there are
 * gradients.
 */
const SMALL = 256;
const COLUMN_POINTS = 2;

/** Batch sizes to try if shapes are computed from the batch: integers may reach their limits. */
const BATCHES = [2, 3, 64, 4096, 2 ** 16];

/** Batch sizes in which the shapes of all tensors are looked at. */
const BATCHES_OF_SHAPES = [1, 3];

/** The most elements of the largest tensor in one call to the provider, and in all images at once. */
const BATCH = 2 ** 21;
const ELEMENTS = 2 ** 23;

/**
 * Lengths of the difference quotients: in long ones float32 matters little, and short ones stay within one linear
 * piece.
 */
const LENGTHS_32 = [2 ** 10, 2 ** 5, -(2 ** 5), 1, -1, 2 ** -5, 2 ** -10];
const LENGTHS_64 = [1, 2 ** -8, 2 ** -16];

const sizeOf = (dims: readonly number[]) => dims.reduce((product, dim) => product * dim, 1);

/**
 * A guess of the multiply-adds for one image if nothing better is known: every weight is used at most once per place.
 */
function guessedWork({ nodes, initializers }: Graph, [height = 1, width = 1, channels = 1]: readonly number[]): number {
  const pixels = height * width * channels;
  let work = pixels;
  for (const { op, inputs } of nodes) {
    const dims = inputs.slice(1).flatMap((name) => initializers.get(name)?.dims.slice() ?? []);
    if (op === 'Conv') work += sizeOf(dims) * height * width;
    if (op === 'MatMul' || op === 'Gemm') work += sizeOf(dims) * Math.max(1, pixels / Math.max(...dims, 1));
  }
  return work;
}

/** Measures a network against its claims; it is seeded, so that the same file is always measured in the same way. */
class Measurement {
  readonly #subject: Subject;
  readonly #judge: Judge;
  readonly #begin = performance.now();
  readonly #size: number;
  /** The elements of the largest tensor, and of all of them, for one image. */
  readonly #largest: number;
  readonly #elements: number;

  constructor(subject: Subject) {
    this.#subject = subject;
    this.#size = sizeOf(subject.shape);
    const sizes = [this.#size, subject.head.latentSize, ...[...subject.shapes.values()].map(sizeOf)];
    this.#largest = sizes.reduce((largest, size) => Math.max(largest, size));
    this.#elements = sizes.reduce((sum, size) => sum + size, 0);
    this.#judge = new Judge(subject.claims, subject.head, precisionOf(subject.model.graph));
  }

  get #late(): boolean {
    return performance.now() - this.#begin > LATE_MS;
  }

  async run(): Promise<SecondOpinion> {
    const { model, shape, claims, known, program } = this.#subject;
    await this.#shapes();
    const integers = await program.integers();
    const network = this.#network(integers);
    const work = Math.max(this.#elements, network?.work ?? guessedWork(model.graph, shape));
    const most = Math.min(WORK_32 / work, ELEMENTS / this.#largest);
    const room = Math.max(FEWEST_IMAGES, Math.floor(most));
    const images = telling(known, this.#size, claims.maxImageNorm, Math.min(IMAGES, room));
    const observed = await this.#observe(images);
    for (const [i, a] of observed.entries()) for (const b of observed.slice(0, i)) this.#judge.secant(a, b);
    if (integers.size > 0) await this.#inBatches(observed[0]!, most / 4);
    if (network !== null) await this.#withGradients(network, observed);
    if (network === null || this.#size <= SMALL) {
      for (const point of observed.slice(0, COLUMN_POINTS)) await this.#byColumns(point, room);
    }
    this.#judge.conclude();
    const { lipschitz, float32, images: count } = this.#judge;
    return { lipschitz, float32, images: count, float64: network !== null };
  }

  /** Holds the dimensions of tensors against what the proof takes for their shapes. */
  async #shapes(): Promise<void> {
    const { program, shapes } = this.#subject;
    const found = await program.dimensions([...shapes.keys()], BATCHES_OF_SHAPES);
    for (const [k, n] of BATCHES_OF_SHAPES.entries()) {
      for (const [i, [tensor, shape]] of [...shapes].entries()) this.#judge.shape(tensor, found[k]![i]!, shape, n);
    }
  }

  /** The latent in float64 with its gradients; null if an operator has none, or there is too much to compute. */
  #network(known: ReadonlyMap<string, Tensor>): DifferentiableNetwork | null {
    return differentiate(this.#subject.model.graph, TENSORS.image, TENSORS.latent, { known, limit: MAX_WORK_64 });
  }

  /** The provider's answers, a batch at a time; when it gets late, the rest are left out. */
  async #observe(images: readonly Float32Array[]): Promise<readonly Observed[]> {
    const most = Math.max(1, Math.floor(BATCH / this.#largest));
    const observed: Observed[] = [];
    for (let begin = 0; begin < images.length && !(begin > 0 && this.#late); begin += most) {
      const batch = images.slice(begin, begin + most);
      const pixels = new Float32Array(batch.length * this.#size);
      batch.forEach((image, i) => {
        pixels.set(image, i * this.#size);
      });
      observed.push(...this.#judge.observe(batch, await this.#subject.program.run(pixels, batch.length)));
    }
    return observed;
  }

  /**
   * An image must get the same answer in any batch: in each one, the first, some and the last of its copies are
   * compared.
   */
  async #inBatches(one: Observed, most: number): Promise<void> {
    for (const n of BATCHES) {
      if (n > most || this.#late) return;
      const pixels = new Float32Array(n * this.#size);
      for (let k = 0; k < n; k++) pixels.set(one.image, k * this.#size);
      const { latent, logits } = await this.#subject.program.run(pixels, n);
      const { latentSize, classes } = this.#subject.head;
      for (const k of new Set([0, 1, n >> 1, n - 1])) {
        const own = {
          latent: latent.subarray(k * latentSize, (k + 1) * latentSize),
          logits: logits.subarray(k * classes, (k + 1) * classes),
        };
        for (const other of this.#judge.observe([one.image], own)) this.#judge.again(one, other);
      }
    }
  }

  async #withGradients(network: DifferentiableNetwork, observed: readonly Observed[]): Promise<void> {
    const { work } = network;
    const compared = Math.max(2, Math.floor(WORK_64 / 4 / work));
    for (const one of observed.slice(0, compared)) {
      if (this.#late) return;
      this.#judge.latent(one, network.trace(Float64Array.from(one.image), 1).output);
    }
    const others = 2 + LENGTHS_64.length;
    const steps = Math.min(POWER_STEPS, Math.max(FEWEST_STEPS, Math.floor((WORK_64 / work - others) / 2)));
    const count = Math.min(POINTS, Math.max(1, Math.floor(WORK_64 / work / (2 * steps + others))));
    const images = observed.values();
    let steepestSoFar = 0;
    let beyond: Observed | null = null;
    for (let i = 0; i < count && !this.#late; i++) {
      // Alternates between an image and the end of the steepest way found so far: where that leads, networks are
      // steeper still.
      const point: Observed | undefined = (i % 2 === 1 ? beyond : null) ?? images.next().value;
      if (point === undefined) return;
      if (point === beyond) beyond = null;
      const direction = steepest(network, Float64Array.from(point.image), steps, i);
      const slope = this.#exactly(network, point.image, direction);
      const end = await this.#confirm(point, direction);
      if (slope > steepestSoFar) {
        steepestSoFar = slope;
        beyond = end;
      }
    }
  }

  /** Checks difference quotients in float64; gives the largest one. */
  #exactly(network: DifferentiableNetwork, image: Float32Array, direction: Float64Array): number {
    const here = Float64Array.from(image);
    const z = (point: Float64Array) => network.trace(point, 1).output;
    const start = z(here);
    const slopes = LENGTHS_64.map((length) => {
      const end = here.map((pixel, i) => pixel + length * direction[i]!);
      return this.#judge.exactSecant([here, end], [start, z(end)]);
    });
    return Math.max(...slopes);
  }

  /** Does the same through the provider. Gives the end of the steepest of the longer ones. */
  async #confirm(point: Observed, direction: Float64Array): Promise<Observed | null> {
    const { maxImageNorm } = this.#subject.claims;
    const ways = LENGTHS_32.map((length) => ({
      length,
      image: point.image.map((pixel, i) => pixel + length * direction[i]!),
    })).filter(({ image }) => norm(image) <= maxImageNorm);
    let steepestEnd: Observed | null = null;
    let most = 0;
    for (const [i, end] of (await this.#observe(ways.map(({ image }) => image))).entries()) {
      const slope = this.#judge.secant(point, end);
      if (slope > most && Math.abs(ways[i]!.length) >= 1) [most, steepestEnd] = [slope, end];
    }
    return steepestEnd;
  }

  /** Measures the Jacobian at a point, or its effect on some directions, through the provider alone. */
  async #byColumns(point: Observed, room: number): Promise<void> {
    for (const space of subspaces(this.#size, room)) {
      if (this.#late) return;
      const ends = await this.#observe(this.#ends(point, space));
      if (ends.length < space.dimension) return;
      for (const end of ends) this.#judge.secant(point, end);
      const columns = ends.map(({ latent }) => Float64Array.from(latent, (z, j) => (z - point.latent[j]!) / STEP_32));
      await this.#confirm(point, steepestOf(space, columns));
    }
  }

  #ends({ image }: Observed, space: Subspace): Float32Array[] {
    return Array.from({ length: space.dimension }, (_, g) => along(image, space, g, STEP_32));
  }
}

/**
 * Measures a network and compares it with the claims.
 *
 * @throws ContradictionError if a measured lower bound is above the claimed upper bound, with both; ProviderError if
 *   the provider fails
 */
export function secondOpinion(subject: Subject): Promise<SecondOpinion> {
  return new Measurement(subject).run();
}

/** The second opinion of a model as it is loaded: `network` is the file that `session` runs. */
export function opinionOf(
  { certificate, head, terms, images, proven }: VerifiedModel,
  network: Uint8Array,
  {
    runtime,
    session,
    provider,
  }: { readonly runtime: OnnxRuntime; readonly session: Session; readonly provider: string },
): Promise<SecondOpinion> {
  const model = decodeOnnx(network);
  const { shape } = certificate.input;
  const shapes = new Map([...proven.shapes, [TENSORS.logits, [1, head.classes]]]);
  const program = openProgram(runtime, session, model, shape, provider);
  return secondOpinion({ model, shape, head, claims: terms.constants, shapes, known: images, program });
}
