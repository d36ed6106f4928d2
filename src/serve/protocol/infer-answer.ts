/** Writes the answer to an inference request: JSON, or JSON followed by raw little-endian tensors. */
import { floorToFloat32 } from '../../certify-runtime/trusted/margin.ts';
import { isCertified, type LeastRadius } from '../worker/least-radius.ts';
import type { WantedOutput } from './infer-request.ts';
import { BYTES_PER_VALUE, CERTIFIED, OUTPUT_TYPES, type OutputName } from './tensors.ts';

export interface InferAnswer {
  readonly body: string | Buffer;
  /** The number of bytes of the JSON, if raw tensors follow it. */
  readonly headerLength: number | undefined;
}

export interface AnsweredImage {
  readonly label: number;
  readonly radius: number;
  readonly logits: Float32Array;
}

/**
 * @param head the JSON that every answer of a model begins with, without the closing brace
 * @param least what `certified` is held against; undefined if that output is not wanted
 */
export function writeInferAnswer(
  head: string,
  id: string | undefined,
  outputs: readonly WantedOutput[],
  answers: readonly AnsweredImage[],
  least: LeastRadius | undefined,
): InferAnswer {
  let json = id === undefined ? head : `${head},"id":${JSON.stringify(id)}`;
  json += ',"outputs":[';
  const raw: Buffer[] = [];
  outputs.forEach(({ name, binary }, i) => {
    const shape = name === 'logits' ? `${answers.length},${answers[0]!.logits.length}` : `${answers.length}`;
    json += `${i === 0 ? '' : ','}{"name":"${name}","datatype":"${OUTPUT_TYPES[name]}","shape":[${shape}],`;
    if (binary) {
      const bytes = toBytes(name, answers, least);
      raw.push(bytes);
      json += `"parameters":{"binary_data_size":${bytes.length}}}`;
    } else {
      json += `"data":[${toText(name, answers, least)}]}`;
    }
  });
  json += ']}';
  if (raw.length === 0) return { body: json, headerLength: undefined };
  const header = Buffer.from(json);
  return { body: Buffer.concat([header, ...raw]), headerLength: header.length };
}

function toText(name: OutputName, answers: readonly AnsweredImage[], least: LeastRadius | undefined): string {
  let text = '';
  for (const { label, radius, logits } of answers) {
    if (text !== '') text += ',';
    if (name === 'label') text += label;
    else if (name === 'radius') text += floorToFloat32(radius);
    else if (name === CERTIFIED) text += isCertified(radius, least!);
    else text += logits.join(',');
  }
  return text;
}

function toBytes(name: OutputName, answers: readonly AnsweredImage[], least: LeastRadius | undefined): Buffer {
  const perImage = name === 'logits' ? answers[0]!.logits.length : 1;
  const width = BYTES_PER_VALUE[OUTPUT_TYPES[name]];
  const bytes = Buffer.allocUnsafe(answers.length * perImage * width);
  let at = 0;
  for (const { label, radius, logits } of answers) {
    if (name === 'label') at = bytes.writeBigInt64LE(BigInt(label), at);
    else if (name === 'radius') at = bytes.writeFloatLE(floorToFloat32(radius), at);
    else if (name === CERTIFIED) at = bytes.writeUInt8(Number(isCertified(radius, least!)), at);
    else for (const logit of logits) at = bytes.writeFloatLE(logit, at);
  }
  return bytes;
}
