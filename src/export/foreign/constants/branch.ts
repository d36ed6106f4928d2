/** Puts the branch of an If in its place, where the condition is a constant: exporters write one around a Squeeze. */
import { quote } from '../../../certify-runtime/trusted/onnx/wire.ts';
import { graphOf, type RawGraph, type RawNode } from '../onnx/raw.ts';
import type { StoredTensor } from '../onnx/tensor.ts';
import { refuse } from '../onnx/wire.ts';

function copy(from: string, to: string, { at }: RawNode): RawNode {
  return { op: 'Identity', domain: '', overload: '', name: '', inputs: [from], outputs: [to], attributes: [], at };
}

/** The graph that the node runs; null if its condition is not known. */
function branchOf(node: RawNode, initializers: ReadonlyMap<string, StoredTensor>): RawGraph | null {
  const condition = initializers.get(node.inputs[0] ?? '')?.read();
  if (node.op !== 'If' || node.domain !== '' || condition?.type !== 'bool' || condition.bytes.length !== 1) return null;
  const wanted = condition.bytes[0] === 0 ? 'else_branch' : 'then_branch';
  const attribute = node.attributes.find(({ name }) => name === wanted);
  return attribute === undefined ? null : graphOf(attribute);
}

/**
 * The graph without such nodes; the same object if it has none. ONNX forbids a branch to use a name of the graph around
 * it again, so nothing has to be renamed; checkOrder finds a file that does.
 */
export function placeBranches(graph: RawGraph): RawGraph {
  const initializers = new Map(graph.initializers);
  let found = false;
  const nodes = graph.nodes.flatMap((node): RawNode[] => {
    const branch = branchOf(node, graph.initializers);
    if (branch === null) return [node];
    found = true;
    for (const [name, tensor] of branch.initializers) {
      if (initializers.has(name))
        refuse(tensor.at, `${quote(name)} is already defined by ${initializers.get(name)!.at.path}`);
      initializers.set(name, tensor);
    }
    const outputs = branch.outputs.map(({ name }, i) => copy(name, node.outputs[i] ?? '', node));
    return [...branch.nodes, ...outputs.filter(({ outputs: [name] }) => name !== '')];
  });
  return found ? { ...graph, nodes, initializers } : graph;
}
