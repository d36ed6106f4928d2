/**
 * Puts the bodies of a model's own functions in place of their calls. A body's tensors get names of their own, and its
 * references to attributes take the values of the call, or their defaults.
 */
import { quote } from '../../../certify-runtime/trusted/onnx/wire.ts';
import { functionKey, type RawAttribute, type RawFunction, type RawModel, type RawNode, spanOf } from './raw.ts';
import * as schema from './schema.ts';
import { renamed } from './splice.ts';
import { decode, refuse } from './wire.ts';

/** Functions may call others, so a small file can stand for a huge graph. */
const MAX_NODES = 100_000;
const MAX_DEPTH = 64;
const REMEDY = 'put the functions in line with onnx.inliner.inline_local_functions';

/** @throws OnnxFormatError if a call does not fit its function, or the result would be too large */
export function inlineFunctions(model: RawModel, nodes: readonly RawNode[]): RawNode[] {
  const { functions, opsets } = model;
  if (functions.size === 0) return [...nodes];
  const taken = new Set(nodes.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]));
  for (const name of model.graph.initializers.keys()) taken.add(name);
  const result: RawNode[] = [];
  let calls = 0;

  const place = (node: RawNode, depth: number): void => {
    const body = functions.get(functionKey(node));
    if (body === undefined) {
      if (result.length === MAX_NODES) refuse(node.at, `the functions have more than ${MAX_NODES} nodes; ${REMEDY}`);
      result.push(node);
      return;
    }
    if (depth === MAX_DEPTH) refuse(node.at, `calls of functions are nested more than ${MAX_DEPTH} deep`);
    checkOpsets(body, opsets, node);
    const index = calls++;
    for (const inner of bodyOf(body, node, index, freshNames(body, node, taken, index))) place(inner, depth + 1);
  };
  for (const node of nodes) place(node, 0);
  return result;
}

/** A body written for another version of the operators would have to be converted first. */
function checkOpsets(body: RawFunction, opsets: ReadonlyMap<string, number>, { at, op }: RawNode): void {
  for (const [domain, version] of body.opsets) {
    const own = opsets.get(domain) ?? version;
    if (own === version) continue;
    refuse(at, `function ${quote(op)} is of opset ${version}, the model of ${own}; ${REMEDY} (convert_version=True)`);
  }
}

/** From the names of a body to those in the graph; an absent optional input is the empty string. */
function freshNames(body: RawFunction, call: RawNode, taken: Set<string>, index: number): (name: string) => string {
  if (call.inputs.length > body.inputs.length || call.outputs.length > body.outputs.length) {
    refuse(call.at, `has more inputs or outputs than function ${quote(call.op)}`);
  }
  const names = new Map<string, string>([['', '']]);
  body.inputs.forEach((name, i) => {
    names.set(name, call.inputs[i] ?? '');
  });
  const passed = new Set(body.inputs);
  body.outputs.forEach((name, i) => {
    // An output that is an input has no node of its own; see bodyOf.
    if (!passed.has(name) && (call.outputs[i] ?? '') !== '') names.set(name, call.outputs[i]!);
  });
  return (name) => {
    const known = names.get(name);
    if (known !== undefined) return known;
    let wish = `${call.op}#${index}/${name}`;
    while (taken.has(wish)) wish += "'";
    taken.add(wish);
    names.set(name, wish);
    return wish;
  };
}

function bodyOf(body: RawFunction, call: RawNode, index: number, rename: (name: string) => string): RawNode[] {
  const nodes = body.nodes.map((node, i): RawNode => {
    const attributes = node.attributes.flatMap((attribute) => resolved(attribute, body, call));
    if (attributes.some(({ captured }) => captured.length > 0)) {
      refuse(node.at, `${node.op} in function ${quote(call.op)} holds a graph; ${REMEDY}`);
    }
    const [inputs, outputs] = [node.inputs.map(rename), node.outputs.map(rename)];
    // ONNX Runtime refuses two nodes of one name.
    const name = `${call.op}#${index}/${node.op}#${i}`;
    return { ...node, name, inputs, outputs, attributes };
  });
  // One tensor may be an output twice, or an input and an output.
  body.outputs.forEach((name, i) => {
    const output = call.outputs[i] ?? '';
    if (output !== '' && rename(name) !== output) nodes.push(copy(rename(name), output, call));
  });
  return nodes;
}

function copy(from: string, to: string, { at }: RawNode): RawNode {
  return { op: 'Identity', domain: '', overload: '', name: '', inputs: [from], outputs: [to], attributes: [], at };
}

/** The attribute itself, or what the call gives for it; none if the call leaves it out. */
function resolved(attribute: RawAttribute, body: RawFunction, call: RawNode): RawAttribute[] {
  if (attribute.refersTo === '') return [attribute];
  const given = [...call.attributes, ...body.defaults].find(({ name }) => name === attribute.refersTo);
  if (given === undefined) return [];
  const { type } = decode(given.at, schema.ATTRIBUTE);
  if (type !== decode(attribute.at, schema.ATTRIBUTE).type)
    refuse(attribute.at, 'has another type than its call gives');
  const bytes = renamed(given.at, 1, attribute.name);
  return [{ ...given, name: attribute.name, at: spanOf(bytes, attribute.at.path) }];
}
