/** What may help a layer that costs much: one hint for each. */
import type { OnnxNode } from '../../certify-runtime/trusted/onnx/model.ts';
import { WEIGHTS } from './groups.ts';

/** A layer that costs less than this share gets no hint. */
const WORTH = 0.05;
/** L grows by more than rounding; and by so much that it costs, even if images are stretched as much. */
const GROWS = 1.001;
const MUCH = 1.5;
/** Of a radius: less than this is not worth a change. */
const NOTICED = 1e-3;

const SHRINKING = new Set(['Relu', 'LeakyRelu', 'PRelu', 'Clip', 'Sigmoid', 'Tanh', 'Elu', 'Celu', 'Selu', 'Softplus']);
const POOLS = new Set(['MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'ReduceMean', 'ReduceMax']);

const FLAT = 'it flattens what the bound takes for full slope: use GroupSort or MaxMin';

function overlaps({ attributes }: OnnxNode): boolean {
  const kernel = attributes.get('kernel_shape');
  const strides = attributes.get('strides');
  if (kernel?.kind !== 'ints') return false;
  return kernel.value.some((size, i) => size > (strides?.kind === 'ints' ? (strides.value[i] ?? 1n) : 1n));
}

/** Of a layer by which L grows. */
function ofGrowth(nodes: readonly OnnxNode[], inputs: number, own: number): string | null {
  const factor = Number(own.toPrecision(3));
  const node = nodes[0]!;
  if (nodes.some(({ op }) => WEIGHTS.has(op))) {
    const alone = nodes.every(({ op }) => WEIGHTS.has(op) || op === 'Add');
    return `expansion: ${alone ? '‖W‖' : 'W and the scales beside it'} = ${factor}; train it orthogonal`;
  }
  if (nodes.some(({ op }) => op === 'BatchNormalization'))
    return `expansion: its largest scale is ${factor}; keep γ/σ at 1 or less`;
  if (POOLS.has(node.op) && overlaps(node)) return 'overlapping pool: use stride = kernel';
  if (inputs > 1) return `a sum of ${inputs} branches: weigh them, as in (x + f(x))/2`;
  if (node.op === 'Mul' || node.op === 'Div') return `a scale of ${factor}: leave it to the last layer`;
  if (node.op === 'Pad') return 'elements are used more than once: pad with zeros';
  return `L grows by ${factor}: use a layer of norm 1`;
}

/** Of a layer whose input the bound takes for worse than it is. */
function ofLoss(nodes: readonly OnnxNode[]): string {
  const node = nodes[0]!;
  if (nodes.some(({ op }) => WEIGHTS.has(op)))
    return 'what it stretches most does not arrive: an orthogonal layer stretches all alike';
  if (POOLS.has(node.op)) return 'it loses what the bound keeps: use space-to-depth and a smaller layer';
  if (nodes.some(({ op }) => SHRINKING.has(op))) return FLAT;
  return 'branches and parts do not reach their largest at once: use fewer of them';
}

interface Costly {
  readonly nodes: readonly OnnxNode[];
  /** How many tensors it takes, and by how much L grows. */
  readonly inputs: number;
  readonly own: number;
  /** Its shares, and what float32 takes from a radius in all. */
  readonly loss: number;
  readonly slack: number;
  readonly float32: number;
}

export function hintFor({ nodes, inputs, own, loss, slack, float32 }: Costly): string | null {
  if (loss >= WORTH || own > MUCH) return own > GROWS ? ofGrowth(nodes, inputs, own) : ofLoss(nodes);
  if (float32 > NOTICED && slack >= WORTH && nodes.some(({ op }) => WEIGHTS.has(op)))
    return 'long sums in float32: fewer inputs, or --precision float64';
  return null;
}
