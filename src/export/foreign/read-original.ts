/**
 * Another program's model from its bytes, as far as the logits need it: the rest is left out before it is read, functions
 * and weights in other files are put in, and everything that does not depend on the pixels is a constant.
 */
import { InputError, UnprovableError } from '../../certify-runtime/trusted/errors.ts';
import type { OnnxModel, ValueInfo } from '../../certify-runtime/trusted/onnx/model.ts';
import { quote } from '../../certify-runtime/trusted/onnx/wire.ts';
import type { RunGraph } from '../onnx-runtime/run-graph.ts';
import { chooseOutput } from './choose-output.ts';
import { replaceClassical } from './classical.ts';
import { placeBranches } from './constants/branch.ts';
import { foldConstants, neededOf } from './constants/fold.ts';
import { doublesOf, refuseReducedPrecision, roundFloat64 } from './constants/precision.ts';
import { foldShapes } from './constants/shapes.ts';
import { type Form, formsOf, partOf } from './forms.ts';
import { type InputOptions, readInputLayer } from './input-layer.ts';
import { type ElementName, isElement } from './onnx/elements.ts';
import { loadExternal, type ReadExternal } from './onnx/external.ts';
import { inlineFunctions } from './onnx/inline.ts';
import type { RawGraph, RawModel } from './onnx/raw.ts';
import { checkOrder, overridable, pruneRaw } from './onnx/raw-graph.ts';
import { nameFreeDimensions, readInfo, toModel, typedGraph } from './onnx/read.ts';
import { refuse } from './onnx/wire.ts';
import { checkOpset } from './upgrade/opset.ts';

/** Branches within branches, each of which may hold constants and shapes again. */
const MAX_ROUNDS = 16;

export interface ReadOptions extends InputOptions {
  /** The tensor that holds the logits, or something that keeps their order. */
  readonly logits?: string;
  /** Reads weights from files beside the model; without it such a model is refused. */
  readonly readExternal?: ReadExternal;
  /** Runs parts of the model, and the model itself for the comparison. */
  readonly runGraph: RunGraph;
}

/** What is known of the file that a model was read from. */
export interface Source {
  /** The element type of its input; the model here says float32. */
  readonly inputType: string;
  readonly input: string;
  /** The tensor that was chosen. */
  readonly output: string;
  /** The closest to the file first; the last one is in float32, if the file computes in float64. */
  readonly forms: readonly Form[];
  /** The float64 constants that the model here has in float32, by name. */
  readonly doubles: ReadonlyMap<string, Float64Array>;
  /** What was changed, in words. */
  readonly notes: readonly string[];
}

export interface OriginalModel extends OnnxModel {
  readonly source?: Source;
}

/** The graph of what `output` needs, with functions and external weights in it. */
async function completeGraph(model: RawModel, output: string, read: ReadExternal | null): Promise<RawGraph> {
  const { graph } = model;
  const declared = graph.outputs.filter(({ name }) => name === output);
  const producer = graph.nodes.find((node) => node.outputs.includes(output));
  const chosen = declared.length > 0 ? declared : [{ name: output, at: producer!.at, type: undefined }];
  const needed = pruneRaw({ ...graph, outputs: chosen }, [output]);
  const inlined = pruneRaw({ ...needed, nodes: inlineFunctions(model, needed.nodes) }, [output]);
  checkOrder(inlined);
  return { ...inlined, initializers: await loadExternal(inlined.initializers, read) };
}

function readInput({ inputs }: RawGraph): { name: string; type: string; dims: (number | string)[] } {
  const [input, ...others] = inputs;
  if (input === undefined || others.length > 0) {
    const listed = inputs.map(({ name }) => quote(name)).join(', ');
    throw new UnprovableError(
      `the model has ${inputs.length} inputs${listed && ` (${listed})`}, expected one, the image; make constants of the others`,
      { inputs: inputs.map(({ name }) => name) },
    );
  }
  const info = readInfo(input) ?? refuse(input.at, 'its type is missing');
  const dims = info.dims ?? refuse(input.at, 'its shape is missing; save the model with the shape of its input');
  if (dims.includes(0)) {
    throw new UnprovableError(
      `the input ${quote(input.name)} [${dims.join(', ')}] has a size of 0, which ONNX Runtime does not run; give it a free batch with onnx.tools.update_model_dims`,
      { dims },
    );
  }
  const named = { name: input.name, type: info.type, dims };
  nameFreeDimensions([named]);
  return named;
}

/** The graph without arithmetic on shapes, if the sizes of its input are known. */
async function shapesFolded(
  model: RawModel,
  graph: RawGraph,
  { name, type, dims }: { name: string; type: ElementName; dims: readonly (number | string)[] },
  options: ReadOptions,
  run: RunGraph,
): Promise<RawGraph> {
  const sizes = sampleSizes({ name, type: 'float32', dims }, options);
  if (sizes === null) return graph;
  const input = { name, type, sizes, batch: typeof dims[0] === 'number' ? dims[0] : null };
  let current = graph;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const folded = await foldConstants(model, await foldShapes(model, current, input, run), run);
    const placed = placeBranches(folded);
    if (placed === folded) return folded;
    current = neededOf(placed);
    checkOrder(current);
  }
  return current;
}

/** The sizes of one sample, if the file and the options say them. */
function sampleSizes(input: ValueInfo, options: ReadOptions): readonly number[] | null {
  const [, ...sizes] = input.dims;
  if (sizes.every((size) => typeof size === 'number')) return sizes;
  try {
    return readInputLayer(input, options).dims;
  } catch (error) {
    if (error instanceof InputError || error instanceof UnprovableError) return null; // said when the input is prepared
    throw error;
  }
}

function notesOf(model: RawModel, complete: RawGraph, rounded: boolean): string[] {
  const { graph, functions, irVersion } = model;
  const constants = overridable(graph).filter((name) => complete.initializers.has(name));
  const called = functions.size > 0 && complete.nodes.length !== graph.nodes.length;
  return [
    constants.length === 0
      ? ''
      : `${constants.length} weights that are listed as inputs too (${quote(constants[0]!)}, …) are constants here`,
    called ? 'the functions of the model are put in place of their calls' : '',
    irVersion > 13 ? `the file is of IR version ${irVersion}; its copy for the comparison says 13` : '',
    rounded
      ? 'the network computes in float64; its weights and its arithmetic are float32 here, unless --precision float64 is given'
      : '',
  ].filter((note) => note !== '');
}

/**
 * @throws OnnxFormatError if what the logits need cannot be read; UnprovableError if it computes in reduced precision;
 *   InputError if the output must be named
 */
export async function readOriginal(model: RawModel, options: ReadOptions): Promise<OriginalModel> {
  const { readExternal = null, runGraph: run } = options;
  checkOpset(model.opsets.get('')!);
  const tensors = new Set(model.graph.nodes.flatMap(({ outputs }) => outputs));
  const output = chooseOutput(model.graph, options.logits, tensors);
  const complete = await completeGraph(model, output, readExternal);
  const own = readInput(complete);
  const input: ValueInfo = { name: own.name, type: 'float32', dims: own.dims };
  const outputs: ValueInfo[] = [{ name: output, type: 'float32', dims: ['N', 'K'] }];

  const folded = await foldConstants(model, replaceClassical(complete), run);
  refuseReducedPrecision(folded, own.type);
  if (!isElement(own.type)) refuse(complete.inputs[0]!.at, `element type ${own.type} is not supported`);
  const { graph: rounded, changed } = roundFloat64(folded);
  const double = own.type === 'float64';
  const shaped = await shapesFolded(model, rounded, { ...own, type: double ? 'float32' : own.type }, options, run);
  // A branch that was put in its place brings what was not seen before.
  refuseReducedPrecision(shaped, own.type);
  const { graph: final } = roundFloat64(shaped);
  checkOrder(final);
  return {
    ...toModel(model, typedGraph(final, [input], outputs, false)),
    source: {
      inputType: own.type,
      input: own.name,
      output,
      forms: [
        ...formsOf(model, complete, { ...own, type: own.type }),
        ...(changed || double ? [partOf(model, rounded, { ...own, type: 'float32' }, true)] : []),
      ],
      doubles: doublesOf(folded),
      notes: notesOf(model, complete, changed || double),
    },
  };
}
