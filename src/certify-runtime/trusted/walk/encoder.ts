/** The proof walks a graph from the image to the latent, with one rule per operator. docs/soundness.md, theorem 1. */

import { isFiniteBound } from '../bounds/affine.ts';
import type { AffineBound, EncoderBound } from '../bounds/bound.ts';
import { MAX_OPERANDS, OPERAND_WORK } from '../bounds/budget.ts';
import { FLOAT64_OPERATORS } from '../bounds/precision.ts';
import { FLUSH_32, hasSubnormals, mulUp, sqrtUp } from '../bounds/rounding.ts';
import { UnprovableError } from '../errors.ts';
import type { Graph, OnnxNode } from '../onnx/model.ts';
import type { Rule, RuleBook } from './rule.ts';
import { dependsOnImage, Site, type Value, type Walk } from './site.ts';
import {
  type Base,
  computed,
  type Data,
  isFresh,
  type Measure,
  markSource,
  measureOf,
  newChain,
  sizeOf,
} from './state.ts';

/** The certificate head sums squares of pixels in float32, so ‖x‖₂² must stay far below 2¹²⁸. */
const LARGEST_IMAGE_NORM = 2 ** 60;

/**
 * Proves L, the float32 error and the size of the latent of `graph` between tensors `input` and `latent`; every number
 * of the result is an upper bound under the assumptions of docs/soundness.md, section 1.
 * @throws UnprovableError that names the operator, attribute, shape or size that has no rule
 */
export function boundEncoder(
  graph: Graph,
  options: {
    readonly input: string;
    readonly latent: string;
    readonly rules: RuleBook;
    /** Is told what was found about each tensor that depends on the image, in their order. */
    readonly observe?: (tensor: string, found: Pick<Measure, 'lipschitz' | 'errors'>) => void;
  },
): EncoderBound {
  if (!hasSubnormals()) {
    throw new UnprovableError('this process takes subnormal numbers for zero: it proves nothing');
  }
  const image = graph.inputs.find((info) => info.name === options.input);
  if (image === undefined) throw new UnprovableError(`the graph has no input "${options.input}"`);
  const inputShape = imageShape(image.type, image.dims);
  const walk = startWalk(graph, sizeOf(inputShape));
  const pixels = imageData(inputShape);
  walk.values.set(image.name, pixels);
  markSource(pixels.base);

  const nodes = nodesBetween(graph, options.latent);
  const readers = readersOf(nodes, options.latent);
  for (const [position, node] of nodes) {
    const site = new Site(node, position, walk);
    if (node.inputs.length > MAX_OPERANDS) site.refuse('the list of inputs is too large (limit of the verifier)');
    site.spend(OPERAND_WORK * node.inputs.length);
    const outputs = apply(site, options.rules);
    node.outputs.forEach((name, i) => {
      const value = outputs[i];
      if (name === '' || value === undefined) return;
      walk.values.set(name, value);
      if (value.kind === 'data' && value.view === null)
        settle(site, value.base, options.rules, readers.get(name) ?? []);
    });
  }

  const latent = walk.values.get(options.latent);
  if (latent?.kind === 'squares') throw new UnprovableError('the latent is a sum of squares, not its root');
  if (latent?.kind !== 'data') throw new UnprovableError(`no tensor "${options.latent}" is computed from the image`);
  if (latent.shape.length !== 2 || latent.shape[0] !== 1) {
    throw new UnprovableError(`the latent must be one vector for each sample, not [N·${latent.shape}]`);
  }
  if (walk.doubles.has(options.latent)) throw new UnprovableError('the latent must be float32; put a Cast behind it');
  for (const [name, value] of walk.values) {
    if (value.kind === 'data') options.observe?.(name, measureOf(value));
  }
  return result(walk, latent, inputShape);
}

function result(walk: Walk, latent: Data, inputShape: readonly number[]): EncoderBound {
  const { lipschitz, errors, norm, chain } = measureOf(latent);
  const finite = Number.isFinite(lipschitz) && [...errors, norm, chain.reach].every(isFiniteBound);
  if (!finite || !(walk.maxImageNorm > 0)) throw new UnprovableError('the bounds are not finite');
  return {
    lipschitz,
    layers: walk.layers,
    latentError: errors,
    latentNorm: norm,
    latentChain: { scales: chain.scales, growth: chain.growth, reach: chain.reach },
    maxImageNorm: walk.maxImageNorm,
    inputShape: inputShape.slice(1),
    latentSize: sizeOf(latent.shape),
    shapes: walk.shapes,
  };
}

function startWalk(graph: Graph, imageSize: number): Walk {
  const values = new Map<string, Value>();
  const inputs = new Set(graph.inputs.map((info) => info.name));
  for (const [name, tensor] of graph.initializers) {
    // The caller may replace an initializer that is also an input at run time, so it is not a constant.
    if (!inputs.has(name)) values.set(name, { kind: 'constant', tensor });
  }
  return {
    imageSize,
    values,
    shapes: new Map(),
    doubles: new Set(),
    layers: [],
    rebases: new Map(),
    work: 0,
    elements: 0,
    viewElements: 0,
    copied: 0,
    maxImageNorm: LARGEST_IMAGE_NORM,
  };
}

function imageShape(type: string, dims: readonly (number | string)[]): number[] {
  const shape = [1, ...dims.slice(1).map(Number)];
  if (type !== 'float32' || dims.length < 2 || shape.some((dim) => !Number.isSafeInteger(dim) || dim < 1)) {
    throw new UnprovableError(`the image must be float32 with fixed dimensions after the batch, not ${type} [${dims}]`);
  }
  return shape;
}

/** x itself, which is exact except for subnormal pixels that an operation may take for zero. */
function imageData(shape: readonly number[]): Data {
  const norm: AffineBound = { constant: 0, l2: 1, l1: 0 };
  const flushed = { constant: mulUp(FLUSH_32, sqrtUp(sizeOf(shape))), l2: 0, l1: 0 };
  return computed(shape, {
    lipschitz: 1,
    norm,
    l1Norm: { constant: 0, l2: 0, l1: 1 },
    errors: [flushed],
    chain: newChain(norm),
  });
}

/** The nodes that the latent is computed from, with their positions in the file. */
function nodesBetween(graph: Graph, latent: string): [number, OnnxNode][] {
  const producer = new Map<string, number>();
  const given = new Set([...graph.initializers.keys(), ...graph.inputs.map((info) => info.name)]);
  graph.nodes.forEach((node, position) => {
    for (const name of node.outputs) {
      if (name === '') continue;
      if (producer.has(name) || given.has(name)) throw new UnprovableError(`tensor "${name}" is computed twice`);
      producer.set(name, position);
    }
  });
  const needed = new Set<number>();
  const pending = [latent];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const position = producer.get(name);
    if (position === undefined || needed.has(position)) continue;
    needed.add(position);
    for (const input of graph.nodes[position]!.inputs) pending.push(input);
  }
  return graph.nodes.flatMap((node, position): [number, OnnxNode][] =>
    needed.has(position) ? [[position, node]] : [],
  );
}

/** The operators that read each tensor; nothing of the kind reads the latent. */
function readersOf(nodes: readonly (readonly [number, OnnxNode])[], latent: string): Map<string, string[]> {
  const readers = new Map([[latent, ['']]]);
  for (const [, { op, inputs }] of nodes) {
    for (const name of inputs) {
      const known = readers.get(name);
      if (known === undefined) readers.set(name, [op]);
      else known.push(op);
    }
  }
  return readers;
}

/** Linear operators, which leave the proof of a whole to what follows them. */
const LINEAR = new Set(['Add', 'BatchNormalization', 'Conv', 'Div', 'Gemm', 'MatMul', 'Mul', 'Neg', 'Sub', 'Sum']);

/** What is known of a new tensor, after all that is said about it is known (Lemma 20). */
function settle(site: Site, base: Base, { sharpen }: RuleBook, readers: readonly string[]): void {
  if (isFresh(base.measure)) markSource(base);
  sharpen?.(site, base, readers.length === 1 && LINEAR.has(readers[0]!));
}

function apply(site: Site, rules: RuleBook): readonly Value[] {
  const { op, name, inputs, attributes } = site.node;
  const values = inputs.flatMap((_, i) => (site.has(i) ? [site.value(i)] : []));
  if (op === 'Shape' || (values.length > 0 && !values.some(dependsOnImage))) {
    const fold =
      rules.folds?.get(op) ?? site.refuse('this operator has no rule for constants (fold the constants first)');
    return [fold(site)];
  }
  const rule = ruleOf(site, values, rules);
  for (const attribute of attributes.keys()) {
    if (!rule.attributes.includes(attribute)) site.refuse(`attribute ${attribute} has no rule`);
  }
  const own = site.precision;
  if (own === 'float64' && !(FLOAT64_OPERATORS.has(op) && rule === rules.get(op))) {
    site.refuse('no float64 kernel, or no float64 rule: leave out --precision float64');
  }
  const { outputs, upper, precision = own } = rule.apply(site);
  outputs.forEach((output, i) => {
    const name = site.node.outputs[i] || site.refuse('an output has no name');
    const { shape } = output.kind === 'squares' ? output.roots : output;
    site.checkShape(shape);
    site.walk.shapes.set(name, shape);
    if (precision === 'float64') site.walk.doubles.add(name);
  });
  site.walk.layers.push({ op, name, upper });
  return outputs;
}

/** The operator's rule; squares, and products of two tensors that depend on the image, have rules of their own. */
function ruleOf(site: Site, values: readonly Value[], rules: RuleBook): Rule {
  const { op } = site.node;
  const own = rules.get(op);
  if (values.some(({ kind }) => kind === 'squares')) {
    return (
      rules.products?.onSquares(op, own) ??
      site.refuse('it takes x·x, which has no bound: only sums, means and roots of squares have a rule')
    );
  }
  const isProduct = op === 'Mul' && values.length === 2 && values.every(({ kind }) => kind === 'data');
  return (isProduct ? rules.products?.product : undefined) ?? own ?? site.refuse('this operator has no rule');
}
