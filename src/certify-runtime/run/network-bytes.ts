/** The network of a sealed file without its certificate head, as an ONNX file: what a certifier runs. */

import { HEAD_PREFIX, TENSORS } from '../trusted/file/names.ts';
import { decodeOnnx, encodeOnnx } from '../trusted/onnx/codec.ts';

/**
 * The file without the nodes and initializers of the head, the outputs `label` and `radius`, and the metadata. Nothing
 * else is lost, because readOnnx accepts a file only if writing what was read gives the same bytes; so the network that
 * is run is the one that was proven. margin.ts then computes the radius from logits and both image norms, in float64 and
 * at a part of the head's cost.
 *
 * @param bytes a file that readOnnx has accepted
 */
export function networkBytes(bytes: Uint8Array): Uint8Array {
  const { graph, ...model } = decodeOnnx(bytes);
  const own = ({ name }: { readonly name: string }) => !name.startsWith(HEAD_PREFIX);
  return encodeOnnx({
    ...model,
    metadata: new Map(),
    graph: {
      ...graph,
      nodes: graph.nodes.filter(own),
      initializers: new Map([...graph.initializers].filter(([, tensor]) => own(tensor))),
      outputs: graph.outputs.filter(({ name }) => name === TENSORS.logits || name === TENSORS.latent),
    },
  });
}
