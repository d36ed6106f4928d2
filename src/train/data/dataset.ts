/** What a data set with several domains is, to the trainer and to every command. */
import { createHash } from 'node:crypto';

/** Images of one domain and one split, as bytes; a model sees them as pixel/255. */
export interface ImageSet {
  /** The domain's name, for example `train-10`. */
  readonly name: string;
  /** H, W, C. */
  readonly shape: readonly [height: number, width: number, channels: number];
  /** How many images. */
  readonly size: number;
  /** size·H·W·C bytes, channels interleaved. */
  readonly pixels: Uint8Array;
  /** Index into the data set's `classes`, one per image. */
  readonly labels: Uint8Array;
  /** The spurious attribute, one per image (for Coloured MNIST the colour: 0 red, 1 green). */
  readonly attribute: Uint8Array;
  /** Index of the image it was made from, within the source: what no two sets of a data set share. */
  readonly source: Uint32Array;
}

/** A classification task whose spurious correlation changes from domain to domain. */
export interface DomainDataset {
  readonly name: string;
  readonly title: string;
  readonly classes: readonly string[];
  readonly shape: readonly [height: number, width: number, channels: number];
  /** One set per training domain. */
  readonly train: readonly ImageSet[];
  /** The same domains, on images held out from training. */
  readonly validation: readonly ImageSet[];
  /** The domain never trained on. */
  readonly test: ImageSet;
  /** Of the pixels, labels and attributes of train, validation and test, in this order; hexadecimal. */
  readonly sha256: string;
  readonly licence: string;
  /** Where the images come from, for the model card. */
  readonly source: string;
}

/** SHA-256 over pixels, labels and attributes of the sets, in the order given; hexadecimal. */
export function hashImageSets(sets: readonly ImageSet[]): string {
  const hash = createHash('sha256');
  for (const set of sets) hash.update(set.pixels).update(set.labels).update(set.attribute);
  return hash.digest('hex');
}
