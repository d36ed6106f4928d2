/**
 * Brings another program's classifier into the form that is sealed: operator set 18, `image` [N, H, W, C] on [0, 1]
 * with a free batch, and one output, the logits. Nothing here has to be trusted later: the proof is about the file that
 * comes out, and `compareWithOriginal` compares its answers with those of the file that went in.
 */
import { UnprovableError } from '../../certify-runtime/trusted/errors.ts';
import type { OnnxModel } from '../../certify-runtime/trusted/onnx/model.ts';
import { GraphDraft } from './graph-draft.ts';
import { freeBatch, type InputLayer, type InputOptions, insertInputLayer, readInputLayer } from './input-layer.ts';
import { chooseOutput, outputsOf, type Stripped, splitSingleOutput, stripActivation } from './logits.ts';
import { refuseMissingRules } from './missing-rules.ts';
import { upgradeNodes } from './opset.ts';
import { prune, simplify } from './simplify.ts';

export interface PrepareOptions extends InputOptions {
  /** The output that holds the logits. */
  readonly logits?: string;
}

export interface PreparedNetwork {
  readonly model: OnnxModel;
  readonly classes: number;
  readonly input: InputLayer;
  /** The original's output, and what was done to it: an activation was cut off, or it was turned into two classes. */
  readonly output: { readonly name: string; readonly stripped: Stripped | null; readonly single: boolean };
  /** What was changed, in words. */
  readonly notes: readonly string[];
}

/**
 * @throws UnprovableError if the network cannot be sealed, naming operator and reason; InputError if an option must say
 *   what the file leaves open
 */
export function prepareNetwork(model: OnnxModel, options: PrepareOptions = {}): PreparedNetwork {
  const { graph, opset } = model;
  const info = graph.inputs[0];
  if (info === undefined || graph.inputs.length !== 1) {
    throw new UnprovableError(`the model has ${graph.inputs.length} inputs, expected one, the image`);
  }
  const name = chooseOutput(graph, options.logits);
  const draft = new GraphDraft(graph);
  draft.outputs = [{ name, type: 'float32', dims: ['N', 'K'] }];
  prune(draft, name);
  upgradeNodes(draft, opset);
  simplify(draft, opset);
  const stripped = stripActivation(draft);
  refuseMissingRules(draft.graph(graph.name));

  const outputs = outputsOf(draft);
  const single = outputs === 1;
  if (single) splitSingleOutput(draft);
  const input = readInputLayer(info, options);
  if (input.batch !== null) freeBatch(draft, input.batch);
  insertInputLayer(draft, input);
  return {
    model: { ...model, opset: 18, graph: draft.graph(graph.name) },
    classes: single ? 2 : (outputs ?? 0),
    input,
    output: { name, stripped, single },
    notes: notes(model, input, stripped, single),
  };
}

function notes(model: OnnxModel, input: InputLayer, stripped: Stripped | null, single: boolean): string[] {
  const { opset } = model;
  const { layout, batch, dims, shape, scale, mean, std } = input;
  return [
    opset === 18 ? '' : `opset ${opset} brought to 18`,
    batch === null ? '' : `the batch, fixed to ${batch} in the file, made free`,
    layout === 'NCHW' ? `images [N, ${shape.join(', ')}] are transposed to the network's [N, C, H, W]` : '',
    dims.length === 3 ? '' : `images [N, ${shape.join(', ')}] are reshaped to the network's [N, ${dims.join(', ')}]`,
    scale === 1 && mean === null && std === null ? '' : 'preprocessing is part of the graph, and of L',
    stripped === null ? '' : `the last ${stripped} is cut off: the label is the same, the logits are what it took`,
    single ? 'one output y is taken for the logits (0, y): its sign is the label' : '',
  ].filter((note) => note !== '');
}
