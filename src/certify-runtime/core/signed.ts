/** Reads a sealed file that a signature vouches for: what predicting needs of it, and no check of what the signer says. */

import { CERTIFICATE_FORMAT, CERTIFICATE_KEY, type Certificate, certificateConstants } from './claims.ts';
import { CertificateError } from './errors.ts';
import { type MarginTerms, marginTerms } from './margin.ts';
import { TENSORS } from './names.ts';
import { ATTRIBUTE, ENTRY, GRAPH, MODEL, NODE, TENSOR } from './onnx/field-numbers.ts';
import { contentOf, type Field, fieldsOf, partOf, textOf, textsOf } from './onnx/fields.ts';
import { type Attribute, ElementType, type Graph, type OnnxNode, type Tensor } from './onnx/model.ts';
import type { LinearHead } from './proof/bound.ts';
import { readLinearHead } from './proof/head.ts';

/** What a certifier works with. */
export interface CertifiedModel {
  readonly certificate: Certificate;
  readonly head: LinearHead;
  /** What follows from the claims. */
  readonly terms: MarginTerms;
  /** The operators of the network. */
  readonly operators: ReadonlySet<string>;
}

/**
 * @param bytes whose signature has been checked
 * @throws CertificateError where this is no sealed file of this version after all
 */
export function readSigned(bytes: Uint8Array): CertifiedModel {
  try {
    const model = fieldsOf(bytes);
    const entries = model.filter(({ number }) => number === MODEL.metadata_props).map((entry) => partOf(bytes, entry));
    const entry = entries.find((fields) => textOf(bytes, fields, ENTRY.key) === CERTIFICATE_KEY)!;
    const certificate = JSON.parse(textOf(bytes, entry, ENTRY.value)) as Certificate;
    if (certificate.format !== CERTIFICATE_FORMAT) throw new RangeError(`format ${certificate.format}`);
    const graph = readGraph(bytes, partOf(bytes, model.find(({ number }) => number === MODEL.graph)!));
    const head = readLinearHead(graph, { latent: TENSORS.latent, logits: TENSORS.logits });
    return {
      certificate,
      head,
      terms: marginTerms(certificateConstants(certificate), head),
      operators: new Set(graph.nodes.map(({ op }) => op)),
    };
  } catch (cause) {
    throw new CertificateError(`certificate: the signed file is no sealed model of format 1 (${cause})`);
  }
}

/** Nodes with their numeric attributes, and the float32 initializers: what the last layer is made of. */
function readGraph(bytes: Uint8Array, fields: readonly Field[]): Graph {
  const parts = (number: number) =>
    fields.filter((field) => field.number === number).map((field) => partOf(bytes, field));
  const nodes = parts(GRAPH.node).map((node): OnnxNode => {
    const attributes = node
      .filter(({ number }) => number === NODE.attribute)
      .map((field) => partOf(bytes, field))
      .map((attribute): [string, Attribute] => {
        const float = contentOf(bytes, attribute, ATTRIBUTE.f);
        const value: Attribute =
          float.length === 4
            ? { kind: 'float', value: new DataView(float.slice().buffer).getFloat32(0, true) }
            : { kind: 'int', value: BigInt(attribute.find(({ number }) => number === ATTRIBUTE.i)?.value ?? 0) };
        return [textOf(bytes, attribute, ATTRIBUTE.name), value];
      });
    return {
      op: textOf(bytes, node, NODE.op_type),
      name: textOf(bytes, node, NODE.name),
      inputs: textsOf(bytes, node, NODE.input),
      outputs: textsOf(bytes, node, NODE.output),
      attributes: new Map(attributes),
    };
  });
  const initializers = parts(GRAPH.initializer).flatMap((tensor): [string, Tensor][] => {
    if (tensor.find(({ number }) => number === TENSOR.data_type)?.value !== ElementType.float32) return [];
    const name = textOf(bytes, tensor, TENSOR.name);
    const raw = contentOf(bytes, tensor, TENSOR.raw_data);
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    const data = Float32Array.from({ length: raw.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
    const dims = tensor.filter(({ number }) => number === TENSOR.dims).map(({ value }) => value);
    return [[name, { name, type: 'float32', dims, data }]];
  });
  return { name: '', nodes, initializers: new Map(initializers), inputs: [], outputs: [] };
}
