/**
 * Verification: it proves anew, from the bytes of a sealed file, everything that the file claims. It believes nothing
 * that the file says; a claim may only be weaker than what is proven here.
 */

import type { AffineBound, EncoderBound, LayerBound, LinearHead } from './bounds/bound.ts';
import { UnprovableError } from './errors.ts';
import { check } from './file/certificate.ts';
import type { CertifiedModel } from './file/certified-model.ts';
import type { Certificate, KnownVector } from './file/claims.ts';
import { HEAD_PREFIX, TENSORS } from './file/names.ts';
import { readSealed, type SealedModel } from './file/sealed.ts';
import { readLinearHead } from './head.ts';
import { headGraph } from './head-graph.ts';
import type { HeadGraph } from './head-nodes.ts';
import {
  imageNorms,
  type MarginConstants,
  type MarginTerms,
  marginCertificate,
  marginConstants,
  slope,
} from './margin.ts';
import { encodeNode, encodeTensor } from './onnx/codec.ts';
import type { Graph, OnnxNode } from './onnx/model.ts';
import { firstDifference, quote } from './onnx/wire.ts';
import { rulesFor } from './rules/table.ts';
import { boundEncoder } from './walk/encoder.ts';
import type { RuleBook } from './walk/rule.ts';

/** A model whose certificate holds. */
export interface VerifiedModel extends CertifiedModel {
  /** What the proof found, which is never above the claims. */
  readonly proven: EncoderBound;
}

const same = (a: Uint8Array, b: Uint8Array) => firstDifference(a, b) < 0;

/** Whether `claimed` holds wherever `proven` does. */
function implied(proven: AffineBound, claimed: AffineBound): boolean {
  return proven.constant <= claimed.constant && proven.l2 <= claimed.l2 && proven.l1 <= claimed.l1;
}

/**
 * The claims hold if the proven ones do and they fit each other: δ is the smallest of the claimed bounds, each of which
 * lies above a proven one, and none may grow faster than δ′ (so δ′ is true of the claimed δ too, whoever uses it).
 */
function checkConstants(claimed: MarginConstants, proven: MarginConstants, inputs: number): void {
  const hold = (holds: boolean, name: string, claim: unknown, proof: unknown) =>
    check(holds, `claims ${name} = ${JSON.stringify(claim)}, but only ${JSON.stringify(proof)} is proven`);
  for (const name of ['lipschitz', 'latentErrorSlope', 'logitErrorSlope'] as const) {
    hold(proven[name] <= claimed[name], name, claimed[name], proven[name]);
  }
  const { latentError, logitError, maxImageNorm } = proven;
  hold(implied(logitError, claimed.logitError), 'logitError', claimed.logitError, logitError);
  for (const claim of claimed.latentError) {
    hold(
      latentError.some((bound) => implied(bound, claim)),
      'latentError',
      claim,
      latentError,
    );
  }
  hold(claimed.maxImageNorm <= maxImageNorm, 'maxImageNorm', claimed.maxImageNorm, maxImageNorm);
  const latentSlope = Math.max(...claimed.latentError.map((bound) => slope(bound, inputs)));
  const logitSlope = slope(claimed.logitError, inputs);
  check(
    latentSlope <= claimed.latentErrorSlope && logitSlope <= claimed.logitErrorSlope,
    'claims float32 errors that grow faster than their claimed slopes',
    { latentSlope, logitSlope },
  );
}

/** The network without the head: every node that is not named with the head's prefix. */
function networkNodes(graph: Graph, headNodes: readonly OnnxNode[]): readonly OnnxNode[] {
  const split = graph.nodes.length - headNodes.length;
  check(split > 0, 'the graph has fewer nodes than the certificate head alone');
  headNodes.forEach((expected, i) => {
    const found = graph.nodes[split + i]!;
    check(
      same(encodeNode(found), encodeNode(expected)),
      `node ${quote(found.name)} is not the certificate head's '${expected.name}'`,
      {
        position: split + i,
      },
    );
  });
  return graph.nodes.slice(0, split);
}

/**
 * Every node must lie between `image` and `latent` or `logits`, and every initializer must be used, so that nothing
 * unproven is run or carried along.
 */
function checkReached(graph: Graph, nodes: readonly OnnxNode[]): void {
  const needed = new Set<string>([TENSORS.latent, TENSORS.logits]);
  for (const node of [...nodes].reverse()) {
    const reached = node.outputs.some((output) => needed.has(output));
    check(reached, `node ${quote(node.name)} (${quote(node.op)}) is not between the image and the logits`);
    // No input, '', is no tensor: an output without a name is not needed for it.
    for (const input of node.inputs) if (input !== '') needed.add(input);
  }
  for (const name of graph.initializers.keys()) {
    check(needed.has(name) || name.startsWith(HEAD_PREFIX), `initializer ${quote(name)} is not used`);
  }
}

function checkHead(graph: Graph, { nodes, initializers }: HeadGraph): void {
  const network = networkNodes(graph, nodes);
  for (const node of network) {
    const names = [node.name, ...node.outputs];
    check(
      !names.some((name) => name.startsWith(HEAD_PREFIX)),
      `node ${quote(node.name)} uses a name of the certificate head`,
    );
  }
  checkReached(graph, network);
  for (const expected of initializers) {
    const found = graph.initializers.get(expected.name);
    check(
      found !== undefined && same(encodeTensor(found), encodeTensor(expected)),
      `initializer '${expected.name}' of the certificate head is not what the claimed constants give`,
    );
  }
  const own = [...graph.initializers.keys()].filter((name) => name.startsWith(HEAD_PREFIX));
  check(own.length === initializers.length, 'the certificate head has initializers that do not belong to it');
}

function checkVector(vector: KnownVector, name: string, pixels: Float32Array, terms: MarginTerms): void {
  check(vector.logits.length === terms.classes, `${name} has ${vector.logits.length} logits`);
  const { label, radius } = marginCertificate(vector.logits, imageNorms(pixels), terms);
  check(vector.label === label, `${name} claims label ${vector.label}, but its logits give ${label}`);
  check(vector.radius <= radius, `${name} claims radius ${vector.radius}, but its logits give ${radius}`);
}

/** What marginConstants gives for a graph that has the file's tensor names. */
export function proveConstants(
  graph: Graph,
  rules: RuleBook,
  head = readLinearHead(graph),
): {
  readonly encoder: EncoderBound;
  readonly head: LinearHead;
  readonly constants: MarginConstants;
} {
  const encoder = boundEncoder(graph, { input: TENSORS.image, latent: TENSORS.latent, rules });
  if (head.latentSize !== encoder.latentSize) {
    throw new UnprovableError(`the head takes ${head.latentSize} latents, the encoder gives ${encoder.latentSize}`, {
      found: head.latentSize,
      expected: encoder.latentSize,
    });
  }
  return { encoder, head, constants: marginConstants(encoder, head) };
}

function checkLayers(claimed: readonly LayerBound[], proven: readonly LayerBound[]): void {
  const matches = claimed.length === proven.length;
  const odd = claimed.findIndex((layer, i) => {
    const other = proven[i];
    return other === undefined || layer.op !== other.op || layer.name !== other.name || !(other.upper <= layer.upper);
  });
  check(matches && odd < 0, 'lipschitz.layers does not list the layers of the graph with bounds that are proven', {
    position: odd,
    found: claimed[odd],
    proven: proven[odd],
  });
}

/** The generator of the head of the certificate's format; the former ones are loaded for old files only. */
async function headOf({ format }: Certificate): Promise<typeof headGraph> {
  if (format === 1) return (await import('./head-graph-1.ts')).formerHead;
  return format === 2 ? (await import('./head-graph-2.ts')).formerHead : headGraph;
}

/**
 * Proves what a sealed file claims: L, the float32 constants, the certificate head node by node and the consistency of
 * the known vectors. It does not run the model: a certifier does that. It cannot know whether `classes`, `sigma`,
 * `training` and the weights are the author's; a signature shows that (signature.ts).
 *
 * @throws UnprovableError or CertificateError that names the first thing that does not hold
 */
async function proveSealed({ graph, certificate, terms, head, images }: SealedModel): Promise<EncoderBound> {
  const { shape } = certificate.input;
  const inputs = shape.reduce((product, size) => product * size, 1);
  const { encoder, constants } = proveConstants(graph, await rulesFor(graph), head);
  checkConstants(terms.constants, constants, inputs);
  checkLayers(certificate.lipschitz.layers, encoder.layers);
  checkHead(graph, (await headOf(certificate))(terms, inputs));
  for (const [i, vector] of certificate.vectors.entries()) {
    checkVector(vector, `vectors[${i}]`, images[i]!, terms);
  }
  return encoder;
}

/**
 * Proves from the bytes everything that the file claims, including its digests.
 *
 * @throws OnnxFormatError, UnprovableError or CertificateError that names the first thing that does not hold
 */
export async function verifyModel(bytes: Uint8Array): Promise<VerifiedModel> {
  const sealed = await readSealed(bytes);
  const proven = await proveSealed(sealed);
  const { graph, ...model } = sealed;
  return { ...model, proven, operators: new Set(graph.nodes.map(({ op }) => op)) };
}
