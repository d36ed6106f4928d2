/**
 * The raw form of another program's file: the names in it, and the parts behind them as they are. It decides about
 * nothing yet, because most of a file may not be needed.
 */
import { quote } from '../../../certify-runtime/trusted/onnx/wire.ts';
import * as schema from './schema.ts';
import { type Place, type StoredTensor, storedTensor, toNumber } from './tensor.ts';
import { decode, type Message, refuse, type Span } from './wire.ts';

const MAX_BYTES = 2 ** 31 - 1; // protobuf's own limit
const OLDEST_IR = 3;
const NEWEST_IR = 14;
/** Graphs within graphs are read recursively; their paths grow by more than ten characters at each level. */
const LONGEST_PATH = 1000;
const EXTERNAL = 'its values are in another file, which is not read for an attribute; export with external_data=False';

export interface RawAttribute {
  readonly name: string;
  /** The whole message. */
  readonly at: Span;
  /** The attribute of the function around it whose value it takes; usually empty. */
  readonly refersTo: string;
  /** The tensors that graphs in it may take from around the node. */
  readonly captured: readonly string[];
}

export interface RawNode {
  readonly op: string;
  /** Empty for the default operator set. */
  readonly domain: string;
  readonly overload: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Decoded when it is asked for. */
  readonly attributes: readonly RawAttribute[];
  readonly at: Place;
}

/** A graph input or output; its type is read when it is needed. */
export interface RawInfo {
  readonly name: string;
  readonly at: Place;
  readonly type: Span | undefined;
}

export interface RawGraph {
  readonly name: string;
  readonly nodes: readonly RawNode[];
  readonly initializers: ReadonlyMap<string, StoredTensor>;
  readonly inputs: readonly RawInfo[];
  readonly outputs: readonly RawInfo[];
}

export interface RawFunction {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** The attributes that have a default. */
  readonly defaults: readonly RawAttribute[];
  readonly nodes: readonly RawNode[];
  readonly opsets: ReadonlyMap<string, number>;
  readonly at: Place;
}

export interface RawModel {
  readonly bytes: Uint8Array;
  readonly irVersion: number;
  readonly opsets: ReadonlyMap<string, number>;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly graph: RawGraph;
  /** By `functionKey`. */
  readonly functions: ReadonlyMap<string, RawFunction>;
  readonly metadata: ReadonlyMap<string, string>;
}

export function functionKey({ domain, op, overload }: Pick<RawNode, 'domain' | 'op' | 'overload'>): string {
  return JSON.stringify([domain, op, overload]);
}

/** Two names for one set. */
const domainOf = (domain: string) => (domain === 'ai.onnx' ? '' : domain);

export function spanOf(bytes: Uint8Array, path = ''): Span {
  const { buffer, byteOffset, byteLength } = bytes;
  return {
    bytes: new Uint8Array(buffer, byteOffset, byteLength), // a Buffer's methods behave differently
    view: new DataView(buffer, byteOffset, byteLength),
    start: 0,
    end: byteLength,
    path,
  };
}

/** @throws OnnxFormatError naming the part and byte, if what every reader must know is malformed or ambiguous */
export function readRaw(bytes: Uint8Array): RawModel {
  const span = spanOf(bytes);
  if (span.end > MAX_BYTES) refuse(span, `${span.end} bytes, more than ${MAX_BYTES}`);
  // With this mark, ONNX Runtime takes the bytes for a flatbuffer in its own format, which is another model in the same
  // file.
  if (span.end >= 8 && span.view.getUint32(4) === 0x4f52544d) refuse(span, "bytes 4 to 7 are 'ORTM'", 4);

  const model = decode(span, schema.MODEL);
  const opsets = readOpsets(model.opset_import);
  if (!opsets.has('')) refuse(span, 'opset_import does not name the default operator set');
  return {
    bytes: span.bytes,
    irVersion: toNumber(span, model.ir_version, 'ir_version', OLDEST_IR, NEWEST_IR),
    opsets,
    producerName: model.producer_name,
    producerVersion: model.producer_version,
    graph: readGraph(model.graph),
    functions: readMap(model.functions, readFunction),
    metadata: readMap(model.metadata_props, (entry) => {
      const { key, value } = decode(entry, schema.ENTRY);
      return [key, value];
    }),
  };
}

/**
 * A map of what each span holds; a name that occurs twice is refused, because readers differ on which one they take.
 */
export function readMap<T>(spans: readonly Span[], read: (span: Span) => readonly [string, T]): Map<string, T> {
  const map = new Map<string, T>();
  for (const span of spans) {
    const [name, value] = read(span);
    if (map.has(name)) refuse(span, `${quote(name)} is there twice`);
    map.set(name, value);
  }
  return map;
}

function readOpsets(imports: readonly Span[]): Map<string, number> {
  const opsets = new Map<string, number>();
  for (const span of imports) {
    const { domain: written, version } = decode(span, schema.OPSET);
    const domain = domainOf(written);
    const number = toNumber(span, version, 'version', 1);
    const before = opsets.get(domain) ?? number;
    if (before !== number) refuse(span, `operator set ${quote(written)} is imported as ${before} and as ${number}`);
    opsets.set(domain, number);
  }
  return opsets;
}

function readGraph(span: Span): RawGraph {
  const graph = decode(span, schema.GRAPH);
  const initializers = readMap([...graph.initializer], (at) => {
    const tensor = storedTensor(at);
    return [tensor.name, tensor];
  });
  for (const at of graph.sparse_initializer) {
    const { name } = storedTensor(decode(at, schema.SPARSE_TENSOR).values);
    const read = () => refuse(at, `${quote(name)} is sparse, which is not supported; write it dense`);
    initializers.set(name, { name, at, read, external: null });
  }
  return {
    name: graph.name,
    nodes: graph.node.map(readNode),
    initializers,
    inputs: graph.input.map(readInfo),
    outputs: graph.output.map(readInfo),
  };
}

/** The graph that an attribute of kind graph holds; null if it is of another kind. */
export function graphOf({ at }: RawAttribute): RawGraph | null {
  const { g } = decode(at, schema.ATTRIBUTE);
  return g === undefined ? null : readGraph(g);
}

function readInfo(at: Span): RawInfo {
  const { name, type } = decode(at, schema.VALUE_INFO);
  return { name, at, type };
}

function readNode(at: Span): RawNode {
  const { name, op_type: op, input, output, attribute, domain, overload } = decode(at, schema.NODE);
  let attributes: readonly RawAttribute[] | undefined;
  return {
    op,
    domain: domainOf(domain),
    overload,
    name,
    inputs: input,
    outputs: output,
    get attributes() {
      attributes ??= [...readMap(attribute, (span) => entry(readAttribute(span))).values()];
      return attributes;
    },
    at,
  };
}

const entry = (attribute: RawAttribute) => [attribute.name, attribute] as const;

function readAttribute(at: Span): RawAttribute {
  const message = decode(at, schema.ATTRIBUTE);
  for (const tensor of [...(message.t === undefined ? [] : [message.t]), ...message.tensors]) refuseExternal(tensor);
  return { name: message.name, at, refersTo: message.ref_attr_name, captured: capturedBy(message) };
}

/** ONNX Runtime might read such a file by itself, wherever it is. */
function refuseExternal(at: Span): void {
  if (storedTensor(at).external !== null) refuse(at, EXTERNAL);
}

function capturedBy({ g, graphs }: Message<typeof schema.ATTRIBUTE, Span>): string[] {
  return [...(g === undefined ? [] : [g]), ...graphs].flatMap((span) => {
    if (span.path.length > LONGEST_PATH) refuse(span, 'graphs are nested too deep');
    const { nodes, outputs, initializers } = readGraph(span);
    for (const { external, at } of initializers.values()) if (external !== null) refuse(at, EXTERNAL);
    const inside = nodes.flatMap(({ inputs, attributes }) => [...inputs, ...attributes.flatMap((a) => a.captured)]);
    return [...inside, ...outputs.map(({ name }) => name)];
  });
}

function readFunction(at: Span): readonly [string, RawFunction] {
  const { name: op, domain, overload, node, opset_import, ...rest } = decode(at, schema.FUNCTION);
  const defaults = [...readMap(rest.attribute_proto, (span) => entry(readAttribute(span))).values()];
  const key = functionKey({ domain: domainOf(domain), op, overload });
  return [
    key,
    {
      inputs: rest.input,
      outputs: rest.output,
      defaults,
      nodes: node.map(readNode),
      opsets: readOpsets(opset_import),
      at,
    },
  ];
}

/** Every tensor that the node reads, graphs in its attributes included. */
export function readsOf({ inputs, attributes }: RawNode): string[] {
  return [...inputs, ...attributes.flatMap(({ captured }) => captured)].filter((name) => name !== '');
}
