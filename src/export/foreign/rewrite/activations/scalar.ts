/**
 * Scalar activations that are spelled with comparisons, exponentials or quotients: the part of the graph between one
 * tensor and another is evaluated on a grid, and the function that it computes is written as the operator it is.
 */
import type { Graph, OnnxNode, Tensor } from '../../../../certify-runtime/trusted/onnx/model.ts';
import { RULES } from '../../../../certify-runtime/trusted/rules/table.ts';
import type { Rewriter } from '../rewriter.ts';
import { NotRunError, runFor } from '../run.ts';
import { type Form, GRID, lengthOf, scalarForm } from './functions.ts';

const ELEMENTWISE = new Set(
  (
    'Abs Add And Atan Cast Ceil Celu Clip Cos Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid ' +
    'HardSwish Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Min Mish Mul Neg Not Or Pow Reciprocal Relu ' +
    'Round Selu Shrink Sigmoid Sign Sin Softplus Softsign Sqrt Sub Tanh ThresholdedRelu Where Xor'
  ).split(' '),
);

/** So many tensors are tried as the end, and as the beginning, of one function. */
const TRIES = 5;
/** So many functions are evaluated in all; a network with more of them has operators without any rule. */
const MOST_EVALUATIONS = 400;

/** The value that all of a constant's values are equal to, as a tensor of its own. */
function uniform(tensor: Tensor | undefined): Tensor | null {
  const data = tensor?.data;
  if (tensor === undefined || data === undefined || data.length === 0) return null;
  for (let i = 1; i < data.length; i++) if (data[i] !== data[0]) return null;
  return { ...tensor, dims: [], data: data.slice(0, 1) as Tensor['data'] };
}

/** What is looked at of the graph as it is. */
class Search {
  readonly #rewriter: Rewriter;
  readonly #order: Map<OnnxNode, number>;
  readonly #producers: Map<string, OnnxNode>;
  readonly #readers: Map<string, OnnxNode[]>;

  constructor(rewriter: Rewriter) {
    const { nodes } = rewriter.draft;
    this.#rewriter = rewriter;
    this.#order = new Map(nodes.map((node, i) => [node, i]));
    this.#producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
    this.#readers = new Map();
    for (const node of nodes) {
      for (const name of new Set(node.inputs)) this.#readers.set(name, [...(this.#readers.get(name) ?? []), node]);
    }
  }

  #dataInputs(node: OnnxNode): string[] {
    return node.inputs.filter((name) => name !== '' && this.#rewriter.constant(name) === undefined);
  }

  /** Whether it acts on every value alone, in the same way. */
  isScalar(node: OnnxNode | undefined): node is OnnxNode {
    if (node === undefined || !ELEMENTWISE.has(node.op) || node.outputs.length !== 1) return false;
    return node.inputs.every((name) => {
      const constant = this.#rewriter.constant(name);
      return name === '' || constant === undefined || uniform(constant) !== null;
    });
  }

  /** Whether no rule takes the node as it is. */
  needsForm(node: OnnxNode): boolean {
    if (!this.isScalar(node)) return false;
    const divides = node.op === 'Div' && this.#rewriter.constant(node.inputs[1]) === undefined;
    return divides || !RULES.has(node.op);
  }

  /** Tensors behind the node that nothing passes by, the last one first. */
  ends(start: OnnxNode): string[] {
    const outputs = new Set(this.#rewriter.draft.outputs.map(({ name }) => name));
    const open = new Map([[start.outputs[0]!, this.#readers.get(start.outputs[0]!) ?? []]]);
    const inside = new Set([start]);
    const ends: string[] = [];
    for (;;) {
      const pending = [...open.values()].flat().filter((node) => !inside.has(node));
      if (open.size === 1) ends.unshift([...open.keys()][0]!);
      const next = pending.sort((a, b) => this.#order.get(a)! - this.#order.get(b)!)[0];
      if (next === undefined || !this.isScalar(next) || ends.length === TRIES) return ends;
      if ([...open.keys()].some((name) => outputs.has(name))) return ends;
      inside.add(next);
      open.set(next.outputs[0]!, this.#readers.get(next.outputs[0]!) ?? []);
      for (const [name, readers] of open) {
        if (name !== next.outputs[0] && readers.every((node) => inside.has(node))) open.delete(name);
      }
    }
  }

  /** Tensors in front of `end` that everything goes through, the nearest first, and the nodes between. */
  starts(end: string): { source: string; nodes: OnnxNode[] }[] {
    const open = new Set([end]);
    const nodes: OnnxNode[] = [];
    const starts: { source: string; nodes: OnnxNode[] }[] = [];
    const place = (name: string) => this.#order.get(this.#producers.get(name)!) ?? -1;
    while (starts.length < TRIES) {
      const last = [...open].sort((a, b) => place(b) - place(a))[0]!;
      const node = this.#producers.get(last);
      if (!this.isScalar(node)) return starts;
      open.delete(last);
      nodes.unshift(node);
      for (const name of this.#dataInputs(node)) open.add(name);
      if (open.size === 0) return starts;
      if (open.size === 1) starts.push({ source: [...open][0]!, nodes: [...nodes] });
    }
    return starts;
  }
}

/** The function's values on the grid; null if ONNX Runtime does not run it on a list. */
async function valuesOn(rewriter: Rewriter, source: string, nodes: readonly OnnxNode[], end: string) {
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  const constants = [...used].flatMap((name) => {
    const constant = uniform(rewriter.constant(name));
    return constant === null ? [] : [[name, constant] as const];
  });
  const graph: Graph = {
    name: 'function',
    nodes,
    initializers: new Map(constants),
    inputs: [{ name: source, type: 'float32', dims: ['n'] }],
    outputs: [],
  };
  try {
    const [answer] = await runFor(rewriter.run, { graph, opset: 18 }, [end], [{ dims: [GRID.length], data: GRID }]);
    const { data, type } = answer!.get(end)!;
    return type === 'float32' && data.length === GRID.length ? Array.from(data, Number) : null;
  } catch (error) {
    if (error instanceof NotRunError) return null;
    throw error;
  }
}

/** Writes the shortest form that the node is a part of. */
async function writeOne(
  rewriter: Rewriter,
  search: Search,
  start: OnnxNode,
  budget: { left: number },
): Promise<boolean> {
  for (const end of search.ends(start)) {
    let best: { form: Form; source: string; last: OnnxNode } | null = null;
    for (const { source, nodes } of search.starts(end)) {
      const shapes = [source, end].map((name) => rewriter.dims(name));
      const stretched = shapes.every((dims) => dims !== undefined) && `${shapes[0]}` !== `${shapes[1]}`;
      if (!nodes.includes(start) || stretched || budget.left-- <= 0) continue;
      const values = await valuesOn(rewriter, source, nodes, end);
      const form = values && scalarForm(values);
      if (form === null || (best !== null && lengthOf(best.form) <= lengthOf(form))) continue;
      best = { form, source, last: nodes.at(-1)! };
    }
    if (best === null) continue;
    const { form, source, last } = best;
    rewriter.replace(last, (make) => form(make, source));
    return true;
  }
  return false;
}

/** Brings a Transpose behind elementwise operators in front of them, so that their other inputs can do without one. */
function transposeFirst(rewriter: Rewriter): void {
  const { draft } = rewriter;
  for (let moved = true; moved; ) {
    moved = false;
    const search = new Search(rewriter);
    for (const node of draft.nodes) {
      const before = node.op === 'Transpose' ? draft.producer(node.inputs[0]!) : undefined;
      if (before === undefined || !search.isScalar(before) || before.op === 'Cast') continue;
      const shape = `${rewriter.dims(before.outputs[0])}`;
      const varies = before.inputs.map((name) => name !== '' && rewriter.constant(name) === undefined);
      if (before.inputs.some((name, i) => varies[i] && `${rewriter.dims(name)}` !== shape)) continue;
      const dims = rewriter.dims(node.outputs[0])!;
      rewriter.replace(node, (make) => {
        const inputs = before.inputs.map((name, i) => (varies[i] ? make.like(node, [name]) : name));
        for (const name of inputs) if (!before.inputs.includes(name)) rewriter.note(name, dims);
        return make.like(before, inputs);
      });
      moved = true;
      break;
    }
  }
  mergeEqual(rewriter);
  rewriter.prune();
}

/** Computes what is computed twice only once. */
function mergeEqual({ draft }: Rewriter): void {
  const known = new Map<string, string>();
  for (const { op, outputs } of [...draft.nodes]) {
    if (op !== 'Transpose' && !ELEMENTWISE.has(op)) continue;
    const node = draft.producer(outputs[0]!)!;
    const attributes = [...node.attributes].map(([name, { value }]) => `${name}=${value}`).sort();
    const key = JSON.stringify([op, node.inputs, attributes]);
    const same = known.get(key);
    if (same === undefined) known.set(key, outputs[0]!);
    else draft.bypass(node, outputs[0]!, same);
  }
}

/** Writes the activations of the draft that have another form. */
export async function scalarActivations(rewriter: Rewriter): Promise<void> {
  const { draft } = rewriter;
  if (!draft.nodes.some(({ op }) => ELEMENTWISE.has(op) && (op === 'Div' || !RULES.has(op)))) return;
  transposeFirst(rewriter);
  const budget = { left: MOST_EVALUATIONS };
  for (const node of [...draft.nodes]) {
    if ((RULES.has(node.op) && node.op !== 'Div') || !draft.nodes.includes(node)) continue;
    const search = new Search(rewriter);
    if (search.needsForm(node) && (await writeOne(rewriter, search, node, budget))) rewriter.prune();
  }
}
