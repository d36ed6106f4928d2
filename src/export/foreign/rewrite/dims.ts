/** Measures the shape and type of every tensor of a network by running it once. */
import type { OnnxModel } from '../../../certify-runtime/trusted/onnx/model.ts';
import type { RunGraph } from '../../onnx-runtime/run-graph.ts';
import type { Measured } from './rewriter.ts';
import { NotRunError, runFor } from './run.ts';

/**
 * The tensors by name; none if ONNX Runtime does not run the network, which then has no form that it could be compared
 * in either. `dims` is the shape of the input, the batch in front.
 */
export async function measureTensors(
  run: RunGraph,
  { graph, opset }: Pick<OnnxModel, 'graph' | 'opset'>,
  dims: readonly number[],
): Promise<ReadonlyMap<string, Measured>> {
  const names = graph.nodes.flatMap(({ outputs }) => outputs.filter((name) => name !== ''));
  const data = new Float32Array(dims.reduce((product, dim) => product * dim, 1)).fill(0.5);
  const measured = new Map<string, Measured>([[graph.inputs[0]!.name, { dims, type: 'float32' }]]);
  try {
    const [values] = await runFor(run, { graph, opset }, names, [{ dims, data }]);
    for (const [name, value] of values!) measured.set(name, { dims: value.dims, type: value.type });
  } catch (error) {
    if (!(error instanceof NotRunError)) throw error;
  }
  return measured;
}
