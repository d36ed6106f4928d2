/** The forms of a file that ONNX Runtime may load from memory, to compare a sealed network with it. */
import { OnnxFormatError } from '../../certify-runtime/trusted/errors.ts';
import { encodeRaw, loadable, type RunInput } from './onnx/encode.ts';
import type { RawGraph, RawModel } from './onnx/raw.ts';

/** A form of a file, written when it is needed. */
export interface Form {
  readonly bytes: () => Uint8Array;
  /** Whether its input is float32 where the file's is float64. */
  readonly rounded: boolean;
}

/** A file of what the outputs of `graph` need. */
export function partOf(model: RawModel, graph: RawGraph, input: RunInput, rounded: boolean): Form {
  const { nodes, initializers, outputs } = graph;
  const wanted = outputs.map(({ name }) => name);
  return { bytes: () => encodeRaw(model, nodes, initializers, [input], wanted), rounded };
}

/** Whether no attribute says that its values are in another file, which ONNX Runtime might read by itself. */
function attributesAreIn({ graph, functions }: RawModel): boolean {
  try {
    const nodes = [...graph.nodes, ...[...functions.values()].flatMap((body) => body.nodes)];
    return nodes.every(({ attributes }) => attributes !== undefined);
  } catch (error) {
    if (error instanceof OnnxFormatError) return false;
    throw error;
  }
}

/**
 * The file as it is, if it has all of its weights in it, the output, and no other input; and the part that the output
 * needs, in case something else in the file keeps ONNX Runtime from loading it.
 */
export function formsOf(model: RawModel, complete: RawGraph, input: RunInput): Form[] {
  const { graph } = model;
  const [output] = complete.outputs;
  const external = [...graph.initializers.values()].some((tensor) => tensor.external !== null);
  const declared = graph.outputs.some(({ name }) => name === output!.name);
  const alone = graph.inputs.every(({ name }) => name === input.name || graph.initializers.has(name));
  const whole =
    !external && declared && alone && attributesAreIn(model) ? [{ bytes: () => loadable(model), rounded: false }] : [];
  return [...whole, partOf(model, complete, input, false)];
}
