/** The certifier on onnxruntime-web's WASM. */

import * as ort from 'onnxruntime-web/wasm';
import { CertifierBase } from './run/certifier.ts';
import type { PixelImage } from './run/images.ts';
import { type LoadOptions, loadModel } from './run/load.ts';
import { type OnnxRuntime, type ProviderTable, providersNamed, type Session } from './run/providers.ts';
import { InputError } from './trusted/errors.ts';

export * from './index.ts';
export type { CertificateSummary, Prediction, SmoothedPrediction, SmoothOptions } from './run/certifier.ts';
export type { LoadOptions } from './run/load.ts';

/** Pixels (such as ImageData), or anything that a canvas can draw. */
export type WebImage = PixelImage | ImageBitmap | HTMLCanvasElement | OffscreenCanvas;

/** The source of a file: its address, a response, or its bytes. */
export type WebSource = string | URL | Response | Blob | Uint8Array;

export type WebProvider = keyof typeof PROVIDERS | (string & {});

const PROVIDERS = { wasm: { certified: true, float64: true } } satisfies ProviderTable;

export interface WebLoadOptions extends LoadOptions<WebProvider> {
  /** Another build of onnxruntime-web, for providers that the plain WASM build lacks; its own `env` is left as it is. */
  readonly runtime?: unknown;
}

/** onnxruntime-web runs one call at a time, so each call waits for its turn. */
function oneByOne(runtime: OnnxRuntime): OnnxRuntime {
  return {
    Tensor: runtime.Tensor,
    InferenceSession: {
      async create(bytes, options) {
        const session = await runtime.InferenceSession.create(bytes, options);
        let last: Promise<unknown> = Promise.resolve();
        const serial: Session = {
          run(feeds, fetches) {
            const next = last.then(() => session.run(feeds, fetches));
            last = next.catch(() => undefined);
            return next;
          },
          release: () => session.release(),
        };
        return serial;
      },
    },
  };
}

/**
 * Predicts label and certified radius with a sealed model, in the browser.
 *
 * @example
 * ```ts
 * import { Certifier } from 'glean-certify/web';
 *
 * const certifier = await Certifier.load('model.onnx');
 * const context = document.querySelector('canvas')!.getContext('2d')!;
 * const { className, radius } = await certifier.predict(context.getImageData(0, 0, 28, 28));
 * ```
 */
export class Certifier<R extends number | null = number> extends CertifierBase<R, Exclude<WebImage, PixelImage>> {
  /**
   * Loads a sealed model: it proves what the model claims, checks the provider's arithmetic and runs the known vectors.
   * If `publicKey` is given and the source is an address, the signature is that of `options`, or the one at
   * `SOURCE.sig`. Unlike in Node, there is no second opinion here, because loading it would take half as much again as
   * loading the proof.
   *
   * @throws InputError if the file cannot be fetched; SignatureError, OnnxFormatError, UnprovableError,
   *   CertificateError or ProviderError if it is refused
   */
  static load(source: WebSource, options: WebLoadOptions & { readonly uncertified: true }): Promise<Certifier<null>>;
  static load(source: WebSource, options?: WebLoadOptions): Promise<Certifier>;
  static async load(source: WebSource, options: WebLoadOptions = {}): Promise<Certifier<number | null>> {
    // A thread starts with the script that ONNX Runtime is in: in a bundle the whole application, and `load` never ends.
    ort.env.wasm.numThreads ??= 1;
    const bytes = await bytesOf(source);
    const signature =
      options.signature ??
      (options.publicKey !== undefined && (typeof source === 'string' || source instanceof URL)
        ? await signatureAt(`${source}.sig`)
        : undefined);
    const model = await loadModel(
      oneByOne((options.runtime ?? ort) as OnnxRuntime),
      bytes,
      providersNamed(PROVIDERS, options.providers ?? 'wasm'),
      signature === undefined ? options : { ...options, signature },
    );
    return new Certifier(model);
  }

  protected override decode(image: Exclude<WebImage, PixelImage>): PixelImage {
    const drawable =
      (typeof ImageBitmap !== 'undefined' && image instanceof ImageBitmap) ||
      (typeof OffscreenCanvas !== 'undefined' && image instanceof OffscreenCanvas) ||
      (typeof HTMLCanvasElement !== 'undefined' && image instanceof HTMLCanvasElement);
    if (!drawable) return super.decode(image) as PixelImage;
    const { width, height } = image;
    const context = new OffscreenCanvas(width, height).getContext('2d')!;
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, width, height);
  }
}

async function bytesOf(source: WebSource): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  const response = source instanceof Response ? source : await fetch(source);
  if (!response.ok) {
    throw new InputError(`${response.url}: answered ${response.status}; expected a sealed ONNX model`, {
      status: response.status,
    });
  }
  return new Uint8Array(await response.arrayBuffer());
}

/** The text at this address; undefined if there is none. */
async function signatureAt(url: string): Promise<string | undefined> {
  const response = await fetch(url);
  if (response.status === 404) return undefined;
  if (!response.ok) throw new InputError(`${url}: answered ${response.status}; expected a signature`);
  return response.text();
}
