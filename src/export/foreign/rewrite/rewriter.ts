/** What the rewrites share: the shapes of a draft's tensors, its constants, and a way to put nodes in place of one. */
import type { Attribute, OnnxNode, Tensor } from '../../../certify-runtime/trusted/onnx/model.ts';
import type { RunGraph } from '../../onnx-runtime/run-graph.ts';
import type { GraphDraft } from '../graph-draft.ts';
import { prune } from '../simplify.ts';

/** The shape of a tensor as it was measured, with the batch in front, and its element type. */
export interface Measured {
  readonly dims: readonly number[];
  readonly type: string;
}

type AttributeInput = number | string | readonly number[] | { readonly float: number };

function attribute(value: AttributeInput): Attribute {
  if (typeof value === 'number') return { kind: 'int', value: BigInt(value) };
  if (typeof value === 'string') return { kind: 'string', value };
  if ('float' in value) return { kind: 'float', value: Math.fround(value.float) };
  return { kind: 'ints', value: value.map(BigInt) };
}

/** Makes the nodes that replace one. */
export class Builder {
  readonly nodes: OnnxNode[] = [];
  readonly #draft: GraphDraft;
  readonly #prefix: string;

  constructor(draft: GraphDraft, prefix: string) {
    this.#draft = draft;
    this.#prefix = prefix;
  }

  /** A node with one output; gives the output's name. */
  op(op: string, inputs: readonly string[], attributes: Readonly<Record<string, AttributeInput>> = {}): string {
    const output = this.#draft.fresh(`${this.#prefix}/${op}`);
    const entries = Object.entries(attributes).map(([name, value]) => [name, attribute(value)] as const);
    const name = this.#draft.fresh(`${output}_node`);
    this.nodes.push({ op, name, inputs: [...inputs], outputs: [output], attributes: new Map(entries) });
    return output;
  }

  /** The same operator with the same attributes on other inputs. */
  like(node: OnnxNode, inputs: readonly string[]): string {
    const output = this.op(node.op, inputs);
    this.nodes.push({ ...this.nodes.pop()!, attributes: node.attributes });
    return output;
  }

  floats(dims: readonly number[], values: ArrayLike<number>): string {
    return this.#draft.constant(`${this.#prefix}/c`, { type: 'float32', dims, data: Float32Array.from(values) });
  }

  scalar(value: number): string {
    return this.floats([], [value]);
  }

  integers(values: readonly number[]): string {
    return this.#draft.integers(`${this.#prefix}/i`, values.map(BigInt));
  }
}

export class Rewriter {
  readonly draft: GraphDraft;
  readonly run: RunGraph;
  /** The batch of the file if it is fixed. */
  readonly batch: number | null;
  readonly #measured: Map<string, Measured>;

  constructor(
    draft: GraphDraft,
    run: RunGraph,
    { measured, batch }: { readonly measured: ReadonlyMap<string, Measured>; readonly batch: number | null },
  ) {
    this.draft = draft;
    this.run = run;
    this.batch = batch;
    this.#measured = new Map(measured);
  }

  /** The shape of a tensor, the batch in front; undefined if it is not known. */
  dims(name: string | undefined): readonly number[] | undefined {
    const own = name ?? '';
    return this.draft.initializers.get(own)?.dims ?? this.#measured.get(own)?.dims;
  }

  type(name: string): string | undefined {
    return this.draft.initializers.get(name)?.type ?? this.#measured.get(name)?.type;
  }

  /** Takes other shapes, those of the draft as it is now. */
  measureAnew(measured: ReadonlyMap<string, Measured>): void {
    for (const [name, own] of measured) this.#measured.set(name, own);
  }

  /** Says what shape a tensor has that a rewrite made. */
  note(name: string, dims: readonly number[]): void {
    this.#measured.set(name, { dims, type: 'float32' });
  }

  constant(name: string | undefined): Tensor | undefined {
    return this.draft.initializers.get(name ?? '');
  }

  floats(name: string | undefined): Float32Array | undefined {
    const data = this.constant(name)?.data;
    return data instanceof Float32Array ? data : undefined;
  }

  /** The only value of a constant, if it is one number. */
  scalar(name: string | undefined): number | undefined {
    const data = this.constant(name)?.data;
    return data?.length === 1 ? Number(data[0]) : undefined;
  }

  integers(name: string | undefined): number[] | undefined {
    const data = this.constant(name)?.data;
    return data instanceof BigInt64Array || data instanceof Int32Array ? Array.from(data, Number) : undefined;
  }

  /** Whether only one node reads the tensor, and the graph does not give it out. */
  usedOnce(name: string): boolean {
    const { nodes, outputs } = this.draft;
    const uses = nodes.reduce((n, { inputs }) => n + inputs.filter((input) => input === name).length, 0);
    return uses === 1 && outputs.every((output) => output.name !== name);
  }

  /** Leaves out the nodes that nothing reads any more. */
  prune(): void {
    prune(this.draft, this.draft.outputs[0]!.name);
  }

  /** Puts what `build` makes in place of the node; it gives the tensor that stands for the node's first output. */
  replace(node: OnnxNode, build: (make: Builder) => string): void {
    const { draft } = this;
    const [output] = node.outputs as [string];
    const make = new Builder(draft, output);
    const result = build(make);
    const last = make.nodes.find(({ outputs }) => outputs[0] === result);
    const at = draft.nodes.indexOf(node);
    if (last === undefined) {
      draft.nodes.splice(at, 0, ...make.nodes);
      draft.bypass(node, output, result);
      return;
    }
    const rename = (names: readonly string[]) => names.map((name) => (name === result ? output : name));
    const nodes = make.nodes.map((made) => ({ ...made, inputs: rename(made.inputs), outputs: rename(made.outputs) }));
    draft.nodes.splice(at, 1, ...nodes);
  }
}

/** An attribute that is a number, or `otherwise`. */
export function numberOf(node: OnnxNode, name: string, otherwise: number): number {
  const found = node.attributes.get(name);
  return found?.kind === 'float' || found?.kind === 'int' ? Number(found.value) : otherwise;
}

export function integersOf(node: OnnxNode, name: string): number[] | undefined {
  const found = node.attributes.get(name);
  return found?.kind === 'ints' ? found.value.map(Number) : undefined;
}

export function textOf(node: OnnxNode, name: string, otherwise: string): string {
  const found = node.attributes.get(name);
  return found?.kind === 'string' ? found.value : otherwise;
}

/** The axis counted from the front. */
export function positive(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
