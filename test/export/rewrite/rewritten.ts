/** Rewrites a small graph and runs both forms in ONNX Runtime on random inputs. */
import assert from 'node:assert/strict';
import type { OnnxModel, OnnxNode } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { GraphDraft } from '../../../src/export/foreign/graph-draft.ts';
import { measureTensors } from '../../../src/export/foreign/rewrite/dims.ts';
import { rewrite } from '../../../src/export/foreign/rewrite/index.ts';
import { Rewriter } from '../../../src/export/foreign/rewrite/rewriter.ts';
import { runFor } from '../../../src/export/foreign/rewrite/run.ts';
import { runWithOnnxRuntime } from '../../../src/export/onnx-runtime/node.ts';
import { GraphBuilder } from '../../support/networks/graph-builder.ts';
import { Random } from '../../support/numbers/random.ts';

interface Options {
  /** The image's dimensions without the batch. */
  readonly sample: readonly number[];
  readonly opset?: number;
  readonly batch?: number | null;
  readonly scale?: number;
  /** What is done to the draft. */
  readonly change?: (rewriter: Rewriter) => Promise<unknown>;
}

export function modelOf(builder: GraphBuilder, output: string, opset = 18): OnnxModel {
  const graph = builder.graph(output);
  return { irVersion: 8, opset, producerName: '', producerVersion: '', graph, metadata: new Map() };
}

/** What rewrites the model's graph. */
export async function rewriterOf(model: OnnxModel, dims: readonly number[], batch: number | null): Promise<Rewriter> {
  const measured = await measureTensors(runWithOnnxRuntime, model, dims);
  return new Rewriter(new GraphDraft(model.graph), runWithOnnxRuntime, { measured, batch });
}

/** The nodes after the rewrite, once it has been seen that they compute what those before it do, for two batches. */
export async function rewritten(builder: GraphBuilder, output: string, options: Options): Promise<readonly OnnxNode[]> {
  const { sample, opset = 18, batch = null, scale = 1, change = rewrite } = options;
  const model = modelOf(builder, output, opset);
  const rewriter = await rewriterOf(model, [batch ?? 1, ...sample], batch);
  await change(rewriter);
  const graph = rewriter.draft.graph('rewritten');
  const random = new Random(sample.length + builder.nodes.length);
  const size = sample.reduce((product, dim) => product * dim, 1);
  const feeds = (batch === null ? [1, 3] : [batch]).map((rows) => {
    return { dims: [rows, ...sample], data: Float32Array.from(random.normals(rows * size), (value) => scale * value) };
  });
  const before = await runFor(runWithOnnxRuntime, model, [output], feeds);
  const name = graph.outputs[0]!.name;
  const after = await runFor(runWithOnnxRuntime, { graph, opset: 18 }, [name], feeds);
  before.forEach((answer, i) => {
    const [expected, found] = [answer.get(output)!, after[i]!.get(name)!];
    const largest = Array.from(expected.data, Number).reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
    assert.equal(found.data.length, expected.data.length);
    for (let e = 0; e < expected.data.length; e++) {
      const difference = Math.abs(Number(found.data[e]) - Number(expected.data[e]));
      assert(difference <= 3e-6 * largest, `value ${e} is ${found.data[e]}, not ${expected.data[e]}`);
    }
  });
  return graph.nodes;
}

export function operators(nodes: readonly OnnxNode[]): string {
  return nodes.map(({ op }) => op).join(' ');
}

export type Build = (builder: GraphBuilder, x: string) => string;

/** The operators that a graph of one input ends up with. */
export async function form(sample: readonly number[], build: Build, options: Partial<Options> = {}): Promise<string> {
  const builder = new GraphBuilder([options.batch ?? 'N', ...sample]);
  return operators(await rewritten(builder, build(builder, 'image'), { sample, ...options }));
}
