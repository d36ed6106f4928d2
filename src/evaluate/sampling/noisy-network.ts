/**
 * A classifier under Gaussian noise on its input, run through ONNX Runtime: it counts the class that each of many draws
 * is given.
 */

import * as ort from '../../certify-runtime/run/onnx-runtime.ts';
import { InputError } from '../../certify-runtime/trusted/errors.ts';
import type { Graph, OnnxModel, ValueInfo } from '../../certify-runtime/trusted/onnx/model.ts';
import { chooseOutput } from '../../export/foreign/choose-output.ts';
import { GraphDraft } from '../../export/foreign/graph-draft.ts';
import { prune } from '../../export/foreign/simplify.ts';
import { writeOnnx } from '../../export/seal/onnx-writer.ts';
import { cutsOf } from './affine-part.ts';

/** Logs only errors. Threads do not spin: with other work on the machine they would wait for long. */
const SESSION: ort.SessionOptions = {
  executionProviders: ['cpu'],
  logSeverityLevel: 3,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
};

/** About this many values of noise go into one run, so that they, and what is computed from them, stay in the cache. */
const VALUES_AT_ONCE = 2 ** 17;

/** Where the network is cut; see affine-part.ts. */
interface Cut {
  /** The shape of one image's part, without the batch. */
  readonly dims: readonly number[];
  readonly size: number;
  /** The network before the cut; null if nothing affine is worth cutting off. */
  readonly before: ort.InferenceSession | null;
  /** f(0). */
  readonly offset: Float32Array;
}

function product(dims: readonly number[]): number {
  return dims.reduce((total, size) => total * size, 1);
}

function create(model: OnnxModel, graph: Graph): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(writeOnnx({ ...model, graph, metadata: new Map() }), SESSION);
}

/** The graph of image ↦ tensor, flat, and the tensor's shape. */
function before(graph: Graph, tensor: string): { graph: Graph; flat: string; shape: string } {
  const draft = new GraphDraft(graph);
  prune(draft, tensor);
  const [flat, shape] = [draft.fresh('flat'), draft.fresh('shape')];
  const node = (op: string, output: string) =>
    ({ op, name: draft.fresh(op), inputs: [tensor], outputs: [output], attributes: new Map() }) as const;
  draft.nodes = [...draft.nodes, node('Flatten', flat), node('Shape', shape)];
  draft.outputs = [
    { name: flat, type: 'float32', dims: ['N', 'M'] },
    { name: shape, type: 'int64', dims: ['R'] },
  ];
  return { graph: draft.graph(graph.name), flat, shape };
}

/** The graph that maps a part of one image [1, …] and of the noise [N, …] to logits. */
function after(graph: Graph, tensor: string, output: string, dims: readonly number[]): Graph {
  const draft = new GraphDraft(graph);
  const producer = draft.producer(tensor);
  const [image, noise] = [draft.fresh('image_part'), draft.fresh('noise_part')];
  const sum = { op: 'Add', name: draft.fresh('Add'), inputs: [image, noise], outputs: [tensor], attributes: new Map() };
  draft.nodes = [sum, ...draft.nodes.filter((node) => node !== producer)];
  prune(draft, output);
  const info = (name: string, batch: number | string): ValueInfo => ({ name, type: 'float32', dims: [batch, ...dims] });
  draft.inputs = [info(image, 1), info(noise, 'N')];
  draft.outputs = graph.outputs.filter(({ name }) => name === output);
  return draft.graph(graph.name);
}

export class NoisyNetwork {
  /** The shape of one input, without the batch. */
  readonly shape: readonly number[];
  /** The number of values in one input. */
  readonly size: number;
  readonly #cut: Cut;
  readonly #session: ort.InferenceSession;

  private constructor(shape: readonly number[], cut: Cut, session: ort.InferenceSession) {
    this.shape = shape;
    this.size = product(shape);
    this.#cut = cut;
    this.#session = session;
  }

  /**
   * @param model any classifier of one float32 input [N, …]; of a sealed file the logits are taken and the radius is
   *   left out
   * @throws InputError if the input has another form, or an output must be named
   */
  static async load(model: OnnxModel): Promise<NoisyNetwork> {
    const output = chooseOutput(model.graph, undefined);
    const draft = new GraphDraft(model.graph);
    prune(draft, output);
    draft.outputs = model.graph.outputs.filter(({ name }) => name === output);
    const graph = draft.graph(model.graph.name);
    const [input, ...others] = graph.inputs;
    const [batch, ...dims] = input?.dims ?? [];
    const fixed = dims.every((size) => typeof size === 'number');
    if (input === undefined || others.length > 0 || input.type !== 'float32' || typeof batch !== 'string' || !fixed) {
      const found = graph.inputs.map(({ name, type, dims: sizes }) => `${name}: ${type} [${sizes.join(', ')}]`);
      throw new InputError(
        `the model takes ${found.join(' and ')}, expected one input of float32 [N, …], the batch N free and all else fixed`,
        { inputs: graph.inputs },
      );
    }
    const shape = dims as number[];
    for (const tensor of cutsOf(graph, input.name, output)) {
      const cut = await cutAt(model, graph, tensor, input.name, shape);
      if (cut === null) continue;
      return new NoisyNetwork(shape, cut, await create(model, after(graph, tensor, output, cut.dims)));
    }
    throw new InputError(`the output '${output}' does not depend on '${input.name}'`);
  }

  /** The part of these inputs, or of noise on them, that is computed only once: [n, size] → [n, …]. */
  async part(values: Float32Array, kind: 'input' | 'noise'): Promise<Float32Array> {
    const { before, offset, size } = this.#cut;
    if (before === null) return values;
    const n = values.length / this.size;
    const result = new Float32Array(n * size);
    const atOnce = Math.max(1, Math.floor((8 * VALUES_AT_ONCE) / this.size));
    for (let begin = 0; begin < n; begin += atOnce) {
      const end = Math.min(n, begin + atOnce);
      const feed = values.subarray(begin * this.size, end * this.size);
      const outputs = await before.run(
        { [before.inputNames[0]!]: new ort.Tensor('float32', feed, [end - begin, ...this.shape]) },
        [before.outputNames[0]!],
      );
      result.set(outputs[before.outputNames[0]!]!.data as Float32Array, begin * size);
    }
    if (kind === 'noise') for (let i = 0; i < result.length; i++) result[i]! -= offset[i % size]!;
    return result;
  }

  /**
   * counts[k] += number of draws η for which class k has the largest logit at x + η; a draw with a NaN counts for no
   * class.
   *
   * @param input part() of inputs, of which the one at `index` is taken
   * @param noise part() of the draws
   */
  async count(input: Float32Array, index: number, noise: Float32Array, counts: number[]): Promise<void> {
    const { size, dims } = this.#cut;
    const image = new ort.Tensor('float32', input.subarray(index * size, (index + 1) * size), [1, ...dims]);
    const [imageName, noiseName] = this.#session.inputNames as [string, string];
    const [logitsName] = this.#session.outputNames as [string];
    const draws = noise.length / size;
    const atOnce = Math.max(64, Math.floor(VALUES_AT_ONCE / size));
    for (let begin = 0; begin < draws; begin += atOnce) {
      const end = Math.min(draws, begin + atOnce);
      const part = new ort.Tensor('float32', noise.subarray(begin * size, end * size), [end - begin, ...dims]);
      const outputs = await this.#session.run({ [imageName]: image, [noiseName]: part });
      countLargest(outputs[logitsName]!.data as Float32Array, end - begin, counts);
    }
  }

  async dispose(): Promise<void> {
    await this.#cut.before?.release();
    await this.#session.release();
  }
}

/** The cut at this tensor; null if it does not pay, or does not keep one row for each image. */
async function cutAt(
  model: OnnxModel,
  graph: Graph,
  tensor: string,
  image: string,
  shape: readonly number[],
): Promise<Cut | null> {
  const whole = product(shape);
  if (tensor === image) return { dims: shape, size: whole, before: null, offset: new Float32Array(whole) };
  const part = before(graph, tensor);
  const session = await create(model, part.graph);
  const zero = new ort.Tensor('float32', new Float32Array(whole), [1, ...shape]);
  const outputs = await session.run({ [image]: zero });
  const [rows, ...dims] = Array.from(outputs[part.shape]!.data as BigInt64Array, Number);
  const size = product(dims);
  if (rows === 1 && dims.length > 0 && size <= whole) {
    return { dims, size, before: session, offset: outputs[part.flat]!.data as Float32Array };
  }
  await session.release();
  return null;
}

function countLargest(logits: Float32Array, draws: number, counts: number[]): void {
  const classes = logits.length / draws;
  while (counts.length < classes) counts.push(0);
  for (let begin = 0; begin < logits.length; begin += classes) {
    let best = 0;
    let valid = true;
    for (let k = 0; k < classes; k++) {
      const value = logits[begin + k]!;
      if (value > logits[begin + best]!) best = k;
      if (Number.isNaN(value)) valid = false;
    }
    if (valid) counts[best]!++;
  }
}
