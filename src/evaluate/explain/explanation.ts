/** Where a sealed network's bound comes from, layer by layer: what each one costs in L and in float32. It proves nothing. */
import { networkBytes } from '../../certify-runtime/run/network-bytes.ts';
import type { AffineBound } from '../../certify-runtime/trusted/bounds/bound.ts';
import type { CertifiedModel } from '../../certify-runtime/trusted/file/certified-model.ts';
import { TENSORS } from '../../certify-runtime/trusted/file/names.ts';
import { decodeOnnx } from '../../certify-runtime/trusted/onnx/codec.ts';
import type { Graph } from '../../certify-runtime/trusted/onnx/model.ts';
import { rulesFor } from '../../certify-runtime/trusted/rules/table.ts';
import { boundEncoder } from '../../certify-runtime/trusted/walk/encoder.ts';
import type { Library } from '../../export/onnx-runtime/library.ts';
import { type OnNode, watched } from '../../export/seal/watched-rules.ts';
import { measureStretch, openTwin } from '../stretch.ts';
import { type Group, groupsOf } from './groups.ts';
import { hintFor } from './hints.ts';

export interface ExplainedLayer {
  /** The operators, 'Conv + BatchNormalization', and the name of the first of them. */
  readonly op: string;
  readonly name: string;
  /** By how much L grows here. */
  readonly own: number;
  /** L of image ↦ what this layer gives: proven, and the largest stretch that was found. */
  readonly lipschitz: number;
  readonly measured: number | null;
  /** Its share of log(L / measured), or of log L where nothing could be measured. */
  readonly loss: number;
  /** Its share of what float32 takes from a radius. */
  readonly slack: number;
  readonly hint: string | null;
  /** The layers that it takes its inputs from, by their places in the list; −1 is the image. */
  readonly from: readonly number[];
}

export interface Explanation {
  readonly lipschitz: number;
  readonly measured: number | null;
  /** What the float32 error of the latent takes from a radius on either side, at a typical known vector. */
  readonly slack: number;
  readonly layers: readonly ExplainedLayer[];
}

/** Multiply-adds for measuring all tensors together, and the most that one evaluation may take. */
const WORK = 1e8;
const MOST_WORK = 1e6;

/** A network whose bound is closer than this to what was measured (or to 1) has no loss to divide. */
const TIGHT = Math.log(1.01);

interface Found {
  readonly lipschitz: number;
  readonly error: number;
}

/** The bound of the error at an image of these norms. */
function at(errors: readonly AffineBound[], l2: number, l1: number): number {
  return Math.min(...errors.map((each) => each.constant + each.l2 * l2 + each.l1 * l1));
}

/** ‖x‖₂ and ‖x‖₁ of the known vector whose norm is in the middle. */
function typicalNorms(images: readonly Float32Array[]): [l2: number, l1: number] {
  const norms = images.map((image): [number, number] => [
    Math.sqrt(image.reduce((sum, value) => sum + value * value, 0)),
    image.reduce((sum, value) => sum + Math.abs(value), 0),
  ]);
  return norms.sort(([a], [b]) => a - b)[Math.floor(norms.length / 2)] ?? [1, 1];
}

/**
 * Divides a quantity of the latent among the layers: each has what it adds to the mean of its inputs (weighed by their
 * L), as far as the latent depends on it. The shares add up to 1 if the quantity is 0 at the image.
 */
function shares(
  groups: readonly Group[],
  lipschitz: (tensor: string) => number,
  quantity: (tensor: string) => number,
): readonly number[] {
  const weight = new Map<string, number>([[TENSORS.latent, 1]]);
  const total = quantity(TENSORS.latent);
  const found = groups.map(() => 0);
  for (const [i, { inputs, outputs }] of [...groups.entries()].reverse()) {
    const sum = inputs.reduce((all, name) => all + lipschitz(name), 0);
    const share = (name: string) => (sum > 0 ? lipschitz(name) / sum : 1 / inputs.length);
    const before = inputs.reduce((all, name) => all + share(name) * quantity(name), 0);
    for (const output of outputs) {
      const own = weight.get(output) ?? 0;
      found[i]! += own * (quantity(output) - before);
      for (const name of inputs) weight.set(name, (weight.get(name) ?? 0) + own * share(name));
    }
  }
  return found.map((own) => (total > 0 ? own / total : 0));
}

/** Operators that keep all values, so that nothing need be measured again. */
const MOVES = new Set(['Flatten', 'Identity', 'Reshape', 'Squeeze', 'Transpose', 'Unsqueeze']);

/** The largest stretch of image ↦ tensor that a short search finds, by tensor; empty if that takes too long. */
async function measureAll(
  bytes: Uint8Array,
  shape: readonly number[],
  groups: readonly Group[],
  errorsOf: ReadonlyMap<string, readonly AffineBound[]>,
  library: Library,
): Promise<ReadonlyMap<string, number>> {
  const twin = await openTwin(bytes, shape, library);
  const whole = twin.network(TENSORS.latent);
  if (whole === null || whole.work > MOST_WORK) return new Map();
  const measured = new Map([[TENSORS.image as string, 1]]);
  for (const { nodes, inputs, outputs } of groups) {
    for (const name of outputs) {
      const same = nodes.every(({ op }) => MOVES.has(op)) ? measured.get(inputs[0]!) : undefined;
      const network = same === undefined ? twin.network(name) : null;
      if (same !== undefined) measured.set(name, same);
      if (network === null) continue;
      const { jacobian, secant } = measureStretch(network, errorsOf.get(name)!, 1, WORK / groups.length);
      measured.set(name, Math.max(jacobian, secant));
    }
  }
  return measured;
}

interface ExplainOptions {
  /** Computes what does not depend on the pixels. */
  readonly library: Library;
  /** The walk, if it was made before. */
  readonly walked?: Walked;
}

/** The layers whose outputs these tensors are. */
function sources(groups: readonly Group[]): (inputs: readonly string[]) => readonly number[] {
  const at = new Map(groups.flatMap(({ outputs }, i) => outputs.map((name) => [name, i] as const)));
  return (inputs) => [...new Set(inputs.map((name) => at.get(name) ?? -1))];
}

/** What the walk from image to latent finds of each tensor. */
export interface Walked {
  readonly graph: Graph;
  readonly found: ReadonlyMap<string, Found>;
  readonly errorsOf: ReadonlyMap<string, readonly AffineBound[]>;
}

/** @param onNode is told about each node as soon as it is bounded */
export async function walk(
  bytes: Uint8Array,
  { images }: Pick<CertifiedModel, 'images'>,
  onNode?: OnNode,
): Promise<Walked> {
  const { graph } = decodeOnnx(networkBytes(bytes));
  const [l2, l1] = typicalNorms(images);
  const found = new Map<string, Found>();
  const errorsOf = new Map<string, readonly AffineBound[]>();
  boundEncoder(graph, {
    input: TENSORS.image,
    latent: TENSORS.latent,
    rules: watched(await rulesFor(graph), onNode),
    observe: (tensor, { lipschitz, errors }) => {
      found.set(tensor, { lipschitz, error: at(errors, l2, l1) });
      errorsOf.set(tensor, errors);
    },
  });
  return { graph, found, errorsOf };
}

/** @param bytes a sealed file that was verified, of which `model` is what it says */
export async function explanationOf(
  bytes: Uint8Array,
  model: Pick<CertifiedModel, 'certificate' | 'images'>,
  options: ExplainOptions,
): Promise<Explanation> {
  const { graph, found, errorsOf } = options.walked ?? (await walk(bytes, model));
  const groups = groupsOf(graph, TENSORS.latent, (tensor) => found.has(tensor));
  const measured = await measureAll(bytes, model.certificate.input.shape, groups, errorsOf, options.library);
  const lipschitz = (tensor: string) => found.get(tensor)!.lipschitz;
  const relative = (tensor: string) => found.get(tensor)!.error / Math.max(lipschitz(tensor), Number.MIN_VALUE);
  const loss = (tensor: string): number => {
    const least = measured.size === 0 ? 1 : (measured.get(tensor) ?? 0);
    return least > 0 && lipschitz(tensor) > 0 ? Math.log(lipschitz(tensor) / least) : 0;
  };
  const tight = loss(TENSORS.latent) < TIGHT;
  const losses = tight ? groups.map(() => 0) : shares(groups, lipschitz, loss);
  const slack = relative(TENSORS.latent);
  const slacks = shares(groups, lipschitz, relative);
  const from = sources(groups);
  const layers = groups.map(({ nodes, inputs, outputs }, i): ExplainedLayer => {
    const output = outputs[0]!;
    const before = Math.max(...inputs.map(lipschitz));
    const own = before > 0 ? lipschitz(output) / before : 0;
    const share = { loss: losses[i]!, slack: slacks[i]! };
    return {
      op: nodes.length > 3 ? `${nodes[0]!.op} … ${nodes.at(-1)!.op}` : nodes.map(({ op }) => op).join(' + '),
      name: nodes[0]!.name,
      own,
      lipschitz: lipschitz(output),
      measured: measured.get(output) ?? null,
      ...share,
      hint: hintFor({ nodes, inputs: inputs.length, own, ...share, float32: slack }),
      from: from(inputs),
    };
  });
  return {
    lipschitz: lipschitz(TENSORS.latent),
    measured: measured.get(TENSORS.latent) ?? null,
    slack,
    layers,
  };
}
