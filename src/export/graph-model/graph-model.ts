/**
 * Writes a network as a TensorFlow.js graph model (model.json + weights.bin), the form that tf2onnx and
 * `tf.loadGraphModel` read. Format: tfjs-converter, docs/graph_model.md and TensorFlow's NodeDef in JSON.
 */
import { join } from 'node:path';
import { writeFileAtomic } from '../../files/atomic-file.ts';
import type { PlainNetwork } from '../../network/plain-network.ts';
import { GraphBuilder } from './graph-builder.ts';
import { addHead, addLayer } from './graph-layers.ts';

/** The names of the graph model's input and outputs, which the ONNX file keeps. */
export const GRAPH_MODEL = { image: 'image', latent: 'latent', logits: 'logits' } as const;

/** The graph model of image [N, H, W, C] ↦ latent [N, d], logits [N, K]. */
function build({ encoder, head }: PlainNetwork, shape: readonly number[]): GraphBuilder {
  const graph = new GraphBuilder();
  let value = graph.input(GRAPH_MODEL.image, shape);
  encoder.forEach((layer, i) => {
    const before = encoder[i - 1]?.kind ?? 'conv';
    if (layer.kind === 'dense' && before !== 'dense') value = graph.reshape(`flatten_${i}`, value, [layer.inputs]);
    value = addLayer(
      graph,
      `encoder_${i}`,
      i === encoder.length - 1 && layer.kind === 'dense' ? GRAPH_MODEL.latent : `encoder_${i}/output`,
      value,
      layer,
    );
  });
  if (encoder[encoder.length - 1]!.kind !== 'dense') value = graph.reshape(GRAPH_MODEL.latent, value, [head.inputs]);
  addHead(graph, GRAPH_MODEL.logits, value, head);
  return graph;
}

/** Writes `model.json` and `weights.bin` into `directory`; gives the path of `model.json`. */
export async function writeGraphModel(
  network: PlainNetwork,
  shape: readonly number[],
  directory: string,
): Promise<string> {
  const { nodes, weights, data } = build(network, shape);
  const info = (name: string, dims: readonly (string | number)[]) => ({
    name: `${name}:0`,
    dtype: 'DT_FLOAT',
    tensorShape: { dim: dims.map((size) => ({ size: String(size) })) },
  });
  const model = {
    format: 'graph-model',
    generatedBy: 'glean',
    convertedBy: null,
    signature: {
      inputs: { [GRAPH_MODEL.image]: info(GRAPH_MODEL.image, [-1, ...shape]) },
      outputs: {
        [GRAPH_MODEL.latent]: info(GRAPH_MODEL.latent, [-1, network.head.inputs]),
        [GRAPH_MODEL.logits]: info(GRAPH_MODEL.logits, [-1, network.head.outputs]),
      },
    },
    modelTopology: { node: nodes, library: {}, versions: { producer: 1882, minConsumer: 12 } },
    weightsManifest: [{ paths: ['weights.bin'], weights }],
  };
  await writeFileAtomic(join(directory, 'weights.bin'), Buffer.concat(data));
  const path = join(directory, 'model.json');
  await writeFileAtomic(path, JSON.stringify(model));
  return path;
}
