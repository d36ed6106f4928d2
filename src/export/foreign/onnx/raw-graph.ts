/** What can be said of a raw graph by its names alone: what an output needs, and whether the order is right. */
import { quote } from '../../../certify-runtime/trusted/onnx/wire.ts';
import { type RawGraph, type RawNode, readsOf } from './raw.ts';
import type { Place } from './tensor.ts';
import { refuse } from './wire.ts';

const MAX_VALUES = 1_000_000;

/** Keeps the nodes, initializers and inputs that `outputs` are computed from; an initializer that is an input too is none. */
export function pruneRaw(graph: RawGraph, outputs: readonly string[]): RawGraph {
  const wanted = new Set(outputs);
  const kept: RawNode[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => name !== '' && wanted.has(name))) continue;
    kept.push(node);
    for (const name of readsOf(node)) wanted.add(name);
  }
  return {
    name: graph.name,
    nodes: kept.reverse(),
    initializers: new Map([...graph.initializers].filter(([name]) => wanted.has(name))),
    inputs: graph.inputs.filter(({ name }) => wanted.has(name) && !graph.initializers.has(name)),
    outputs: graph.outputs.filter(({ name }) => wanted.has(name)),
  };
}

/** The names of initializers that are listed as inputs too, which IR 3 required. */
export function overridable({ inputs, initializers }: RawGraph): string[] {
  return inputs.map(({ name }) => name).filter((name) => initializers.has(name));
}

/**
 * Requires that every value is defined once, and before it is used.
 *
 * @throws OnnxFormatError naming the place
 */
export function checkOrder({ nodes, initializers, inputs, outputs }: RawGraph): void {
  const defined = new Map<string, string>();
  const define = (at: Place, name: string) => {
    if (name === '') refuse(at, 'has no name');
    const first = defined.get(name);
    if (first !== undefined) refuse(at, `${quote(name)} is already defined by ${first}`);
    if (defined.size === MAX_VALUES) refuse(at, `more than ${MAX_VALUES} values`);
    defined.set(name, at.path);
  };
  const use = (at: Place, name: string) => {
    if (!defined.has(name)) refuse(at, `${quote(name)} is not defined before it is used`);
  };
  for (const { name, at } of inputs) if (!initializers.has(name)) define(at, name);
  for (const { name, at } of initializers.values()) define(at, name);
  for (const node of nodes) {
    for (const name of node.inputs) if (name !== '') use(node.at, name);
    for (const name of node.outputs) if (name !== '') define(node.at, name);
  }
  const seen = new Set<string>();
  for (const { name, at } of outputs) {
    use(at, name);
    if (seen.has(name)) refuse(at, `${quote(name)} is there twice`);
    seen.add(name);
  }
}
