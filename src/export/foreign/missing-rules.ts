/** Reports, before the proof, every operator of a network that has no rule, not only the first one. */
import { UnprovableError } from '../../certify-runtime/trusted/errors.ts';
import type { Graph, OnnxNode } from '../../certify-runtime/trusted/onnx/model.ts';
import { RULES } from '../../certify-runtime/trusted/rules/table.ts';
import { ON_SHAPES, OPERATORS, WITHOUT_RULE } from '../refusal/remedies.ts';

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
  const operators = [...first.keys()];
  const reasons = operators.flatMap((op) => {
    const why = OPERATORS.get(op)?.[0];
    return why === undefined || why === null ? [] : [`${op}: ${why}`];
  });
  const known = operators.find((op) => OPERATORS.has(op));
  const remedy = onPixels.length === 0 ? ON_SHAPES : (OPERATORS.get(known ?? '')?.[1] ?? WITHOUT_RULE);
  const reason = [`no rule for ${listed.join(', ')}: nothing can be proven of this network`, ...reasons].join('\n  ');
  throw new UnprovableError(`${reason}; ${remedy}`, {
    operators,
    place: listed[0],
    reason,
    remedy,
    nodes: graph.nodes.map(({ op, name }) => ({ op, name, missing: missing.some((node) => node.op === op) })),
  });
}
