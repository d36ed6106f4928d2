/** The proof walks a graph from the image to the latent, with one rule per operator. docs/soundness.md, theorem 1. */

import { isFiniteBound } from '../bounds/affine.ts';
import type { AffineBound, EncoderBound } from '../bounds/bound.ts';
import { FLUSH_32, hasSubnormals, mulUp, sqrtUp } from '../bounds/rounding.ts';
import { UnprovableError } from '../errors.ts';
import type { Graph, OnnxNode } from '../onnx/model.ts';
import type { RuleBook } from './rule.ts';
import { Site, type Value, type Walk } from './site.ts';
import { computed, type Data, measureOf, newChain, sizeOf } from './state.ts';

/** The certificate head sums squares of pixels in float32, so ‖x‖₂² must stay far below 2¹²⁸. */
const LARGEST_IMAGE_NORM = 2 ** 60;

/**
 * Proves L, the float32 error and the size of the latent of `graph` between tensors `input` and `latent`; every number
 * of the result is an upper bound under the assumptions of docs/soundness.md, section 1.
 * @throws UnprovableError that names the operator, attribute, shape or size that has no rule
 */
export function boundEncoder(
  graph: Graph,
  options: { readonly input: string; readonly latent: string; readonly rules: RuleBook },
): EncoderBound {
  if (!hasSubnormals()) {
    throw new UnprovableError(
      'this process takes subnormal numbers for zero (session.set_denormal_as_zero of ONNX Runtime?): nothing can be proven in it',
    );
  }
  const image = graph.inputs.find((info) => info.name === options.input);
  if (image === undefined)
    throw new UnprovableError(`the graph has no input "${options.input}"`, { input: options.input });
  const inputShape = imageShape(image.type, image.dims);
  const walk = startWalk(graph, sizeOf(inputShape));
  walk.values.set(image.name, imageData(inputShape));

  for (const [position, node] of nodesBetween(graph, options.latent)) {
    const site = new Site(node, position, walk);
    const outputs = apply(site, options.rules);
    node.outputs.forEach((name, i) => {
      const value = outputs[i];
      if (name === '' || value === undefined) return;
      walk.values.set(name, value);
    });
  }

  const latent = walk.values.get(options.latent);
  if (latent?.kind !== 'data')
    throw new UnprovableError(`no tensor "${options.latent}" is computed from the image`, { latent: options.latent });
  if (latent.shape.length !== 2 || latent.shape[0] !== 1) {
    throw new UnprovableError(`the latent must be one vector for each sample, not [N·${latent.shape}]`, {
      latent: options.latent,
    });
  }
  return result(walk, latent, inputShape);
}

function result(walk: Walk, latent: Data, inputShape: readonly number[]): EncoderBound {
  const { lipschitz, errors, norm, chain } = measureOf(latent);
  const finite = Number.isFinite(lipschitz) && [...errors, norm, chain.reach].every(isFiniteBound);
  if (!finite || !(walk.maxImageNorm > 0)) throw new UnprovableError('the bounds of the network are not finite');
  return {
    lipschitz,
    layers: walk.layers,
    latentError: errors,
    latentNorm: norm,
    latentChain: { scales: chain.scales, growth: chain.growth, reach: chain.reach },
    maxImageNorm: walk.maxImageNorm,
    inputShape: inputShape.slice(1),
    latentSize: sizeOf(latent.shape),
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
    layers: [],
    rebases: new Map(),
    work: 0,
    viewElements: 0,
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
      if (producer.has(name) || given.has(name))
        throw new UnprovableError(`tensor "${name}" is computed twice`, { tensor: name });
      producer.set(name, position);
    }
  });
  const needed = new Set<number>();
  const pending = [latent];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const position = producer.get(name);
    if (position === undefined || needed.has(position)) continue;
    needed.add(position);
    pending.push(...graph.nodes[position]!.inputs);
  }
  return graph.nodes.flatMap((node, position): [number, OnnxNode][] =>
    needed.has(position) ? [[position, node]] : [],
  );
}

function apply(site: Site, rules: RuleBook): readonly Value[] {
  const { op, name, inputs, attributes } = site.node;
  const values = inputs.flatMap((_, i) => (site.has(i) ? [site.value(i)] : []));
  if (op === 'Shape' || (values.length > 0 && values.every(({ kind }) => kind !== 'data'))) {
    const fold =
      rules.folds?.get(op) ?? site.refuse('this operator has no rule for constants (fold the constants first)');
    return [fold(site)];
  }
  const rule = rules.get(op) ?? site.refuse('this operator has no rule');
  for (const attribute of attributes.keys()) {
    if (!rule.attributes.includes(attribute)) site.refuse(`attribute ${attribute} has no rule`);
  }
  const { outputs, upper } = rule.apply(site);
  for (const output of outputs) if (output.kind === 'data') site.checkShape(output.shape);
  site.walk.layers.push({ op, name, upper });
  return outputs;
}
