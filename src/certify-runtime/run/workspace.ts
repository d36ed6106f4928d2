/**
 * Memory for the pixels of a batch, and what is computed for every pixel: its float32 value, its range, its share of
 * the norms.
 */

import { sqrtUp, up } from '../trusted/bounds/rounding.ts';
import { InputError } from '../trusted/errors.ts';
import { fromBase64 } from '../trusted/file/text.ts';
import type { Pixels } from './images.ts';
import { KERNEL } from './kernel.ts';

interface Kernel {
  norms(pixels: number, images: number, size: number, out: number): number;
  levels(bytes: number, pixels: number, count: number): void;
}

const PAGE = 2 ** 16;
/** γ_n ≤ n·2⁻²³ with room needs n·2⁻²⁴ < ¼. docs/providers.md, lemma 18. */
const MAX_PIXELS = 2 ** 22;
let compiled: WebAssembly.Module | undefined;

/**
 * Squares below 2⁻¹⁴⁹, which are those of pixels below 2⁻⁷⁴, vanish: all of them together hide less than this from
 * ‖x‖₂.
 */
const HIDDEN = 2 ** -50;

/**
 * The pixels of up to `capacity` images, where both the kernel and ONNX Runtime can read them.
 *
 * It is a WebAssembly memory of its own that never grows: growing would take the pixels away from a call under way. Its
 * address range is large whatever its size, so only a few of them should live at once.
 */
export class Workspace {
  readonly capacity: number;
  readonly #size: number;
  readonly #kernel: Kernel;
  readonly #memory: WebAssembly.Memory;
  readonly #sums: Float32Array;
  readonly #pixels: Float32Array;
  readonly #bytes: Uint8Array;

  /** @throws InputError if there is not enough memory, or images are larger than the bounds below allow */
  constructor(capacity: number, size: number) {
    if (size > MAX_PIXELS) throw new InputError(`images of ${size} pixels, more than ${MAX_PIXELS}`, { size });
    this.capacity = capacity;
    this.#size = size;
    const first = Math.ceil((8 * capacity) / 16) * 16;
    const end = first + 4 * capacity * size;
    const pages = Math.ceil((end + size) / PAGE);
    try {
      this.#memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    } catch (cause) {
      throw new InputError(
        `a batch of ${capacity} images of ${size} pixels does not fit in memory`,
        { images: capacity, size },
        { cause },
      );
    }
    compiled ??= new WebAssembly.Module(fromBase64(KERNEL)!);
    const instance = new WebAssembly.Instance(compiled, { glean: { memory: this.#memory } });
    this.#kernel = instance.exports as unknown as Kernel;
    const { buffer } = this.#memory;
    this.#sums = new Float32Array(buffer, 0, 2 * capacity);
    this.#pixels = new Float32Array(buffer, first, capacity * size);
    this.#bytes = new Uint8Array(buffer, end, size);
  }

  /** Bytes held. */
  get byteLength(): number {
    return this.#memory.buffer.byteLength;
  }

  /** The pixels of the first `images` images. */
  pixels(images: number): Float32Array {
    return images === this.capacity ? this.#pixels : this.#pixels.subarray(0, images * this.#size);
  }

  /** Copies the values of one or more images to position `index`; bytes become byte/255. */
  put(index: number, values: Pixels): void {
    const size = this.#size;
    if (values instanceof Float32Array) {
      this.#pixels.set(values, index * size);
      return;
    }
    for (let at = 0; at < values.length; at += size) {
      this.#bytes.set(values.subarray(at, at + size));
      this.#kernel.levels(this.#bytes.byteOffset, this.#pixels.byteOffset + 4 * (index * size + at), size);
    }
  }

  /**
   * Computes the norms of the first `images` images.
   *
   * @throws InputError naming the first pixel that is not on [0, 1]
   */
  measure(images: number): void {
    if (this.#kernel.norms(this.#pixels.byteOffset, images, this.#size, 0) === 0) return;
    // The kernel's integer comparison takes −0 for a negative number; here it counts as 0.
    const i = this.pixels(images).findIndex((value) => !(value >= 0 && value <= 1));
    if (i < 0) return;
    const [image, index] = [Math.floor(i / this.#size), i % this.#size];
    const value = this.#pixels[i];
    throw new InputError(`pixel ${index} of image ${image} is ${value}, expected a number on [0, 1]`, {
      image,
      index,
      value,
    });
  }

  /** An upper bound of ‖x‖₁ of image i, after `measure`: n float32 additions of terms ≥ 0, γ_n ≤ n·2⁻²³. */
  l1(i: number): number {
    return up(this.#sums[2 * i]! * (1 + (this.#size + 8) * 2 ** -23));
  }

  /** An upper bound of ‖x‖₂ of image i, after `measure`: as l1, with one more rounding for each square. */
  l2(i: number): number {
    return sqrtUp(this.#sums[2 * i + 1]! * (1 + (this.#size + 8) * 2 ** -23)) + HIDDEN;
  }
}

/**
 * The workspaces of one model: as many as there may be calls under way at once; the other calls wait for their turn.
 */
export class WorkspacePool {
  readonly #size: number;
  readonly #free: Workspace[] = [];
  readonly #waiting: (() => void)[] = [];
  #live = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** At most this many calls hold pixels; ONNX Runtime runs one at a time anyway. */
  static readonly LIMIT = 4;
  /** A workspace larger than this is not kept. */
  static readonly KEPT_BYTES = 2 ** 27;

  /** A free workspace for `images` images, or null if one must be waited for. */
  take(images: number): Workspace | null {
    const i = this.#free.findIndex(({ capacity }) => capacity === images);
    if (i >= 0) return this.#free.splice(i, 1)[0]!;
    if (this.#live === WorkspacePool.LIMIT) {
      if (this.#free.pop() === undefined) return null;
      this.#live--;
    }
    const workspace = new Workspace(images, this.#size);
    this.#live++;
    return workspace;
  }

  /** Resolves when it is worth asking again, in the order of the calls. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Ends a call, which is one that got no workspace if it is null: the next one may ask in either case. */
  give(workspace: Workspace | null): void {
    if (workspace !== null) {
      if (workspace.byteLength <= WorkspacePool.KEPT_BYTES) this.#free.push(workspace);
      else this.#live--;
    }
    this.#waiting.shift()?.();
  }
}
