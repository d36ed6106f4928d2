/** What a data set with several domains is, to the trainer and to every command. */
import { createHash } from 'node:crypto';

/** An index into `classes` for each image: two bytes if there are more than 256 classes. */
export type Labels = Uint8Array | Uint16Array;

type Shape = readonly [height: number, width: number, channels: number];

/** Images of one domain and one split, as bytes; a model sees them as pixel/255. */
export interface ImageSet {
  /** The domain's name, for example `train-10`. */
  readonly name: string;
  /** H, W, C. */
  readonly shape: Shape;
  /** How many images. */
  readonly size: number;
  /** Index into the data set's `classes`, one per image. */
  readonly labels: Labels;
  /** The spurious attribute, one per image (for Coloured MNIST the colour: 0 red, 1 green). */
  readonly attribute: Uint8Array;
  /** Index of the original image within the source; no two sets of a data set share one. */
  readonly source: Uint32Array;
  /**
   * The images at these indices, in their order: indices.length·H·W·C bytes, channels interleaved. They come from
   * memory or from positional reads of a prepared file; the caller owns the array.
   */
  read(indices: ArrayLike<number>): Uint8Array;
}

/** A classification task whose spurious correlation changes from domain to domain. */
export interface DomainDataset {
  readonly name: string;
  readonly title: string;
  readonly classes: readonly string[];
  readonly shape: Shape;
  /** One set per training domain. */
  readonly train: readonly ImageSet[];
  /** The same domains, on images held out from training. */
  readonly validation: readonly ImageSet[];
  /** The domain never trained on. */
  readonly test: ImageSet;
  /** SHA-256 of the pixels, labels and attributes of train, validation and test, in this order; hexadecimal. */
  readonly sha256: string;
  readonly licence: string;
  /** Where the images come from, for the model card. */
  readonly source: string;
  /** What `attribute` means, if its values go with labels (`colour`); absent if it only numbers the domains. */
  readonly cue?: string;
  /** How many images of the source were left out, by reason. */
  readonly skipped?: Readonly<Record<string, number>>;
}

/** A set whose images are in memory: `pixels` holds one after the other, size·H·W·C bytes. */
export function memoryImages(fields: Omit<ImageSet, 'size' | 'read'> & { readonly pixels: Uint8Array }): ImageSet {
  const { pixels, ...rest } = fields;
  const size = rest.labels.length;
  const stride = bytesPerImage(rest.shape);
  if (pixels.length !== size * stride)
    throw new RangeError(`${pixels.length} bytes are not ${size} images of ${stride}`);
  return {
    ...rest,
    size,
    read: (indices) => {
      const bytes = new Uint8Array(indices.length * stride);
      for (let n = 0; n < indices.length; n++) {
        const index = checkIndex(indices[n]!, size);
        bytes.set(pixels.subarray(index * stride, (index + 1) * stride), n * stride);
      }
      return bytes;
    },
  };
}

/** The images at these indices as a set of their own, backed by the same bytes. */
export function selectImages(set: ImageSet, indices: ArrayLike<number>): ImageSet {
  const chosen = Uint32Array.from(indices, (index) => checkIndex(index, set.size));
  return {
    name: set.name,
    shape: set.shape,
    size: chosen.length,
    labels: gather(set.labels, chosen),
    attribute: gather(set.attribute, chosen),
    source: gather(set.source, chosen),
    read: (of) => set.read(Uint32Array.from(of, (i) => chosen[checkIndex(i, chosen.length)]!)),
  };
}

function gather<T extends Labels | Uint32Array>(values: T, indices: Uint32Array): T {
  const chosen = new (values.constructor as new (size: number) => T)(indices.length);
  indices.forEach((index, i) => {
    chosen[i] = values[index]!;
  });
  return chosen;
}

/** Images begin … end−1 of a set. */
export function readRange(set: Pick<ImageSet, 'read'>, begin: number, end: number): Uint8Array {
  return set.read(Uint32Array.from({ length: end - begin }, (_, i) => begin + i));
}

/** All images of a set: only for sets that are known to fit in memory. */
export function readAll(set: ImageSet): Uint8Array {
  return readRange(set, 0, set.size);
}

/** Bytes of one image: H·W·C. */
export function bytesPerImage([height, width, channels]: Shape): number {
  return height * width * channels;
}

/** @throws RangeError if `index` is not one of 0 … size−1: a typed array would give another image's bytes, or none */
export function checkIndex(index: number, size: number): number {
  if (!(Number.isInteger(index) && index >= 0 && index < size)) throw new RangeError(`no image ${index} in ${size}`);
  return index;
}

/** Share of the images, or of those at `indices`, whose attribute equals the label; 0 of none. */
export function cueAgreement(
  { attribute, labels, size }: ImageSet,
  indices: ArrayLike<number> = Uint32Array.from({ length: size }, (_, i) => i),
): number {
  let count = 0;
  for (let i = 0; i < indices.length; i++) if (attribute[indices[i]!] === labels[indices[i]!]) count++;
  return count / Math.max(1, indices.length);
}

/** About how many bytes of images are in memory while a set is hashed. */
const HASHED_AT_ONCE = 16 << 20;

/** SHA-256 over pixels, labels and attributes of the sets, in the order given; hexadecimal. */
export function hashImageSets(sets: readonly ImageSet[]): string {
  const hash = createHash('sha256');
  for (const set of sets) {
    const count = Math.max(1, Math.floor(HASHED_AT_ONCE / bytesPerImage(set.shape)));
    for (let begin = 0; begin < set.size; begin += count) {
      hash.update(readRange(set, begin, Math.min(begin + count, set.size)));
    }
    hash.update(set.labels).update(set.attribute);
  }
  return hash.digest('hex');
}
