/** The methods of `glean certify`: what each one certifies about a model file, and how. */

import { Certifier, readModelFile } from '../certify-runtime/node.ts';
import { SMOOTHING_DEFAULTS } from '../certify-runtime/smoothing/certify.ts';
import { InputError } from '../certify-runtime/trusted/errors.ts';
import { readForeignOnnx } from '../export/foreign/onnx/read.ts';
import { readPlainNotes } from '../export/seal/plain-model.ts';
import type { ImageSet } from '../train/data/dataset.ts';
import { type Certified, certifyImages, certifySampled, type SmoothingSettings } from './certified-accuracy.ts';
import type { Method } from './methods.ts';
import { certifyInputs } from './sampling/certify-inputs.ts';
import { EncoderWithHead } from './sampling/certify-latents.ts';
import { NoisyNetwork } from './sampling/noisy-network.ts';

export interface MethodOptions {
  readonly method: Method;
  /** An ONNX file with a head on the latent, in place of the model's own; for 'smoothing'. */
  readonly head?: string | undefined;
  /** By default the model's own. */
  readonly sigma?: number | undefined;
  readonly n: number;
  readonly n0: number;
  readonly alpha: number;
  readonly seed: number;
}

/** A model opened for one method. */
export interface Subject {
  /** For the answer's `settings`. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** One line on what the certificate is about; undefined for certain statements about the model's own answers. */
  readonly note?: string;
  certify(
    set: ImageSet,
    options: { readonly limit?: number; readonly onProgress: (done: number, total: number) => void },
  ): Promise<readonly Certified[]>;
  dispose(): Promise<void>;
}

/** @throws InputError if options do not go together, or no σ is known; also what reading and proving the file throw */
export async function openSubject(path: string, options: MethodOptions): Promise<Subject> {
  const { method, head, sigma, n, n0, alpha, seed } = options;
  if (head !== undefined && method !== 'smoothing') {
    throw new InputError(`--head is for --method smoothing, got --method ${method}`, { method });
  }
  const settings = (ofModel: number | null | undefined): SmoothingSettings => {
    const value = sigma ?? ofModel;
    if (value === undefined || value === null) {
      throw new InputError(`${path}: does not say what σ it was trained with; say it with --sigma`, { path });
    }
    return { sigma: value, n, n0, alpha, seed };
  };
  if (method === 'input-smoothing') return openNoisy(path, settings);
  if (head !== undefined) return openWithHead(path, head, settings);

  const certifier = await Certifier.load(path);
  const dispose = () => certifier.dispose();
  if (method === 'margin') {
    return { settings: {}, certify: (set, more) => certifyImages(certifier, set, more), dispose };
  }
  const smoothing = settings(certifier.certificate.sigma ?? SMOOTHING_DEFAULTS.sigma);
  return {
    settings: { ...smoothing },
    note: noteOf('the smoothed head (noise on z)', smoothing),
    certify: (set, more) => certifyImages(certifier, set, { ...more, smoothing }),
    dispose,
  };
}

function noteOf(subject: string, { sigma, n, n0, alpha }: SmoothingSettings): string {
  return `of ${subject}, each with probability ${1 - alpha}: σ = ${sigma}, n = ${n}, n0 = ${n0}`;
}

type Settings = (ofModel: number | null | undefined) => SmoothingSettings;

/** Smoothing by noise on the image, for any classifier; the file's own radius is not used. */
async function openNoisy(path: string, settings: Settings): Promise<Subject> {
  const model = readForeignOnnx(await readModelFile(path));
  const smoothing = settings(readPlainNotes(model)?.sigma);
  const network = await NoisyNetwork.load(model);
  const sampled = {
    shape: network.shape,
    certify: (images: Float32Array, more: Parameters<typeof certifyInputs>[2]) => certifyInputs(network, images, more),
  };
  return {
    settings: { ...smoothing },
    note: noteOf('the smoothed classifier (noise on the image)', smoothing),
    certify: (set, more) => certifySampled(sampled, set, { ...more, smoothing }),
    dispose: () => network.dispose(),
  };
}

async function openWithHead(path: string, head: string, settings: Settings): Promise<Subject> {
  const network = await NoisyNetwork.load(readForeignOnnx(await readModelFile(head)));
  const model = await EncoderWithHead.load(await readModelFile(path), network);
  const smoothing = settings(model.sigma);
  return {
    settings: { ...smoothing, head },
    note: noteOf(`the smoothed head ${head} (noise on z)`, smoothing),
    certify: (set, more) => certifySampled(model, set, { ...more, smoothing }),
    dispose: async () => {
      await model.dispose();
      await network.dispose();
    },
  };
}
