/** Reverse mode over an ONNX graph in float64: logits, and the gradient of any combination of them in the image. */
import type { Graph } from '../../certify-runtime/core/onnx/model.ts';
import { gemm, matMul } from './dense.ts';
import { activations, arithmetic, extremum, total } from './elementwise.ts';
import { constantsOf, NodeReader, NoGradient, type Operator, type Shape, sizeOf } from './operator.ts';
import { rearrangements } from './rearrange.ts';
import { conv, pool } from './window.ts';

const OPERATORS: ReadonlyMap<string, (reader: NodeReader) => Operator> = new Map(
  Object.entries({
    MatMul: matMul,
    Gemm: gemm,
    Add: arithmetic,
    Sub: arithmetic,
    Sum: total,
    Mul: arithmetic,
    Div: arithmetic,
    Max: extremum,
    Min: extremum,
    Conv: conv,
    AveragePool: pool,
    MaxPool: pool,
    ...activations,
    ...rearrangements,
  }),
);

interface Step {
  readonly operator: Operator;
  /** Only those that depend on the image. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface DifferentiableNetwork {
  readonly imageSize: number;
  readonly classes: number;
  /**
   * For n images, pixels one after the other: logits [n, K], and Σ_j seed_j ∂y_j/∂x [n, pixels] for the seeds that
   * `seed` gives for each row of logits.
   */
  gradient(
    images: Float64Array,
    n: number,
    seed: (logits: Float64Array, row: number) => ArrayLike<number>,
  ): { readonly logits: Float64Array; readonly gradient: Float64Array };
}

/** The steps from `input` to `output`, those it does not need left out. */
function compile(
  graph: Graph,
  input: string,
  output: string,
): { steps: readonly Step[]; shapes: ReadonlyMap<string, Shape> } {
  const image = graph.inputs.find(({ name }) => name === input);
  const dims = image?.dims.slice(1).map(Number);
  if (dims === undefined || !dims.every(Number.isSafeInteger))
    throw new NoGradient(`no input '${input}' of a fixed size`);
  const needed = new Set([output]);
  const nodes = [...graph.nodes].reverse().filter((node) => {
    if (!node.outputs.some((name) => needed.has(name))) return false;
    for (const name of node.inputs) needed.add(name);
    return node.op !== 'Constant';
  });
  const constants = constantsOf(graph);
  const shapes = new Map<string, Shape>([[input, dims]]);
  const steps = nodes.reverse().map((node): Step => {
    const reader = new NodeReader(node, shapes, constants);
    const operator = (OPERATORS.get(node.op) ?? (() => reader.fail('no gradient')))(reader);
    node.outputs.forEach((name, i) => {
      if (name === '') reader.fail('an omitted output');
      shapes.set(name, operator.outputShapes[i] ?? reader.fail(`output ${i}`));
    });
    return { operator, inputs: node.inputs.filter((name) => shapes.has(name)), outputs: node.outputs };
  });
  if (!shapes.has(output)) throw new NoGradient(`'${output}' does not depend on the image`);
  return { steps, shapes };
}

/** The network from `input` to `output`, or null where a node of it has no gradient here. */
export function differentiate(graph: Graph, input: string, output: string): DifferentiableNetwork | null {
  let compiled: ReturnType<typeof compile>;
  try {
    compiled = compile(graph, input, output);
  } catch (error) {
    if (error instanceof NoGradient) return null;
    throw error;
  }
  const { steps, shapes } = compiled;
  const classes = sizeOf(shapes.get(output)!);
  const imageSize = sizeOf(shapes.get(input)!);
  return {
    imageSize,
    classes,
    gradient(images, n, seed) {
      const values = new Map([[input, images]]);
      for (const { operator, inputs, outputs } of steps) {
        const results = operator.forward(
          inputs.map((name) => values.get(name)!),
          n,
        );
        outputs.forEach((name, i) => {
          values.set(name, results[i]!);
        });
      }
      const gradients = new Map<string, Float64Array>();
      const gradientOf = (name: string): Float64Array => {
        const known = gradients.get(name) ?? new Float64Array(n * sizeOf(shapes.get(name)!));
        gradients.set(name, known);
        return known;
      };
      const logits = values.get(output)!;
      for (let row = 0; row < n; row++) {
        gradientOf(output).set(seed(logits.subarray(row * classes, (row + 1) * classes), row), row * classes);
      }
      for (const { operator, inputs, outputs } of [...steps].reverse()) {
        operator.backward(
          inputs.map((name) => values.get(name)!),
          outputs.map((name) => values.get(name)!),
          outputs.map(gradientOf),
          inputs.map(gradientOf),
          n,
        );
      }
      return { logits, gradient: gradientOf(input) };
    },
  };
}
