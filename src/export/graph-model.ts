/**
 * Writes a dense network as a TensorFlow.js graph model (model.json + weights.bin), the form that tf2onnx and
 * `tf.loadGraphModel` read. Format: tfjs-converter, docs/graph_model.md and TensorFlow's NodeDef in JSON.
 */
import { join } from 'node:path';
import { writeFileAtomic } from './atomic-file.ts';
import type { DenseLayer, DenseNetwork } from './bake.ts';

/** Names of the graph model's input and outputs; the ONNX file keeps them. */
export const GRAPH_MODEL = { image: 'image', latent: 'latent', logits: 'logits' } as const;

type AttributeJson = Readonly<Record<string, unknown>>;

interface NodeJson {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr: Readonly<Record<string, AttributeJson>>;
}

const FLOAT = { type: 'DT_FLOAT' };
const INT = { type: 'DT_INT32' };

interface WeightJson {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32';
}

/**
 * Long dot products are computed in parts and added up: the float32 error that the certificate must allow for grows with
 * the number of terms summed in one node, whatever their order (docs/soundness.md, Lemma 8 and its corollary). Eight parts
 * of 294 terms cost an eighth of the radius that one of 2 352 does; each part costs a node, so that about √(n/40) are best.
 */
const TERMS_FOR_ONE_PART = 40;

/** The smallest number of equal parts that is at least √(inputs/40). */
function partsOf(inputs: number): number {
  let parts = Math.ceil(Math.sqrt(inputs / TERMS_FOR_ONE_PART));
  while (inputs % parts !== 0) parts++;
  return parts;
}

/** Nodes and constants, in order, as they are added. */
class GraphBuilder {
  readonly nodes: NodeJson[] = [];
  readonly weights: WeightJson[] = [];
  readonly data: Uint8Array[] = [];

  node(op: string, name: string, input: readonly string[], attr: Readonly<Record<string, AttributeJson>> = {}): string {
    this.nodes.push({ name, op, input, attr: { T: FLOAT, ...attr } });
    return name;
  }

  constant(name: string, shape: readonly number[], values: Float32Array | Int32Array): string {
    const dtype = values instanceof Float32Array ? 'float32' : 'int32';
    const size = { dim: shape.map((length) => ({ size: String(length) })) };
    const type = dtype === 'float32' ? FLOAT : INT;
    const value = { tensor: { dtype: type.type, tensorShape: size } };
    this.nodes.push({ name, op: 'Const', attr: { dtype: type, value } });
    this.weights.push({ name, shape, dtype });
    this.data.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return name;
  }

  /** value·weights + bias, the product taken in this many parts. */
  dense(scope: string, output: string, value: string, axis: string, layer: DenseLayer, parts: number): string {
    const { inputs, outputs } = layer;
    const rows = inputs / parts;
    const attributes = { transpose_a: { b: false }, transpose_b: { b: false } };
    let slices = [value];
    if (parts > 1) {
      this.node('Split', `${scope}/parts`, [axis, value], { num_split: { i: String(parts) } });
      slices = Array.from({ length: parts }, (_, i) => (i === 0 ? `${scope}/parts` : `${scope}/parts:${i}`));
    }
    const products = slices.map((slice, i) => {
      const suffix = parts > 1 ? `_${i}` : '';
      const values = layer.weights.slice(i * rows * outputs, (i + 1) * rows * outputs);
      const weights = this.constant(`${scope}/weights${suffix}`, [rows, outputs], values);
      return this.node('MatMul', `${scope}/product${suffix}`, [slice, weights], attributes);
    });
    const product =
      parts > 1 ? this.node('AddN', `${scope}/product`, products, { N: { i: String(parts) } }) : products[0]!;
    const bias = this.constant(`${scope}/bias`, [outputs], layer.bias);
    return this.node('AddV2', output, [product, bias]);
  }
}

/** The graph model of image [N, H, W, C] ↦ latent [N, d], logits [N, K]. */
function build(network: DenseNetwork, shape: readonly number[]): GraphBuilder {
  const graph = new GraphBuilder();
  const dimensions = [-1, ...shape].map((size) => ({ size: String(size) }));
  graph.nodes.push({
    name: GRAPH_MODEL.image,
    op: 'Placeholder',
    attr: { dtype: FLOAT, shape: { shape: { dim: dimensions } } },
  });
  const pixels = shape.reduce((product, size) => product * size, 1);
  const flatShape = graph.constant('flatten/shape', [2], Int32Array.of(-1, pixels));
  let value = graph.node('Reshape', 'flatten', [GRAPH_MODEL.image, flatShape], { Tshape: INT });
  const axis = graph.constant('axis', [], Int32Array.of(1));
  network.encoder.forEach((layer, i) => {
    const last = i === network.encoder.length - 1;
    const scope = `encoder_${i}`;
    const output = layer.maxMin || !last ? `${scope}/sum` : GRAPH_MODEL.latent;
    value = graph.dense(scope, output, value, axis, layer, partsOf(layer.inputs));
    if (layer.maxMin) {
      graph.node('Split', `${scope}/halves`, [axis, value], { num_split: { i: '2' } });
      const halves = [`${scope}/halves`, `${scope}/halves:1`];
      const max = graph.node('Maximum', `${scope}/max`, halves);
      const min = graph.node('Minimum', `${scope}/min`, halves);
      const name = last ? GRAPH_MODEL.latent : `${scope}/sorted`;
      value = graph.node('ConcatV2', name, [max, min, axis], { N: { i: '2' }, Tidx: INT });
    }
  });
  graph.dense('head', GRAPH_MODEL.logits, value, axis, network.head, 1);
  return graph;
}

/** Writes `model.json` and `weights.bin` into `directory`; gives the path of `model.json`. */
export async function writeGraphModel(
  network: DenseNetwork,
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
