/**
 * Operators of converters of classical models (domain ai.onnx.ml) that are linear layers, scales or nothing: brought to
 * the default operators.
 */
import type { Attribute } from '../../certify-runtime/trusted/onnx/model.ts';
import { readAttribute } from './onnx/attribute.ts';
import { makeAttribute } from './onnx/make.ts';
import { type RawAttribute, type RawGraph, type RawNode, readsOf } from './onnx/raw.ts';
import { keptTensor, type StoredTensor } from './onnx/tensor.ts';

const DOMAIN = 'ai.onnx.ml';

interface Parts {
  readonly nodes: readonly RawNode[];
  readonly tensors: readonly StoredTensor[];
}

/** One node to take apart: its attributes, and a maker of nodes and constants. */
class Site {
  readonly node: RawNode;
  readonly #attributes: ReadonlyMap<string, Attribute>;
  readonly #nodes: RawNode[] = [];
  readonly #tensors: StoredTensor[] = [];

  constructor(node: RawNode) {
    this.node = node;
    this.#attributes = new Map(node.attributes.map((attribute) => [attribute.name, readAttribute(attribute, false)]));
  }

  floats(name: string): readonly number[] {
    const attribute = this.#attributes.get(name);
    return attribute?.kind === 'floats' ? attribute.value : [];
  }

  text(name: string, otherwise: string): string {
    const attribute = this.#attributes.get(name);
    return attribute?.kind === 'string' ? attribute.value : otherwise;
  }

  constant(wish: string, dims: readonly number[], values: readonly number[]): string {
    const name = `${this.node.outputs.find((output) => output !== '')}/${wish}`;
    const bytes = new Uint8Array(Float32Array.from(values).buffer);
    this.#tensors.push(keptTensor(name, { type: 'float32', dims, bytes }, this.node.at));
    return name;
  }

  /** Adds a node; without an output its result gets a name of its own, which is returned. */
  op(op: string, inputs: readonly string[], output?: string, ...attributes: readonly RawAttribute[]): string {
    const { node } = this;
    const own = output ?? `${node.outputs.find((name) => name !== '')}/${op.toLowerCase()}`;
    const made = { op, domain: '', overload: '', name: `${node.name || node.op}/${op}`, inputs, outputs: [own] };
    this.#nodes.push({ ...made, attributes, at: node.at });
    return own;
  }

  get parts(): Parts {
    return { nodes: this.#nodes, tensors: this.#tensors };
  }
}

/** (x − offset)·scale. */
function scaler(site: Site): boolean {
  const { inputs, outputs } = site.node;
  const [offset, scale] = [site.floats('offset'), site.floats('scale')];
  const shifted =
    offset.length === 0 ? inputs[0]! : site.op('Sub', [inputs[0]!, site.constant('offset', [offset.length], offset)]);
  if (scale.length === 0) site.op('Identity', [shifted], outputs[0]);
  else site.op('Mul', [shifted, site.constant('scale', [scale.length], scale)], outputs[0]);
  return true;
}

/** The operator that a post_transform is; '' for none. */
const TRANSFORMS: Readonly<Record<string, string>> = { NONE: '', SOFTMAX: 'Softmax', LOGISTIC: 'Sigmoid' };

/** The scores Wx + b of as many classes as W has rows, if there are two or more; its label must not be used. */
function linearClassifier(site: Site, graph: RawGraph): boolean {
  const { inputs, outputs } = site.node;
  const label = outputs[0] ?? '';
  const read = [...graph.nodes.flatMap(readsOf), ...graph.outputs.map(({ name }) => name)];
  if (label !== '' && read.includes(label)) return false;
  const [coefficients, intercepts] = [site.floats('coefficients'), site.floats('intercepts')];
  const transform = TRANSFORMS[site.text('post_transform', 'NONE')];
  const rows = intercepts.length;
  const features = coefficients.length / rows;
  if (transform === undefined || rows < 2 || !Number.isInteger(features) || (outputs[1] ?? '') === '') return false;
  const weights = site.constant('coefficients', [rows, features], coefficients);
  const bias = site.constant('intercepts', [rows], intercepts);
  const scores = transform === '' ? outputs[1] : undefined;
  const linear = site.op('Gemm', [inputs[0]!, weights, bias], scores, makeAttribute('transB', 'int', 1n));
  if (transform !== '') {
    const axis = transform === 'Softmax' ? [makeAttribute('axis', 'int', 1n)] : [];
    site.op(transform, [linear], outputs[1], ...axis);
  }
  return true;
}

/** What sums to 1 already is not changed by dividing by its sum. */
function normalizer(site: Site, graph: RawGraph): boolean {
  const { inputs, outputs } = site.node;
  const before = graph.nodes.find((node) => node.outputs.includes(inputs[0]!));
  const softmax = before?.op === 'Softmax' || (before?.op === 'LinearClassifier' && before.outputs[1] === inputs[0]);
  if (!softmax || site.text('norm', 'MAX') !== 'L1') return false;
  if (before.op === 'LinearClassifier' && new Site(before).text('post_transform', 'NONE') !== 'SOFTMAX') return false;
  site.op('Identity', [inputs[0]!], outputs[0]);
  return true;
}

const KINDS: Readonly<Record<string, (site: Site, graph: RawGraph) => boolean>> = {
  LinearClassifier: linearClassifier,
  Normalizer: normalizer,
  Scaler: scaler,
};

/** The graph without those of these operators that have a form in the default set; the others stay. */
export function replaceClassical(graph: RawGraph): RawGraph {
  const nodes: RawNode[] = [];
  const initializers = new Map(graph.initializers);
  for (const node of graph.nodes) {
    const replace = node.domain === DOMAIN && Object.hasOwn(KINDS, node.op) ? KINDS[node.op]! : null;
    const site = replace === null ? null : new Site(node);
    if (site === null || !replace!(site, graph)) {
      nodes.push(node);
      continue;
    }
    nodes.push(...site.parts.nodes);
    for (const tensor of site.parts.tensors) initializers.set(tensor.name, tensor);
  }
  return { ...graph, nodes, initializers };
}
