/**
 * Verification: everything a sealed file claims, proven anew from its bytes. Nothing the file says is believed; a claim
 * may only be weaker than what is proven here.
 */

import { CERTIFICATE_KEY, type Certificate, certificateConstants, parseCertificate } from './certificate.ts';
import { fileDigest, weightsDigest } from './digest.ts';
import { CertificateError } from './errors.ts';
import { HEAD_PREFIX, headGraph, outputInfos, TENSORS } from './head-graph.ts';
import {
  floorToFloat32,
  imageNorms,
  type MarginConstants,
  type MarginTerms,
  marginCertificate,
  marginConstants,
  marginTerms,
} from './margin.ts';
import type { Graph, OnnxModel, OnnxNode, Tensor, ValueInfo } from './onnx/model.ts';
import { readOnnx } from './onnx/read.ts';
import type { AffineBound, EncoderBound, LinearHead } from './proof/bound.ts';
import { boundEncoder } from './proof/encoder.ts';
import { readLinearHead } from './proof/head.ts';
import { vectorPixels } from './vectors.ts';

/** A model whose certificate holds. */
export interface VerifiedModel {
  readonly certificate: Certificate;
  /** What the file claims, proven to hold; the radius is computed from these. */
  readonly terms: MarginTerms;
  readonly head: LinearHead;
  /** What the proof found; never above the claims. */
  readonly proven: EncoderBound;
}

function require(condition: boolean, problem: string, details: Record<string, unknown> = {}): asserts condition {
  if (!condition) throw new CertificateError(`certificate: ${problem}`, details);
}

function sameArray<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}

function sameInfos(found: readonly ValueInfo[], expected: readonly ValueInfo[]): boolean {
  return (
    found.length === expected.length &&
    found.every((info, i) => {
      const other = expected[i]!;
      return info.name === other.name && info.type === other.type && sameArray(info.dims, other.dims);
    })
  );
}

function sameNode(a: OnnxNode, b: OnnxNode): boolean {
  return (
    a.op === b.op &&
    a.name === b.name &&
    sameArray(a.inputs, b.inputs) &&
    sameArray(a.outputs, b.outputs) &&
    a.attributes.size === b.attributes.size &&
    [...a.attributes].every(([key, value]) => {
      const other = b.attributes.get(key);
      // The head has integer attributes only.
      return value.kind === 'int' && other?.kind === 'int' && value.value === other.value;
    })
  );
}

function sameTensor(a: Tensor | undefined, b: Tensor): boolean {
  return (
    a !== undefined &&
    a.type === b.type &&
    sameArray(a.dims, b.dims) &&
    a.data.length === b.data.length &&
    Array.prototype.every.call(a.data, (value, i) => Object.is(value, b.data[i]))
  );
}

/** `claimed` holds wherever `proven` does. */
function implied(proven: AffineBound, claimed: AffineBound): boolean {
  return proven.constant <= claimed.constant && proven.l2 <= claimed.l2 && proven.l1 <= claimed.l1;
}

function checkConstants(claimed: MarginConstants, proven: MarginConstants): void {
  const atLeast = (name: string, claim: number, bound: number) =>
    require(bound <= claim, `claims ${name} = ${claim}, but only ${bound} is proven`, {
      name,
      claimed: claim,
      proven: bound,
    });
  atLeast('lipschitz.upper', claimed.lipschitz, proven.lipschitz);
  atLeast('float32.latentErrorSlope', claimed.latentErrorSlope, proven.latentErrorSlope);
  atLeast('float32.logitErrorSlope', claimed.logitErrorSlope, proven.logitErrorSlope);
  require(implied(proven.logitError, claimed.logitError), 'claims a smaller float32.logitError than is proven', {
    claimed: claimed.logitError,
    proven: proven.logitError,
  });
  for (const claim of claimed.latentError) {
    require(proven.latentError.some((bound) =>
      implied(bound, claim),
    ), 'claims a smaller float32.latentError than is proven', { claimed: claim, proven: proven.latentError });
  }
  require(claimed.maxImageNorm <= proven.maxImageNorm, 'claims a larger float32.maxImageNorm than is proven', {
    claimed: claimed.maxImageNorm,
    proven: proven.maxImageNorm,
  });
}

/** The network without the head: whatever is not named with the head's prefix. */
function networkNodes(graph: Graph, headNodes: readonly OnnxNode[]): readonly OnnxNode[] {
  const split = graph.nodes.length - headNodes.length;
  require(split > 0, 'the graph has fewer nodes than the certificate head alone');
  headNodes.forEach((expected, i) => {
    const found = graph.nodes[split + i]!;
    require(sameNode(found, expected), `node '${found.name}' is not the certificate head's '${expected.name}'`, {
      position: split + i,
    });
  });
  return graph.nodes.slice(0, split);
}

/** Every node must lie between `image` and `latent` or `logits`: what is not proven is not run either. */
function checkReached(nodes: readonly OnnxNode[]): void {
  const needed = new Set<string>([TENSORS.latent, TENSORS.logits]);
  for (const node of [...nodes].reverse()) {
    const reached = node.outputs.some((output) => needed.has(output));
    require(reached, `node '${node.name}' (${node.op}) is not between the image and the logits`);
    for (const input of node.inputs) needed.add(input);
  }
}

function checkHead(graph: Graph, terms: MarginTerms, inputs: number): void {
  const { nodes, initializers } = headGraph(terms, inputs);
  const network = networkNodes(graph, nodes);
  for (const node of network) {
    const names = [node.name, ...node.outputs];
    require(!names.some((name) =>
      name.startsWith(HEAD_PREFIX),
    ), `node '${node.name}' uses a name of the certificate head`);
  }
  checkReached(network);
  for (const expected of initializers) {
    require(sameTensor(
      graph.initializers.get(expected.name),
      expected,
    ), `initializer '${expected.name}' of the certificate head is not what the claimed constants give`);
  }
  const own = [...graph.initializers.keys()].filter((name) => name.startsWith(HEAD_PREFIX));
  require(own.length === initializers.length, 'the certificate head has initializers that do not belong to it');
}

function checkVectors(certificate: Certificate, terms: MarginTerms): void {
  certificate.vectors.forEach((vector, i) => {
    const pixels = vectorPixels(vector, certificate.input.shape);
    require(vector.logits.length === certificate.classes.length, `vectors[${i}] has ${vector.logits.length} logits`);
    const { label, radius } = marginCertificate(vector.logits, imageNorms(pixels), terms);
    require(vector.label === label, `vectors[${i}] claims label ${vector.label}, but its logits give ${label}`);
    require(vector.radius <= radius &&
      floorToFloat32(vector.radius) ===
        vector.radius, `vectors[${i}] claims radius ${vector.radius}, but its logits give ${radius}`);
  });
}

/** What marginConstants gives for a graph with the file's tensor names. */
export function proveConstants(graph: Graph): {
  readonly encoder: EncoderBound;
  readonly head: LinearHead;
  readonly constants: MarginConstants;
} {
  const encoder = boundEncoder(graph, { input: TENSORS.image, latent: TENSORS.latent });
  const head = readLinearHead(graph, { latent: TENSORS.latent, logits: TENSORS.logits });
  return { encoder, head, constants: marginConstants(encoder, head) };
}

/**
 * Proves from the bytes what the file claims: the digest, L, the float32 constants, the certificate head node by node,
 * the weights' digest and the consistency of the known vectors. It does not run the model: `Certifier.load` does.
 *
 * @throws OnnxFormatError, UnprovableError or CertificateError naming the first thing that does not hold
 */
export async function verifyModel(bytes: Uint8Array): Promise<VerifiedModel> {
  const model: OnnxModel = readOnnx(bytes);
  const { graph, metadata } = model;
  const text = metadata.get(CERTIFICATE_KEY);
  require(text !==
    undefined, `the file has no metadata '${CERTIFICATE_KEY}'; 'glean seal' adds one to a model it can prove`);
  require(metadata.size === 1, 'the file has other metadata than its certificate', { keys: [...metadata.keys()] });
  const certificate = parseCertificate(text);
  const digest = await fileDigest(bytes, certificate.fileSha256);
  require(digest ===
    certificate.fileSha256, `the file has been changed: its SHA-256 is ${digest}, sealed as ${certificate.fileSha256}`, {
    found: digest,
    expected: certificate.fileSha256,
  });
  const weights = await weightsDigest(graph);
  require(weights ===
    certificate.weightsSha256, `the weights' SHA-256 is ${weights}, claimed is ${certificate.weightsSha256}`);

  const { shape } = certificate.input;
  const image: ValueInfo = { name: TENSORS.image, type: 'float32', dims: ['N', ...shape] };
  require(sameInfos(graph.inputs, [
    image,
  ]), 'the graph does not take image: float32 [N, H, W, C] of the claimed shape', {
    found: graph.inputs,
    expected: [image],
  });
  const { encoder, head, constants } = proveConstants(graph);
  require(head.classes ===
    certificate.classes.length, `the head has ${head.classes} classes, ${certificate.classes.length} are named`);
  const outputs = outputInfos(head.classes, head.latentSize);
  require(sameInfos(
    graph.outputs,
    outputs,
  ), 'the graph does not give label, radius, logits and latent, in this order', {
    found: graph.outputs,
    expected: outputs,
  });
  const claimed = certificateConstants(certificate);
  checkConstants(claimed, constants);
  const layers = certificate.lipschitz.layers;
  require(layers.length === encoder.layers.length &&
    layers.every((layer, i) => {
      const other = encoder.layers[i]!;
      return layer.op === other.op && layer.name === other.name && other.upper <= layer.upper;
    }), 'lipschitz.layers does not list the layers of the graph with bounds that are proven', {
    found: layers,
    proven: encoder.layers,
  });
  const terms = marginTerms(claimed, head);
  checkHead(
    graph,
    terms,
    shape.reduce((product, size) => product * size, 1),
  );
  checkVectors(certificate, terms);
  return { certificate, terms, head, proven: encoder };
}
