/**
 * Mutations of a sealed file, for two attackers. The first one changes bytes and leaves the digests. The second one writes
 * a file of his own: any graph, any claims, and everything that follows from them (head, known vectors, digests) right.
 */

import { GleanError } from '../../../src/certify-runtime/trusted/errors.ts';
import type { Certificate } from '../../../src/certify-runtime/trusted/file/claims.ts';
import { HEAD_PREFIX } from '../../../src/certify-runtime/trusted/file/names.ts';
import type { Attribute, OnnxModel, OnnxNode, Tensor } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { proveConstants } from '../../../src/certify-runtime/trusted/verify.ts';
import { allRules } from '../networks/all-rules.ts';
import { certificateOf, forge, parts, withDigests, withGraph, withTensor } from '../networks/sealed.ts';
import type { Random } from '../numbers/random.ts';

export interface Mutant {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A graph and claims of the second attacker's. */
export interface Forgery {
  readonly name: string;
  readonly model: OnnxModel;
  readonly certificate: Certificate;
  /** The head is what was changed: it must not be made right again. */
  readonly keepHead?: boolean;
}

/** Bits flipped, bytes cut off, put in, left out, doubled and exchanged, at random places. */
export function* damage(bytes: Uint8Array, random: Random, count: number): Generator<Mutant> {
  const at = (parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
  for (let i = 0; i < count; i++) {
    const a = random.below(bytes.length);
    const b = Math.min(bytes.length, a + 1 + random.below(64));
    const [head, middle, tail] = [bytes.subarray(0, a), bytes.subarray(a, b), bytes.subarray(b)];
    const kind = i % 8;
    if (kind < 3) yield { name: `bit ${a}`, bytes: flip(bytes, a, random.below(8)) };
    else if (kind === 3) yield { name: `cut off at ${a}`, bytes: head.slice() };
    else if (kind === 4)
      yield { name: `byte put in at ${a}`, bytes: at([head, Uint8Array.of(random.below(256)), middle, tail]) };
    else if (kind === 5) yield { name: `${b - a} bytes left out at ${a}`, bytes: at([head, tail]) };
    else if (kind === 6) yield { name: `${b - a} bytes doubled at ${a}`, bytes: at([head, middle, middle, tail]) };
    else
      yield {
        name: `byte ${a} set`,
        bytes: bytes.map((byte, j) => (j === a ? (byte + 1 + random.below(255)) & 255 : byte)),
      };
  }
}

function flip(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= 1 << bit;
  return copy;
}

/** Damaged files that can still be read, with their digests made right again. */
export async function* redigested(bytes: Uint8Array, random: Random, count: number): AsyncGenerator<Mutant> {
  for (const mutant of damage(bytes, random, count)) {
    try {
      const { model, certificate } = parts(mutant.bytes);
      yield { name: `${mutant.name}, digests right`, bytes: await withDigests(model, certificate) };
    } catch (error) {
      // The reader refuses it, whatever its digest.
      if (!(error instanceof GleanError || error instanceof SyntaxError)) throw error;
    }
  }
}

/** Every number of the certificate smaller and larger, every text and list another one. */
export function* claims(model: OnnxModel, certificate: Certificate): Generator<Forgery> {
  const json = JSON.stringify(certificate);
  const paths: (readonly string[])[] = [];
  const collect = (value: unknown, path: readonly string[]): void => {
    if (typeof value === 'object' && value !== null) {
      paths.push(path);
      for (const [key, entry] of Object.entries(value)) collect(entry, [...path, key]);
    } else paths.push(path);
  };
  collect(certificate, []);
  for (const path of paths) {
    // The layers and vectors are many and alike.
    if (Number(path[2] ?? 0) > 1 || (path[0] === 'vectors' && Number(path[1] ?? 0) > 0)) continue;
    const changes =
      path.length === 0 ? [] : replacements(path.reduce<unknown>((v, key) => (v as never)[key], certificate));
    for (const change of changes) {
      const copy = JSON.parse(json) as Certificate;
      const parent = path.slice(0, -1).reduce<unknown>((v, key) => (v as never)[key], copy) as Record<string, unknown>;
      parent[path.at(-1)!] = change;
      // Digests are made right afterwards, so a change of theirs would be none.
      if (/Sha256/.test(path[0]!)) continue;
      yield { name: `${path.join('.')} = ${JSON.stringify(change)?.slice(0, 40)}`, model, certificate: copy };
    }
  }
}

function replacements(value: unknown): readonly unknown[] {
  if (typeof value === 'number') return [value * 0.999, value * 1.001 + 1e-30, 0, 1e300, -1, null, `${value}`];
  if (typeof value === 'string') return [`${value}x`, '', 7, null];
  if (Array.isArray(value)) return [[], value.slice(1), [...value, ...value], {}];
  return [{}, [], null, { ...(value as object), more: 1 }];
}

type Values = Float32Array;

function floatTensors(model: OnnxModel): (Tensor & { data: Values })[] {
  return [...model.graph.initializers.values()].filter(
    (tensor): tensor is Tensor & { data: Values } => tensor.data instanceof Float32Array,
  );
}

/** Each constant of the network scaled, shifted, exchanged, or with one entry changed. */
export function* weights(model: OnnxModel, certificate: Certificate, random: Random): Generator<Forgery> {
  for (const tensor of floatTensors(model)) {
    if (tensor.name.startsWith(HEAD_PREFIX)) continue;
    const one = random.below(tensor.data.length);
    const changes: [string, (value: number, i: number) => number][] = [
      ['scaled by 1.1', (value) => value * 1.1],
      ['scaled by 1.0001', (value) => value * 1.0001],
      ['scaled by 0.9', (value) => value * 0.9],
      ['scaled by 1e6', (value) => value * 1e6],
      ['all 0', () => 0],
      ['negated', (value) => -value],
      ['reversed', (_, i) => tensor.data[tensor.data.length - 1 - i]!],
      [`entry ${one} plus 1`, (value, i) => (i === one ? value + 1 : value)],
      [`entry ${one} up by an ulp`, (value, i) => (i === one ? value * (1 + 2 ** -23) : value)],
      [`entry ${one} 1e38`, (value, i) => (i === one ? 1e38 : value)],
    ];
    for (const [name, change] of changes) {
      const changed = { ...tensor, data: Float32Array.from(tensor.data, change) };
      yield { name: `${tensor.name} ${name}`, model: withTensor(model, changed), certificate };
    }
    const [rows = 1, cols = 1] = tensor.dims;
    if (rows === cols) continue;
    yield {
      name: `${tensor.name} with its dims reversed`,
      model: withTensor(model, { ...tensor, dims: [...tensor.dims].reverse() }),
      certificate,
    };
  }
}

export const CONSTANT: Tensor = { name: 'odd', type: 'float32', dims: [1], data: Float32Array.of(1.01) };

/** Nodes put in, left out, turned into others, and rewired. */
export function* graphs(model: OnnxModel, certificate: Certificate): Generator<Forgery> {
  const { nodes } = model.graph;
  const network = nodes.filter(({ name }) => !name.startsWith(HEAD_PREFIX)).length;
  const replaced = (i: number, ...by: OnnxNode[]) => withGraph(model, { nodes: nodes.toSpliced(i, 1, ...by) });
  for (let i = 0; i < network; i++) {
    const node = nodes[i]!;
    const [output] = node.outputs as [string];
    for (const op of ['Identity', 'Mul', 'Relu', 'Softmax']) {
      const inner = { ...node, outputs: [`${output}/inner`, ...node.outputs.slice(1)] };
      const inputs = op === 'Mul' ? [`${output}/inner`, CONSTANT.name] : [`${output}/inner`];
      const added = { op, name: `odd ${op}`, inputs, outputs: [output], attributes: new Map() };
      const base = op === 'Mul' ? withTensor(model, CONSTANT) : model;
      yield {
        name: `${op} after ${node.name}`,
        model: withGraph(base, { nodes: nodes.toSpliced(i, 1, inner, added) }),
        certificate,
      };
    }
    const swaps: Record<string, string> = { Max: 'Min', Min: 'Max', Add: 'Sub', MatMul: 'Gemm', Concat: 'Sum' };
    const op = swaps[node.op];
    if (op !== undefined)
      yield { name: `${node.name}: ${op} for ${node.op}`, model: replaced(i, { ...node, op }), certificate };
    if (node.inputs.length > 1) {
      const inputs = [...node.inputs].reverse();
      yield { name: `${node.name}: inputs exchanged`, model: replaced(i, { ...node, inputs }), certificate };
      const same = node.inputs.map(() => node.inputs[0]!);
      yield { name: `${node.name}: its first input twice`, model: replaced(i, { ...node, inputs: same }), certificate };
    }
    if (node.outputs.length > 1) {
      const outputs = [...node.outputs].reverse();
      yield { name: `${node.name}: outputs exchanged`, model: replaced(i, { ...node, outputs }), certificate };
    }
    for (const [key, attribute] of node.attributes) {
      if (attribute.kind !== 'int') continue;
      for (const value of [attribute.value + 1n, -1n, 0n, 2n ** 62n]) {
        const attributes = new Map<string, Attribute>([...node.attributes, [key, { kind: 'int', value }]]);
        yield { name: `${node.name}: ${key} = ${value}`, model: replaced(i, { ...node, attributes }), certificate };
      }
    }
    const attributes = new Map<string, Attribute>([...node.attributes, ['alpha', { kind: 'float', value: 2 }]]);
    yield { name: `${node.name}: alpha = 2`, model: replaced(i, { ...node, attributes }), certificate };
    yield { name: `${node.name} left out`, model: bypassed(model, i), certificate };
  }
  const dead = (op: string): OnnxNode => ({
    op,
    name: 'dead',
    inputs: ['image'],
    outputs: ['dead'],
    attributes: new Map(),
  });
  for (const op of ['Identity', 'Softmax']) {
    yield { name: `a dead ${op}`, model: withGraph(model, { nodes: [dead(op), ...nodes] }), certificate };
  }
  yield { name: 'an initializer nobody uses', model: withTensor(model, CONSTANT), certificate };
}

/** Without node i: who took its first output takes its first input. */
export function bypassed(model: OnnxModel, i: number): OnnxModel {
  const node = model.graph.nodes[i]!;
  const rewire = (name: string) => (name === node.outputs[0] ? node.inputs[0]! : name);
  const nodes = model.graph.nodes.toSpliced(i, 1).map((other) => ({ ...other, inputs: other.inputs.map(rewire) }));
  return withGraph(model, { nodes });
}

/**
 * The files of a forgery. Where its graph is another one that can be proven: with L and the slack as they were, and with
 * all claims right, which makes it another honest model.
 */
export async function forgedFiles({ name, model, certificate, keepHead = false }: Forgery): Promise<Mutant[]> {
  const files: Mutant[] = [];
  const add = async (suffix: string, claims: Certificate) => {
    try {
      files.push({ name: `${name}${suffix}`, bytes: await forge(model, claims, keepHead) });
    } catch (error) {
      // The writer, which reads back what it writes, has refused it: there is no such file.
      if (!(error instanceof GleanError)) throw error;
    }
  };
  let proof: ReturnType<typeof proveConstants> | null = null;
  try {
    proof = proveConstants(model.graph, allRules);
  } catch (error) {
    // It has no proof, so no claims of its own.
    if (!(error instanceof GleanError)) throw error;
  }
  const own = JSON.stringify(certificate) === JSON.stringify(certificateOf(model));
  if (keepHead || proof === null || !own) {
    await add('', certificate);
    return files;
  }
  const { layers } = proof.encoder;
  const { lipschitz, ...float32 } = proof.constants;
  await add(', old claims', { ...certificate, lipschitz: { ...certificate.lipschitz, layers } });
  await add(', right claims', { ...certificate, lipschitz: { upper: lipschitz, layers }, float32 });
  return files;
}
