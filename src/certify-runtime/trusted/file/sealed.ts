/** Reads a sealed file: its digests, form, claims and last layer. It proves nothing: verify.ts does that. */

import { readLinearHead } from '../head.ts';
import { MAX_CLASSES, marginTerms } from '../margin.ts';
import { encodeInfo } from '../onnx/codec.ts';
import type { Graph, ValueInfo } from '../onnx/model.ts';
import { readOnnx } from '../onnx/read.ts';
import { encode, firstDifference } from '../onnx/wire.ts';
import { check, parseCertificate } from './certificate.ts';
import type { CertifiedModel } from './certified-model.ts';
import { CERTIFICATE_KEY, certificateConstants } from './claims.ts';
import { fileDigest, weightsDigest } from './digest.ts';
import { outputInfos, TENSORS } from './names.ts';
import { precisionOf } from './precision.ts';
import { vectorPixels } from './vectors.ts';

/** A file of the sealed form, unchanged since it was sealed. Its claims hold only if they are proven or signed. */
export interface SealedModel extends Omit<CertifiedModel, 'operators'> {
  readonly graph: Graph;
}

/** A sealed file has one version of the format: the proof's rules and the head belong to this operator set. */
const SEALED = { opset: 18, irVersion: 8 } as const;

/** The most nodes a file may have. The largest networks have fewer, and the proof walks this many within a second. */
const MAX_NODES = 10_000;

const sameInfos = (found: readonly ValueInfo[], expected: readonly ValueInfo[]) =>
  firstDifference(encode({ 1: found.map(encodeInfo) }), encode({ 1: expected.map(encodeInfo) })) < 0;

/**
 * Reads a sealed file and checks what needs no proof.
 *
 * @throws OnnxFormatError if the bytes are not such an ONNX file, UnprovableError if its last layer is not linear,
 *   CertificateError if the certificate is absent or malformed, or the file is not the one that was sealed
 */
export async function readSealed(bytes: Uint8Array): Promise<SealedModel> {
  const model = readOnnx(bytes);
  const { graph, metadata, opset, irVersion } = model;
  const text = metadata.get(CERTIFICATE_KEY);
  check(
    text !== undefined,
    `the file has no metadata '${CERTIFICATE_KEY}'; 'glean seal' adds one to a model it can prove`,
  );
  check(metadata.size === 1, 'the file has other metadata than its certificate', { keys: [...metadata.keys()] });
  check(
    opset === SEALED.opset && irVersion === SEALED.irVersion,
    `the file has opset ${opset} and IR version ${irVersion}, expected ${SEALED.opset} and ${SEALED.irVersion}`,
  );
  const certificate = parseCertificate(text);
  const { fileSha256, weightsSha256, classes, vectors } = certificate;
  const digest = await fileDigest(bytes, text, fileSha256);
  check(digest === fileSha256, `the file has been changed: its SHA-256 is ${digest}, sealed as ${fileSha256}`, {
    found: digest,
    expected: fileSha256,
  });
  const weights = await weightsDigest(graph);
  check(weights === weightsSha256, `the weights' SHA-256 is ${weights}, claimed is ${weightsSha256}`);

  const { shape } = certificate.input;
  const image: ValueInfo = { name: TENSORS.image, type: 'float32', dims: ['N', ...shape] };
  check(sameInfos(graph.inputs, [image]), 'the graph does not take image: float32 [N, H, W, C] of the claimed shape', {
    found: graph.inputs,
    expected: [image],
  });
  check(graph.nodes.length <= MAX_NODES, `${graph.nodes.length} nodes, more than ${MAX_NODES}`);
  check(classes.length <= MAX_CLASSES, `more than ${MAX_CLASSES} classes`);
  // This keeps the image no larger than the file, whatever its shape says.
  const images = vectors.map((vector) => vectorPixels(vector, shape));
  const head = readLinearHead(graph);
  check(head.classes === classes.length, `the head has ${head.classes} classes, ${classes.length} are named`);
  const outputs = outputInfos(head.classes, head.latentSize);
  check(sameInfos(graph.outputs, outputs), 'the graph does not give label, radius, logits and latent, in this order', {
    found: graph.outputs,
    expected: outputs,
  });
  const { precision = 'float32' } = certificate;
  const found = precisionOf(graph);
  check(found === precision, `the network is of ${found}, the certificate says ${precision}`, { found, precision });
  const terms = marginTerms(certificateConstants(certificate), head);
  return { graph, certificate, head, images, precision, terms };
}
