/** Writes raw graphs as files for ONNX Runtime, and copies of a file with another IR version. */
import { encode } from '../../../certify-runtime/trusted/onnx/wire.ts';
import { type ElementName, elementOf } from './elements.ts';
import { type RawModel, type RawNode, spanOf } from './raw.ts';
import { spliced } from './splice.ts';
import type { RawTensor, StoredTensor } from './tensor.ts';

/** The newest that ONNX Runtime 1.30 loads; what is written here uses nothing that is younger. */
const RUNTIME_IR = 13;

function tensorBytes(name: string, { type, dims, bytes }: RawTensor): Uint8Array {
  return encode({ 1: dims.map(BigInt), 2: BigInt(elementOf(type).number), 8: name, 9: bytes });
}

function nodeBytes({ inputs, outputs, name, op, domain, attributes }: RawNode): Uint8Array {
  const written = attributes.map(({ at }) => at.bytes.subarray(at.start, at.end));
  return encode({ 1: inputs, 2: outputs, 3: name, 4: op, 5: written, 7: domain });
}

export interface RunInput {
  readonly name: string;
  readonly type: ElementName;
  readonly dims: readonly (number | string)[];
}

/** A file of these nodes; the types of its outputs are left to ONNX Runtime. */
export function encodeRaw(
  { irVersion, opsets }: RawModel,
  nodes: readonly RawNode[],
  tensors: ReadonlyMap<string, StoredTensor>,
  inputs: readonly RunInput[],
  outputs: readonly string[],
): Uint8Array {
  const info = ({ name, type, dims }: RunInput) => {
    const shape = dims.map((dim) => encode(typeof dim === 'string' ? { 2: dim } : { 1: BigInt(dim) }));
    return encode({
      1: name,
      2: encode({ 1: encode({ 1: BigInt(elementOf(type).number), 2: encode({ 1: shape }) }) }),
    });
  };
  return encode({
    1: BigInt(Math.min(Math.max(irVersion, 4), RUNTIME_IR)),
    7: encode({
      1: nodes.map(nodeBytes),
      2: 'constants',
      5: [...tensors.values()].map((stored) => tensorBytes(stored.name, stored.read())),
      11: inputs.map(info),
      12: outputs.map((name) => encode({ 1: name })),
    }),
    8: [...opsets]
      .filter(([domain]) => domain === '' || nodes.some((node) => node.domain === domain))
      .map(([domain, version]) => encode({ 1: domain, 2: BigInt(version) })),
  });
}

/** The file itself, with an IR version that ONNX Runtime loads. */
export function loadable({ bytes, irVersion }: RawModel): Uint8Array {
  if (irVersion <= RUNTIME_IR) return bytes;
  return spliced(spanOf(bytes), (field) => (field === 1 ? encode({ 1: BigInt(RUNTIME_IR) }) : null));
}
