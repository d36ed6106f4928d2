/**
 * Brings another program's classifier into the form that is sealed: operator set 18, `image` [N, H, W, C] on [0, 1]
 * with a free batch, and one output, the logits. Nothing here has to be trusted later: the proof is about the file that
 * comes out, and `compareWithOriginal` compares its answers with those of the file that went in.
 */
import { UnprovableError } from '../../certify-runtime/trusted/errors.ts';
import type { OnnxModel } from '../../certify-runtime/trusted/onnx/model.ts';
import type { RunGraph } from '../onnx-runtime/run-graph.ts';
import { chooseOutput } from './choose-output.ts';
import { GraphDraft } from './graph-draft.ts';
import { freeBatch, type InputLayer, type InputOptions, insertInputLayer, readInputLayer } from './input-layer.ts';
import { refuseMissingRules } from './missing-rules.ts';
import type { OriginalModel, Source } from './read-original.ts';
import { measureTensors } from './rewrite/dims.ts';
import { makeHead } from './rewrite/head.ts';
import { rewrite } from './rewrite/index.ts';
import { statedAxes } from './rewrite/moves.ts';
import { Rewriter } from './rewrite/rewriter.ts';
import { outputsOf, splitSingleOutput } from './rewrite/single-output.ts';
import { type Cut, checkSingle, cutTail } from './rewrite/tail.ts';
import { prune, simplify } from './simplify.ts';
import { dropInfinite, refuseNonFinite } from './upgrade/infinite.ts';
import { upgradeNodes } from './upgrade/opset.ts';
import { padZeros } from './upgrade/zeros.ts';

export interface PrepareOptions extends InputOptions {
  /** The output that holds the logits. */
  readonly logits?: string;
  /** Runs parts of the network, to see what shapes they have and what they compute. */
  readonly runGraph: RunGraph;
}

export interface PreparedNetwork {
  readonly model: OnnxModel;
  readonly classes: number;
  readonly input: InputLayer;
  /** The original's output, and what was done to it: operators were cut off, or it was turned into two classes. */
  readonly output: { readonly name: string; readonly cut: readonly Cut[]; readonly single: boolean };
  /** The file that it was read from, if it was read by readOriginal. */
  readonly source: Source | undefined;
  /** Runs the original. */
  readonly run: RunGraph;
  /** What was changed, in words. */
  readonly notes: readonly string[];
}

/**
 * @throws UnprovableError if the network cannot be sealed, naming operator and reason; InputError if an option must say
 *   what the file leaves open
 */
export async function prepareNetwork(model: OriginalModel, options: PrepareOptions): Promise<PreparedNetwork> {
  const { graph, opset } = model;
  const info = graph.inputs[0];
  if (info === undefined || graph.inputs.length !== 1) {
    throw new UnprovableError(`the model has ${graph.inputs.length} inputs, expected one, the image`);
  }
  const input = readInputLayer(info, options, model.source?.inputType);
  const name = model.source?.output ?? chooseOutput(graph, options.logits);
  const draft = new GraphDraft(graph);
  draft.outputs = [{ name, type: 'float32', dims: ['N', 'K'] }];
  prune(draft, name);
  const { runGraph: run } = options;
  const dims = [input.batch ?? 1, ...input.dims];
  const measured = await measureTensors(run, { ...model, graph: draft.graph(graph.name) }, dims);
  upgradeNodes(draft, opset);
  simplify(draft, opset);
  dropInfinite(draft);
  padZeros(draft);
  const rewriter = new Rewriter(draft, run, { measured, batch: input.batch });
  if (statedAxes(rewriter)) {
    rewriter.measureAnew(await measureTensors(run, { opset: 18, graph: draft.graph(graph.name) }, dims));
  }
  const cut = cutTail(rewriter, opset);
  await rewrite(rewriter);
  const head = await makeHead(rewriter);
  refuseMissingRules(draft.graph(graph.name));

  const outputs = outputsOf(draft);
  const single = outputs === 1;
  if (single) {
    checkSingle(cut);
    splitSingleOutput(draft);
  }
  if (input.batch !== null) freeBatch(draft, input.batch);
  insertInputLayer(draft, input);
  refuseNonFinite(draft);
  return {
    model: { ...model, opset: 18, graph: draft.graph(graph.name) },
    classes: single ? 2 : (outputs ?? 0),
    input,
    output: { name, cut, single },
    source: model.source,
    run,
    notes: [...(model.source?.notes ?? []), ...notes(model, input, cut, single), ...(head === '' ? [] : [head])],
  };
}

function notes(model: OnnxModel, input: InputLayer, cut: readonly Cut[], single: boolean): string[] {
  const { opset } = model;
  const { type, layout, batch, dims, shape, scale, mean, std } = input;
  return [
    type === 'float32' ? '' : `the input, ${type} in the file, is float32 on [0, 1]`,
    opset === 18 ? '' : `opset ${opset} brought to 18`,
    batch === null ? '' : `the batch, fixed to ${batch} in the file, made free`,
    layout === 'NCHW' ? `images [N, ${shape.join(', ')}] are transposed to the network's [N, C, H, W]` : '',
    dims.length === 3 ? '' : `images [N, ${shape.join(', ')}] are reshaped to the network's [N, ${dims.join(', ')}]`,
    scale === 1 && mean === null && std === null ? '' : 'preprocessing is part of the graph, and of L',
    cut.length === 0
      ? ''
      : `${cut.join(', ')} at the end is cut off: the label is the same, the logits are what it took`,
    single ? 'one output y is taken for the logits (0, y): its sign is the label' : '',
  ].filter((note) => note !== '');
}
