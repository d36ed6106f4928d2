/** Runs a graph, or one node of it, in ONNX Runtime: the rewrites ask it for shapes, and for what a node computes. */
import { encodeOnnx } from '../../../certify-runtime/trusted/onnx/codec.ts';
import type { Graph, OnnxNode } from '../../../certify-runtime/trusted/onnx/model.ts';
import { encode } from '../../../certify-runtime/trusted/onnx/wire.ts';
import type { RunGraph } from '../../onnx-runtime/run-graph.ts';
import { type RawTensor, valuesOf } from '../onnx/tensor.ts';
import type { Rewriter } from './rewriter.ts';

/** A tensor that ONNX Runtime gave; `data` is empty if it is not float32. */
export interface Value {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** What a graph is fed with: float32, since every other input has been brought to it. */
export interface Feed {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** A model whose network has only one input, the tensor that it is fed with. */
interface Runnable {
  readonly graph: Graph;
  readonly opset: number;
}

/** ONNX Runtime does not run a part of a network by itself, which is then left as it is. */
export class NotRunError extends Error {}

/** As many values are fed at once, which bounds what is held in memory. */
const CHUNK = 2 ** 22;

function* chunked(feeds: Iterable<Feed>): Generator<Feed[]> {
  let chunk: Feed[] = [];
  let size = 0;
  for (const feed of feeds) {
    chunk.push(feed);
    size += feed.data.length;
    if (size < CHUNK) continue;
    yield chunk;
    [chunk, size] = [[], 0];
  }
  if (chunk.length > 0) yield chunk;
}

function asValue({ type, dims, bytes }: RawTensor): Value {
  return { type, dims, data: type === 'float32' ? valuesOf('float32', bytes) : new Float32Array() };
}

/**
 * The tensors in `wanted`, for each of the feeds, which may be made one by one.
 *
 * @throws NotRunError if ONNX Runtime does not run the graph
 */
export async function runFor(
  run: RunGraph,
  { graph, opset }: Runnable,
  wanted: readonly string[],
  feeds: Iterable<Feed>,
): Promise<ReadonlyMap<string, Value>[]> {
  const [input] = graph.inputs;
  const bytes = encodeOnnx({
    irVersion: 8,
    opset,
    producerName: '',
    producerVersion: '',
    graph: { ...graph, outputs: [] },
    metadata: new Map(),
  });
  // A message that follows another one is merged into it: these are more outputs of the graph, without a type, which
  // ONNX Runtime infers.
  const outputs = encode({ 7: encode({ 12: wanted.map((name) => encode({ 1: name })) }) });
  const model = new Uint8Array(bytes.length + outputs.length);
  model.set(bytes);
  model.set(outputs, bytes.length);
  const answers: ReadonlyMap<string, Value>[] = [];
  for (const chunk of chunked(feeds)) {
    const given = chunk.map(({ dims, data: { buffer, byteOffset, byteLength } }) => {
      return new Map([
        [input!.name, { type: 'float32' as const, dims, bytes: new Uint8Array(buffer, byteOffset, byteLength) }],
      ]);
    });
    const found = await run(model, given, wanted, { plain: true }).catch((cause: unknown) => {
      throw new NotRunError(`ONNX Runtime does not run '${graph.name}'`, { cause });
    });
    answers.push(...found.map((values) => new Map([...values].map(([name, tensor]) => [name, asValue(tensor)]))));
  }
  return answers;
}

/**
 * The first output of a node of operator set 18 whose first input, of this rank, is fed and whose others are constants.
 *
 * @throws NotRunError if ONNX Runtime does not run the node
 */
export async function runNode(
  { run, draft: { initializers } }: Rewriter,
  node: OnnxNode,
  rank: number,
  feeds: Iterable<Feed>,
): Promise<readonly Value[]> {
  const constants = node.inputs.slice(1).filter((name) => name !== '');
  const graph: Graph = {
    name: 'node',
    nodes: [node],
    initializers: new Map(constants.map((name) => [name, initializers.get(name)!])),
    inputs: [{ name: node.inputs[0]!, type: 'float32', dims: Array.from({ length: rank }, (_, axis) => `d${axis}`) }],
    outputs: [],
  };
  const answers = await runFor(run, { graph, opset: 18 }, [node.outputs[0]!], feeds);
  return answers.map((answer) => answer.get(node.outputs[0]!)!);
}
