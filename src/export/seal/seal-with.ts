/** Sealing with any build of ONNX Runtime: it proves a network's constants, appends the certificate head, and writes the certificate into the file. */

import type { ModelAnswer } from '../../certify-runtime/run/known-vectors.ts';
import type { SecondOpinion } from '../../certify-runtime/run/loaded-model.ts';
import type { Precision } from '../../certify-runtime/trusted/bounds/precision.ts';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import {
  CERTIFICATE_FORMAT,
  CERTIFICATE_KEY,
  type Certificate,
  type KnownVector,
  PROVER,
} from '../../certify-runtime/trusted/file/claims.ts';
import { EMPTY_DIGEST, weightsDigest } from '../../certify-runtime/trusted/file/digest.ts';
import { outputInfos, TENSORS } from '../../certify-runtime/trusted/file/names.ts';
import { vectorPixels } from '../../certify-runtime/trusted/file/vectors.ts';
import { headGraph } from '../../certify-runtime/trusted/head-graph.ts';
import { marginTerms } from '../../certify-runtime/trusted/margin.ts';
import { encodeMetadata } from '../../certify-runtime/trusted/onnx/codec.ts';
import type { Graph, OnnxModel } from '../../certify-runtime/trusted/onnx/model.ts';
import { rulesFor } from '../../certify-runtime/trusted/rules/table.ts';
import { proveConstants, type VerifiedModel, verifyModel } from '../../certify-runtime/trusted/verify.ts';
import { claimedConstants, claimedLayers } from './claims.ts';
import { fillFileDigest } from './digest.ts';
import { inFloat64 } from './float64.ts';
import { networkGraph } from './network-graph.ts';
import { encodeExactly } from './onnx-writer.ts';
import { type OnNode, watched } from './watched-rules.ts';

/** The operator set that the head is written in; its reductions take their axes as an input. */
const OPSET = 18;
const IR_VERSION = 8;

export interface SealWithOptions {
  readonly classes: readonly string[];
  /** σ of the noise on z in training, null if there was none. */
  readonly sigma: number | null;
  /** Images as bytes H·W·C, which are stored with their answers. */
  readonly vectors: readonly Uint8Array[];
  readonly training: Readonly<Record<string, unknown>>;
  readonly producerVersion: string;
  /** What the sealed network computes in; float32 by default. */
  readonly precision?: Precision;
  /** For a float64 network, the float64 constants from which float32 ones of the model were rounded, by name. */
  readonly originals?: ReadonlyMap<string, Float64Array>;
  /** The name of the output that contains the logits, if it is not obvious. */
  readonly logits?: string;
  /** Runs a model file on images [n, H, W, C] on [0, 1] with the program that will deploy it. */
  readonly run: (bytes: Uint8Array, images: Float32Array, shape: readonly number[]) => Promise<readonly ModelAnswer[]>;
  /** Gives the second opinion; without it what was proven is not compared with what can be measured. */
  readonly measure?: (bytes: Uint8Array, model: VerifiedModel) => Promise<SecondOpinion>;
  /** Is told about each node as soon as it is proven, or as soon as it is refused. */
  readonly onNode?: OnNode;
}

function base64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}

/**
 * The sealed file of a network, and the result of its verification: it is read back, proven, and measured before it is
 * returned.
 *
 * @throws UnprovableError if the network has an operator or form without a rule; ContradictionError if what is measured
 *   is above what was proven
 */
export async function sealWith(
  model: OnnxModel,
  options: SealWithOptions,
): Promise<{
  readonly bytes: Uint8Array;
  readonly verified: VerifiedModel;
  readonly opinion: SecondOpinion | null;
}> {
  if (model.opset !== OPSET) {
    throw new InputError(
      `the model has opset ${model.opset}, expected ${OPSET}; prepareNetwork (glean seal) brings others to it`,
    );
  }
  const plain = networkGraph(model, options.logits === undefined ? {} : { logits: options.logits });
  const { precision = 'float32' } = options;
  const network = precision === 'float64' ? inFloat64(plain, options.originals) : plain;
  const { shape } = network;
  const image = { name: TENSORS.image, type: 'float32', dims: ['N', ...shape] } as const;
  const bare: Graph = {
    name: 'glean',
    nodes: network.nodes,
    initializers: network.initializers,
    inputs: [image],
    outputs: [],
  };
  const { encoder, head, constants: proven } = proveConstants(bare, watched(await rulesFor(bare), options.onNode));
  if (head.classes !== options.classes.length) {
    throw new InputError(`the head has ${head.classes} classes, but ${options.classes.length} are named`, {
      found: options.classes.length,
      expected: head.classes,
    });
  }
  const inputs = shape.reduce((product, size) => product * size, 1);
  const constants = claimedConstants(proven, inputs);
  const appended = headGraph(marginTerms(constants, head), inputs);
  const graph: Graph = {
    ...bare,
    nodes: [...network.nodes, ...appended.nodes],
    initializers: new Map([
      ...network.initializers,
      ...appended.initializers.map((tensor) => [tensor.name, tensor] as const),
    ]),
    outputs: outputInfos(head.classes, head.latentSize),
  };
  const { lipschitz, ...slack } = constants;
  const certificate: Certificate = {
    format: CERTIFICATE_FORMAT,
    prover: PROVER,
    precision,
    norm: 'l2',
    input: { shape, range: [0, 1], layout: 'NHWC' },
    classes: options.classes,
    sigma: options.sigma,
    lipschitz: { upper: lipschitz, layers: claimedLayers(encoder.layers) },
    [precision]: slack,
    weightsSha256: await weightsDigest(graph),
    fileSha256: EMPTY_DIGEST,
    vectors: [],
    training: options.training,
  };
  // The graph is encoded once: apart from the certificate at its end, the file that is run is the one that is sealed.
  const unsealed = encodeExactly({
    irVersion: IR_VERSION,
    opset: OPSET,
    producerName: 'glean',
    producerVersion: options.producerVersion,
    graph,
    metadata: new Map(),
  });

  const pixels = new Float32Array(options.vectors.length * inputs);
  options.vectors.forEach((bytes, i) => {
    pixels.set(vectorPixels({ image: base64(bytes) }, shape), i * inputs);
  });
  const answers = await options.run(unsealed, pixels, shape);
  const vectors = options.vectors.map((bytes, i): KnownVector => {
    const { label, radius, logits } = answers[i]!;
    if (!logits.every(Number.isFinite)) {
      throw new InputError(
        `known vector ${i}: the network's ${precision} logits are [${[...logits].slice(0, 4).join(', ')}${logits.length > 4 ? ', …' : ''}]; its values overflow on this image, so nothing can be certified there. Give other images (--vectors), or scale its weights`,
        { vector: i, logits: [...logits] },
      );
    }
    return { image: base64(bytes), logits: [...logits], label, radius };
  });
  const text = JSON.stringify({ ...certificate, vectors });
  const metadata = encodeMetadata(new Map([[CERTIFICATE_KEY, text]]));
  const bytes = await fillFileDigest(joined(unsealed, metadata), text);
  const verified = await verifyModel(bytes);
  return { bytes, verified, opinion: (await options.measure?.(bytes, verified)) ?? null };
}
