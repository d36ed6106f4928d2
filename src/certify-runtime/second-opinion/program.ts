/**
 * The program that the second opinion asks: a network's answers on an execution provider, the integers that it
 * computes, and the dimensions of what is inside.
 */

import type { OnnxRuntime, Session } from '../run/providers.ts';
import { ProviderError } from '../trusted/errors.ts';
import { HEAD_PREFIX, TENSORS } from '../trusted/file/names.ts';
import { encodeNode, encodeOnnx } from '../trusted/onnx/codec.ts';
import {
  ElementType,
  type ElementTypeName,
  type OnnxModel,
  type OnnxNode,
  type Tensor,
  type TensorData,
} from '../trusted/onnx/model.ts';
import { encode } from '../trusted/onnx/wire.ts';

/** Answers for n images: latents [n, d] and logits [n, K], row-major. */
export interface Answers {
  readonly latent: Float32Array;
  readonly logits: Float32Array;
}

export interface Program {
  /** Runs n images, pixels one after the other. */
  readonly run: (images: Float32Array, n: number) => Promise<Answers>;
  /** The tensors that nodes compute but that do not depend on the pixels, for a batch of one image. */
  readonly integers: () => Promise<ReadonlyMap<string, Tensor>>;
  /** The dimensions of these tensors for n blank images, for each n of `batches`. */
  readonly dimensions: (
    tensors: readonly string[],
    batches: readonly number[],
  ) => Promise<readonly (readonly (readonly number[])[])[]>;
}

/**
 * The tensors that are computed from constants and shapes and read by nodes that depend on the pixels, with their
 * types.
 */
function independentTensors({ graph }: OnnxModel): ReadonlyMap<string, ElementTypeName> {
  const types = new Map<string, ElementTypeName>();
  for (const [name, { type }] of graph.initializers) types.set(name, type);
  const asked = new Map<string, ElementTypeName>();
  for (const { op, inputs, outputs, attributes } of graph.nodes) {
    const given = inputs.filter((name) => name !== '');
    if (op === 'Constant') {
      const value = attributes.get('value');
      if (value?.kind === 'tensor') types.set(outputs[0]!, value.value.type);
    } else if (op === 'Shape') {
      types.set(outputs[0]!, 'int64');
    } else if (given.length > 0 && given.every((name) => types.has(name))) {
      const to = attributes.get('to');
      const names = Object.keys(ElementType) as ElementTypeName[];
      const cast = to?.kind === 'int' ? names.find((type) => BigInt(ElementType[type]) === to.value) : undefined;
      for (const output of outputs) types.set(output, cast ?? types.get(given[0]!)!);
    } else {
      for (const name of given) if (types.has(name) && !graph.initializers.has(name)) asked.set(name, types.get(name)!);
    }
  }
  return asked;
}

/** The tensor that holds the dimensions of `tensors[i]`. Networks have no tensor of such a name. */
const dimensionsOf = (i: number) => `${HEAD_PREFIX}dimensions/${i}`;

/** Nodes that give out the dimensions of these tensors. */
const dimensionNodes = (tensors: readonly string[]) =>
  tensors.map((name, i): OnnxNode => {
    const own = dimensionsOf(i);
    return { op: 'Shape', name: own, inputs: [name], outputs: [own], attributes: new Map() };
  });

/**
 * The file with these nodes and outputs in addition to its own: protobuf merges messages that follow each other. The
 * outputs have no shape, which nothing here needs to know.
 */
function withOutputs(
  model: OnnxModel,
  tensors: ReadonlyMap<string, ElementTypeName>,
  nodes: readonly OnnxNode[] = [],
): Uint8Array {
  const infos = [...tensors].map(([name, type]) =>
    encode({ 1: name, 2: encode({ 1: encode({ 1: BigInt(ElementType[type]) }) }) }),
  );
  const [file, more] = [encodeOnnx(model), encode({ 7: encode({ 1: nodes.map(encodeNode), 12: infos }) })];
  const bytes = new Uint8Array(file.length + more.length);
  bytes.set(file);
  bytes.set(more, file.length);
  return bytes;
}

/** @throws ProviderError if the provider fails */
async function succeed<T>(at: string, doing: Promise<T>): Promise<T> {
  try {
    return await doing;
  } catch (error) {
    throw new ProviderError(
      `the provider failed ${at}: ${error instanceof Error ? error.message : error}`,
      {},
      { cause: error },
    );
  }
}

/**
 * The network `model` in `session`. Integers are computed by ONNX Runtime rather than here, because it alone decides
 * what an Add of two int32 is.
 */
export function openProgram(
  runtime: OnnxRuntime,
  session: Session,
  model: OnnxModel,
  shape: readonly number[],
  provider: string,
): Program {
  const size = shape.reduce((product, dim) => product * dim, 1);
  const run = (on: Session, images: Float32Array, n: number, outputs: readonly string[]) =>
    succeed(
      `on ${n} images`,
      on.run({ [TENSORS.image]: new runtime.Tensor('float32', images, [n, ...shape]) }, outputs),
    );
  const withSession = async <T>(
    what: string,
    bytes: Uint8Array,
    options: Readonly<Record<string, unknown>>,
    use: (session: Session) => Promise<T>,
  ): Promise<T> => {
    const asked = { logSeverityLevel: 3, executionProviders: [provider], ...options };
    const other = await succeed(`to give out its ${what}`, runtime.InferenceSession.create(bytes, asked));
    try {
      return await use(other);
    } finally {
      await other.release();
    }
  };
  return {
    run: async (images, n) => {
      const { latent, logits } = await run(session, images, n, [TENSORS.latent, TENSORS.logits]);
      return { latent: latent!.data as Float32Array, logits: logits!.data as Float32Array };
    },
    integers: async () => {
      const asked = independentTensors(model);
      if (asked.size === 0) return new Map();
      return withSession('integers', withOutputs(model, asked), {}, async (other) => {
        const found = await run(other, new Float32Array(size), 1, [...asked.keys()]);
        return new Map(
          [...asked].map(([name, type]): [string, Tensor] => {
            const { data, dims } = found[name] as { readonly data: TensorData; readonly dims: readonly number[] };
            return [name, { name, type, dims, data }];
          }),
        );
      });
    },
    dimensions: async (tensors, batches) => {
      const nodes = dimensionNodes(tensors);
      const names = nodes.map(({ name }) => name);
      const bytes = withOutputs(model, new Map(names.map((name) => [name, 'int64'])), nodes);
      // Nothing is to be fused or worked out beforehand: the operators themselves are asked.
      return withSession('dimensions', bytes, { graphOptimizationLevel: 'disabled' }, async (other) => {
        const found: number[][][] = [];
        for (const n of batches) {
          const answers = await run(other, new Float32Array(n * size), n, names);
          found.push(names.map((name) => Array.from(answers[name]!.data as BigInt64Array, Number)));
        }
        return found;
      });
    },
  };
}
