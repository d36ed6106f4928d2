/** The layers of a plain network as nodes of a graph model, in a form that is fast and that the proof has rules for. */
import { fourierFrame } from '../../network/fourier-frame.ts';
import type { Activation, ConvLayer, DenseLayer, FourierLayer, Grid, PlainLayer } from '../../network/plain-network.ts';
import type { GraphBuilder } from './graph-builder.ts';

/**
 * Long dot products are computed in parts and added up: the float32 error that the certificate must allow for grows
 * with the number of terms summed in one node, whatever their order (docs/soundness.md, Lemma 8 and its corollary). B
 * parts of k/B terms count as k/B + B, which is least for B = √k, but each part costs a node. √(k/10) parts are within
 * a factor of 1.8 of the least.
 */
const TERMS_FOR_ONE_PART = 10;

/** The smallest number of equal parts that is at least √(inputs/10). */
function partsOf(inputs: number): number {
  let parts = Math.ceil(Math.sqrt(inputs / TERMS_FOR_ONE_PART));
  while (inputs % parts !== 0) parts++;
  return parts;
}

/** Rows `begin` to `end` of each of the matrices [rows, columns] in `values`. */
function rowsOfEach(values: Float32Array, rows: number, columns: number, begin: number, end: number): Float32Array {
  const count = values.length / (rows * columns);
  const part = new Float32Array(count * (end - begin) * columns);
  for (let i = 0; i < count; i++) {
    const from = i * rows * columns;
    part.set(values.subarray(from + begin * columns, from + end * columns), i * (end - begin) * columns);
  }
  return part;
}

/** A constant matrix [rows, columns], or one for each entry of `blocks`, in one array. */
interface Matrices {
  readonly blocks: readonly number[];
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

/** value [N, …, rows]·matrices, in parts; the blocks go with the axes before the last two. */
function product(
  graph: GraphBuilder,
  scope: string,
  value: string,
  rank: number,
  { blocks, rows, columns, values }: Matrices,
): string {
  const parts = partsOf(rows);
  const slices = parts === 1 ? [value] : graph.split(`${scope}/parts`, value, rank - 1, parts);
  const products = slices.map((slice, i) => {
    const suffix = parts > 1 ? `_${i}` : '';
    const [begin, end] = [(i * rows) / parts, ((i + 1) * rows) / parts];
    const part = rowsOfEach(values, rows, columns, begin, end);
    const weights = graph.constant(`${scope}/weights${suffix}`, [...blocks, rows / parts, columns], part);
    return graph.matMul(`${scope}/product${suffix}`, slice, weights);
  });
  return parts === 1 ? products[0]! : graph.sum(`${scope}/product`, products);
}

/** Adds the bias and applies the activation on the last axis; `output` is the name of the result. */
function finish(
  graph: GraphBuilder,
  scope: string,
  output: string,
  value: string,
  rank: number,
  { bias, activation }: { readonly bias: Float32Array; readonly activation: Activation },
): string {
  const constant = graph.constant(`${scope}/bias`, [bias.length], bias);
  const sum = graph.node('AddV2', activation === 'none' ? output : `${scope}/sum`, [value, constant]);
  if (activation === 'none') return sum;
  if (activation === 'relu') return graph.node('Relu', output, [sum]);
  const halves = graph.split(`${scope}/halves`, sum, rank - 1, 2);
  const max = graph.node('Maximum', `${scope}/max`, halves);
  const min = graph.node('Minimum', `${scope}/min`, halves);
  return graph.concat(output, [max, min], rank - 1);
}

function dense(graph: GraphBuilder, scope: string, output: string, value: string, layer: DenseLayer): string {
  const { inputs: rows, outputs: columns, weights: values } = layer;
  const sum = product(graph, scope, value, 2, { blocks: [], rows, columns, values });
  return finish(graph, scope, output, sum, 2, layer);
}

function spaceToDepth(graph: GraphBuilder, scope: string, value: string, layer: Grid & { inputs: number }): string {
  const { height, width, down, inputs } = layer;
  if (down === 1) return value;
  const grouped = graph.reshape(`${scope}/grouped`, value, [height, down, width, down, inputs / (down * down)]);
  return graph.reshape(`${scope}/deep`, graph.transpose(`${scope}/moved`, grouped, [0, 1, 3, 2, 4, 5]), [
    height,
    width,
    inputs,
  ]);
}

function conv(graph: GraphBuilder, scope: string, output: string, value: string, layer: ConvLayer): string {
  const { kernel, inputs, outputs, weights } = layer;
  const image = spaceToDepth(graph, scope, value, layer);
  if (kernel === 1) {
    const each = product(graph, scope, image, 4, { blocks: [], rows: inputs, columns: outputs, values: weights });
    return finish(graph, scope, output, each, 4, layer);
  }
  const constant = graph.constant(`${scope}/kernel`, [kernel, kernel, inputs, outputs], weights);
  const ones = { list: { i: ['1', '1', '1', '1'] } };
  const attributes = {
    strides: ones,
    dilations: ones,
    padding: { s: base64('SAME') },
    data_format: { s: base64('NHWC') },
  };
  return finish(
    graph,
    scope,
    output,
    graph.node('Conv2D', `${scope}/product`, [image, constant], attributes),
    4,
    layer,
  );
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** Each of the `count` matrices [rows, columns] in `values`, transposed. */
function transposedEach(values: Float32Array, count: number, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let i = 0; i < count; i++) {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        result[(i * columns + c) * rows + r] = values[(i * rows + r) * columns + c]!;
      }
    }
  }
  return result;
}

/** Takes an image into the Fourier frame, multiplies by a block for each slot, and goes back; see fourier-frame.ts. */
function fourier(graph: GraphBuilder, scope: string, output: string, value: string, layer: FourierLayer): string {
  const { height, width, inputs, outputs, blocks } = layer;
  const frame = fourierFrame(height, width);
  const { rows, slots } = frame;
  const name = `fourier/${height}x${width}`;
  const vertical = Float32Array.from(frame.vertical);
  const horizontal = Float32Array.from(frame.horizontal);
  const side = 2 * width;
  const into = [
    graph.constant(`${name}/vertical`, [2 * rows, height], vertical),
    graph.constant(`${name}/horizontal`, [rows, side, side], horizontal),
  ] as const;
  const back = [
    graph.constant(`${name}/vertical_back`, [height, 2 * rows], transposedEach(vertical, 1, 2 * rows, height)),
    graph.constant(`${name}/horizontal_back`, [rows, side, side], transposedEach(horizontal, rows, side, side)),
  ] as const;
  const step = (wish: string) => `${scope}/${wish}`;

  let x = spaceToDepth(graph, scope, value, layer);
  x = graph.reshape(step('columns'), x, [height, width * inputs]);
  x = graph.reshape(step('lines'), graph.matMul(step('down'), into[0], x), [rows, side, inputs]);
  x = graph.reshape(step('slots'), graph.matMul(step('right'), into[1], x), [slots, 1, 2 * inputs]);
  x = product(graph, scope, x, 4, { blocks: [slots], rows: 2 * inputs, columns: 2 * outputs, values: blocks });
  x = graph.reshape(step('spectrum'), x, [rows, side, outputs]);
  x = graph.reshape(step('rows'), graph.matMul(step('left'), back[1], x), [2 * rows, width * outputs]);
  x = graph.reshape(step('image'), graph.matMul(step('up'), back[0], x), [height, width, outputs]);
  return finish(graph, scope, output, x, 4, layer);
}

/**
 * y = z·weights + bias in one product, the form in which a head is recognised; its error is small compared with the
 * others.
 */
export function addHead(graph: GraphBuilder, output: string, value: string, layer: DenseLayer): string {
  const weights = graph.constant('head/weights', [layer.inputs, layer.outputs], layer.weights);
  return finish(graph, 'head', output, graph.matMul('head/product', value, weights), 2, layer);
}

/** Adds the nodes of one layer; `output` is the name of its result. */
export function addLayer(graph: GraphBuilder, scope: string, output: string, value: string, layer: PlainLayer): string {
  if (layer.kind === 'fourier') return fourier(graph, scope, output, value, layer);
  return layer.kind === 'conv' ? conv(graph, scope, output, value, layer) : dense(graph, scope, output, value, layer);
}
