/**
 * Reverse mode over an ONNX graph in float64: its output, and the gradient in the image of any combination of its
 * outputs.
 */
import type { Graph, Tensor } from '../trusted/onnx/model.ts';
import { constantsOf, type Layout, NodeReader, NoGradient, type Operator, sizeOf } from './operator.ts';
import { TWINS } from './operators.ts';

interface Step {
  readonly operator: Operator;
  /** How many rows its inputs have for each image. */
  readonly rows: number;
  /** Only the inputs that depend on the image. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** A network's output for some images, and what is needed to go back from it. */
interface Trace {
  /** [n, K], row-major. */
  readonly output: Float64Array;
  /** Σ_j seed_j ∂y_j/∂x [n, pixels] for a seed [n, K]. */
  pullback(seed: Float64Array): Float64Array;
}

export interface DifferentiableNetwork {
  readonly imageSize: number;
  /** K, the size of the output. */
  readonly classes: number;
  /** The time that the output takes for one image, in multiply-adds; a gradient takes as much again. */
  readonly work: number;
  /** The output for n images, pixels one after the other. */
  trace(images: Float64Array, n: number): Trace;
  /** Like trace and pullback, with the seeds that `seed` gives for each row of logits. */
  gradient(
    images: Float64Array,
    n: number,
    seed: (logits: Float64Array, row: number) => ArrayLike<number>,
  ): { readonly logits: Float64Array; readonly gradient: Float64Array };
}

/** The cost of writing one element of a tensor, in multiply-adds. */
const ELEMENT_WORK = 8;

const elementsOf = ({ rows, shape }: Layout) => rows * sizeOf(shape);

export interface DifferentiateOptions {
  /** Values of tensors that nodes compute but that do not depend on the pixels; a batch size in them is 1. */
  readonly known?: ReadonlyMap<string, Tensor>;
  /** A network that takes more work than this is not compiled and has no gradient. */
  readonly limit?: number;
}

interface Compiled {
  readonly steps: readonly Step[];
  readonly layouts: ReadonlyMap<string, Layout>;
  readonly work: number;
}

/** The steps from `input` to `output`, without those it does not need. */
function compile(graph: Graph, input: string, output: string, options: DifferentiateOptions): Compiled {
  const { known = new Map(), limit = Number.POSITIVE_INFINITY } = options;
  const image = graph.inputs.find(({ name }) => name === input);
  const dims = image?.dims.slice(1).map(Number);
  if (dims === undefined || !dims.every(Number.isSafeInteger))
    throw new NoGradient(`no input '${input}' of a fixed size`);
  const constants = new Map([...constantsOf(graph), ...known]);
  const needed = new Set([output]);
  const nodes = [...graph.nodes].reverse().filter((node) => {
    if (!node.outputs.some((name) => needed.has(name) && !constants.has(name))) return false;
    for (const name of node.inputs) needed.add(name);
    return true;
  });
  const layouts = new Map<string, Layout>([[input, { rows: 1, shape: dims }]]);
  let work = 0;
  const steps = nodes.reverse().map((node): Step => {
    const reader = new NodeReader(node, layouts, constants);
    const operator = TWINS.get(node.op)?.gradient(reader) ?? reader.fail('no gradient');
    const rows = operator.rows ?? reader.rows;
    // Outputs that have no gradient (TopK's indices) are left out, so a node that reads one has none either.
    const outputs = node.outputs.slice(0, operator.outputShapes.length);
    outputs.forEach((name, i) => {
      const layout = { rows, shape: reader.fit(operator.outputShapes[i]!, rows) };
      layouts.set(name, layout);
      work += ELEMENT_WORK * elementsOf(layout);
    });
    work += reader.rows * (operator.work ?? 0);
    if (work > limit) reader.fail('the network is too large');
    return { operator, rows: reader.rows, inputs: node.inputs.filter((name) => layouts.has(name)), outputs };
  });
  if (!layouts.has(output)) throw new NoGradient(`'${output}' does not depend on the image`);
  return { steps, layouts, work };
}

function trace({ steps, layouts }: Compiled, input: string, output: string, images: Float64Array, n: number): Trace {
  const values = new Map([[input, images]]);
  for (const { operator, rows, inputs, outputs } of steps) {
    const results = operator.forward(
      inputs.map((name) => values.get(name)!),
      n * rows,
    );
    outputs.forEach((name, i) => {
      values.set(name, results[i]!);
    });
  }
  return {
    output: values.get(output)!,
    pullback(seed) {
      const gradients = new Map<string, Float64Array>();
      const gradientOf = (name: string): Float64Array => {
        const known = gradients.get(name) ?? new Float64Array(n * elementsOf(layouts.get(name)!));
        gradients.set(name, known);
        return known;
      };
      gradientOf(output).set(seed);
      for (const { operator, rows, inputs, outputs } of [...steps].reverse()) {
        operator.backward(
          inputs.map((name) => values.get(name)!),
          outputs.map((name) => values.get(name)!),
          outputs.map(gradientOf),
          inputs.map(gradientOf),
          n * rows,
        );
      }
      return gradientOf(input);
    },
  };
}

/** The network from `input` to `output`, or null if one of its nodes has no gradient here. */
export function differentiate(
  graph: Graph,
  input: string,
  output: string,
  options: DifferentiateOptions = {},
): DifferentiableNetwork | null {
  let compiled: Compiled;
  try {
    compiled = compile(graph, input, output, options);
  } catch (error) {
    if (error instanceof NoGradient) return null;
    throw error;
  }
  const { layouts, work } = compiled;
  const classes = elementsOf(layouts.get(output)!);
  return {
    imageSize: elementsOf(layouts.get(input)!),
    classes,
    work,
    trace: (images, n) => trace(compiled, input, output, images, n),
    gradient(images, n, seed) {
      const { output: logits, pullback } = trace(compiled, input, output, images, n);
      const seeds = new Float64Array(n * classes);
      for (let row = 0; row < n; row++) {
        seeds.set(seed(logits.subarray(row * classes, (row + 1) * classes), row), row * classes);
      }
      return { logits, gradient: pullback(seeds) };
    },
  };
}
