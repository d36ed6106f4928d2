/**
 * Turns another program's ONNX file into a sealed one with any build of ONNX Runtime: prepares, proves, seals and verifies it, and compares it with
 * the original.
 */
import type { SecondOpinion } from '../../certify-runtime/run/loaded-model.ts';
import { CertificateError, InputError } from '../../certify-runtime/trusted/errors.ts';
import { parseCertificate } from '../../certify-runtime/trusted/file/certificate.ts';
import { CERTIFICATE_KEY, type Certificate } from '../../certify-runtime/trusted/file/claims.ts';
import { sha256 } from '../../certify-runtime/trusted/file/digest.ts';
import { TENSORS } from '../../certify-runtime/trusted/file/names.ts';
import { fromBase64 } from '../../certify-runtime/trusted/file/text.ts';
import { vectorPixels } from '../../certify-runtime/trusted/file/vectors.ts';
import type { VerifiedModel } from '../../certify-runtime/trusted/verify.ts';
import type { ImageShape } from '../foreign/input-layer.ts';
import type { ReadExternal } from '../foreign/onnx/external.ts';
import { type RawModel, readRaw } from '../foreign/onnx/raw.ts';
import { compareWithOriginal } from '../foreign/original.ts';
import { type PreparedNetwork, type PrepareOptions, prepareNetwork } from '../foreign/prepare.ts';
import { readOriginal } from '../foreign/read-original.ts';
import { type SealWithOptions, sealWith } from './seal-with.ts';
import { comparisonImages, testPatterns } from './test-patterns.ts';

export interface SealOriginalWithOptions
  extends PrepareOptions,
    Pick<SealWithOptions, 'run' | 'producerVersion' | 'measure' | 'onNode' | 'precision'> {
  /** The file's name, for the certificate. */
  readonly source: string;
  /** The default is those of a sealed file, otherwise 0, 1, 2, … */
  readonly classes?: readonly string[];
  /** The default is that of a sealed file, otherwise none. */
  readonly sigma?: number | null;
  /**
   * Images for the known vectors, whose shape is known only now. The default is those of a sealed file, otherwise test
   * patterns.
   */
  readonly images?: (shape: ImageShape) => Promise<readonly Uint8Array[]>;
  /** Reads weights that the model stores in files beside it (`readFromFolder` of its folder). */
  readonly readExternal?: ReadExternal;
}

export interface SealedOriginal {
  readonly bytes: Uint8Array;
  readonly verified: VerifiedModel;
  /** What was measured of the sealed file; null if nobody asked. */
  readonly opinion: SecondOpinion | null;
  readonly prepared: PreparedNetwork;
  /** The largest difference from the original's answers over the known vectors. */
  readonly deviation: number;
}

/** The random images, besides the known vectors, on which a network is compared with its original. */
const COMPARED = 4;

/** The options that a sealed file does not need. */
const SEALED_FORM = { layout: 'NHWC', logits: TENSORS.logits } as const;

/** The certificate of a file that was sealed before. */
function earlierCertificate(model: RawModel): Certificate | null {
  const text = model.metadata.get(CERTIFICATE_KEY);
  if (text === undefined) return null;
  try {
    return parseCertificate(text);
  } catch (error) {
    if (error instanceof CertificateError) return null;
    throw error;
  }
}

/** The images of its known vectors, if the network takes images of the same shape. */
function earlierImages(earlier: Certificate | null, shape: ImageShape): readonly Uint8Array[] | null {
  if (earlier === null || `${earlier.input.shape}` !== `${shape}`) return null;
  const images = earlier.vectors.map(({ image }) => fromBase64(image));
  return images.every((image) => image !== null) ? images : null;
}

/**
 * A file that an earlier version sealed is sealed anew: what it says about its training, its classes and its known
 * vectors' images are kept, and everything else is proven and measured again.
 *
 * @throws OnnxFormatError if the file cannot be read; what prepareNetwork, seal and compareWithOriginal throw
 */
export async function sealOriginalWith(bytes: Uint8Array, options: SealOriginalWithOptions): Promise<SealedOriginal> {
  const raw = readRaw(bytes);
  const earlier = earlierCertificate(raw);
  const model = await readOriginal(raw, earlier === null ? options : { ...SEALED_FORM, ...options });
  const prepared = await prepareNetwork(model, earlier === null ? options : { ...SEALED_FORM, ...options });
  const { classes: count, input } = prepared;
  const classes = options.classes ?? earlier?.classes ?? Array.from({ length: count }, (_, i) => `${i}`);
  if (count > 0 && classes.length !== count) {
    throw new InputError(`${classes.length} classes are named, the network has ${count}`, { classes, expected: count });
  }
  const vectors =
    (await options.images?.(input.shape)) ?? earlierImages(earlier, input.shape) ?? testPatterns(input.shape);
  const {
    bytes: sealed,
    verified,
    opinion,
  } = await sealWith(prepared.model, {
    classes,
    sigma: options.sigma === undefined ? (earlier?.sigma ?? null) : options.sigma,
    vectors,
    training: earlier?.training ?? {
      source: options.source,
      sha256: await sha256(new Uint8Array(bytes)),
    },
    producerVersion: options.producerVersion,
    run: options.run,
    precision: options.precision ?? earlier?.precision ?? 'float32',
    ...(model.source === undefined ? {} : { originals: model.source.doubles }),
    ...(options.measure === undefined ? {} : { measure: options.measure }),
    ...(options.onNode === undefined ? {} : { onNode: options.onNode }),
  });
  const known = verified.certificate.vectors;
  const drawn = comparisonImages(input.shape, COMPARED);
  const pixels = Float32Array.from(drawn.flatMap((image) => [...image]));
  const answers = await options.run(sealed, pixels, input.shape);
  const images = [...known.map((vector) => vectorPixels(vector, input.shape)), ...drawn];
  const logits = [...known.map((vector) => vector.logits), ...answers.map((answer) => [...answer.logits])];
  const deviation = await compareWithOriginal(bytes, prepared, images, logits);
  return { bytes: sealed, verified, opinion, prepared, deviation };
}
