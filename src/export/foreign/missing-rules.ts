/** Reports, before the proof, every operator of a network that has no rule, not only the first one. */
import { UnprovableError } from '../../certify-runtime/trusted/errors.ts';
import type { Graph, OnnxNode } from '../../certify-runtime/trusted/onnx/model.ts';
import { RULES } from '../../certify-runtime/trusted/rules/table.ts';

/** Why an operator has no rule, if the reason is more than that nobody wrote it. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ['Softmax', 'attention has no finite Lipschitz constant: its weights and what they weigh both depend on the image'],
  ['LSTM', 'its gates multiply values that all depend on the image'],
  ['GRU', 'its gates multiply values that all depend on the image'],
  ['LayerNormalization', 'it divides by a spread that depends on the image and may be close to 0'],
  ['InstanceNormalization', 'it divides by a spread that depends on the image and may be close to 0'],
  ['GroupNormalization', 'it divides by a spread that depends on the image and may be close to 0'],
  ['Sqrt', 'its slope at 0 is not finite'],
]);

/** Whether a node depends on pixel values; those that depend only on shapes may still be folded by the proof. */
function dependsOnPixels(graph: Graph): (node: OnnxNode) => boolean {
  const data = new Set(graph.inputs.map(({ name }) => name));
  const nodes = new Set<OnnxNode>();
  for (const node of graph.nodes) {
    if (!node.inputs.some((name) => data.has(name))) continue;
    nodes.add(node);
    if (node.op !== 'Shape' && node.op !== 'Size') for (const name of node.outputs) data.add(name);
  }
  return (node) => nodes.has(node);
}

/** @throws UnprovableError naming every operator without a rule and where each first occurs */
export function refuseMissingRules(graph: Graph): void {
  const missing = graph.nodes.filter(({ op }) => !RULES.has(op) && op !== 'Shape' && op !== 'Constant');
  if (missing.length === 0) return;
  const onPixels = missing.filter(dependsOnPixels(graph));
  const first = new Map<string, OnnxNode>();
  for (const node of onPixels.length > 0 ? onPixels : missing) if (!first.has(node.op)) first.set(node.op, node);
  const listed = [...first.values()].map(
    ({ op, name }) => `${op} '${name}' (node ${graph.nodes.findIndex((node) => node.name === name && node.op === op)})`,
  );
  const reasons = [...first.keys()].flatMap((op) => (REASONS.has(op) ? [`${op}: ${REASONS.get(op)}`] : []));
  if (onPixels.length === 0) reasons.push('they compute shapes only: fold them, for example with onnxsim');
  throw new UnprovableError(
    [`no rule for ${listed.join(', ')}: nothing can be proven of this network`, ...reasons].join('\n  '),
    { operators: [...first.keys()] },
  );
}
