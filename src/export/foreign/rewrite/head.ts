/**
 * Makes the last layer one Gemm on a list of values: affine operators behind the last matrix (a temperature, a bias, a
 * mean, a Reshape) are multiplied into it.
 */
import { UnprovableError } from '../../../certify-runtime/trusted/errors.ts';
import type { Graph, OnnxNode } from '../../../certify-runtime/trusted/onnx/model.ts';
import { integerOf } from '../graph-draft.ts';
import { numberOf, positive, type Rewriter } from './rewriter.ts';
import { type Feed, NotRunError, runFor } from './run.ts';

/** Operators that are linear in their only input that depends on the image, if the others are constants. */
const LINEAR = new Set([
  ...['Add', 'Sub', 'Mul', 'Neg', 'Gemm', 'MatMul', 'Conv', 'Identity', 'BatchNormalization', 'Dropout', 'Cast'],
  ...['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose', 'Slice', 'Gather', 'Pad'],
  ...['GlobalAveragePool', 'AveragePool', 'ReduceMean', 'ReduceSum'],
]);
const MATRIX = new Set(['Gemm', 'MatMul', 'Conv']);

/** More than this many inputs are not measured one by one. */
const MOST_INPUTS = 2 ** 15;
/** As many values are fed at once. */
const CHUNK = 2 ** 21;
/** A power of two that makes the matrix's part of an answer so large that the bias rounds nothing of it off. */
const PROBE = 2 ** 20;

/** The index of the only input that is no constant, if the operator is linear in it. */
function linearInput(rewriter: Rewriter, node: OnnxNode): number | null {
  const data = node.inputs.flatMap((name, i) => (name === '' || rewriter.constant(name) !== undefined ? [] : [i]));
  const [i] = data;
  if (i === undefined || data.length !== 1 || node.outputs.filter((name) => name !== '').length !== 1) return null;
  if (LINEAR.has(node.op)) return i;
  return node.op === 'Div' && i === 0 ? i : null;
}

/** Whether the last layer has the form that is sealed: one Gemm without scales, or a MatMul and at most one Add. */
function isPlain(rewriter: Rewriter): boolean {
  const { draft } = rewriter;
  const last = draft.producer(draft.outputs[0]!.name);
  if (last === undefined || (rewriter.dims(draft.outputs[0]!.name) ?? [0, 0]).length !== 2) return false;
  const isMatrix = (name: string | undefined) =>
    rewriter.floats(name) !== undefined && rewriter.dims(name)?.length === 2;
  const isBias = (name: string | undefined) => {
    const dims = rewriter.dims(name);
    return (
      name === undefined ||
      (rewriter.floats(name) !== undefined && dims!.length <= 2 && (dims![0] === 1 || dims!.length < 2))
    );
  };
  if (last.op === 'Gemm') {
    const scales = numberOf(last, 'alpha', 1) === 1 && numberOf(last, 'beta', 1) === 1;
    return (
      scales && integerOf(last, 'transA', 0) === 0 && isMatrix(last.inputs[1]) && isBias(last.inputs[2] || undefined)
    );
  }
  const added = last.op === 'Add' ? last.inputs.find((name) => rewriter.constant(name) !== undefined) : undefined;
  if (last.op === 'Add' && added === undefined) return false;
  const product = last.op === 'Add' ? draft.producer(last.inputs.find((name) => name !== added)!) : last;
  return (
    product?.op === 'MatMul' &&
    rewriter.constant(product.inputs[0]) === undefined &&
    isMatrix(product.inputs[1]) &&
    isBias(added)
  );
}

/** The affine operators at the end, back to the last matrix; all of them if there is no matrix; in their order. */
function affineTail(rewriter: Rewriter): { tail: OnnxNode[]; from: string } {
  const tail: OnnxNode[] = [];
  let from = rewriter.draft.outputs[0]!.name;
  for (;;) {
    const node = rewriter.draft.producer(from);
    const i = node === undefined ? null : linearInput(rewriter, node);
    if (node === undefined || i === null) return { tail, from };
    tail.unshift(node);
    from = node.inputs[i]!;
    if (MATRIX.has(node.op)) return { tail, from };
  }
}

/** An operator that takes the mean of every channel over all places. */
function isSpatialMean(rewriter: Rewriter, node: OnnxNode | undefined): boolean {
  const dims = rewriter.dims(node?.inputs[0]);
  if (node === undefined || dims === undefined || dims.length < 3) return false;
  if (node.op === 'GlobalAveragePool') return true;
  if (node.op !== 'ReduceMean') return false;
  const axes = rewriter.integers(node.inputs[1])?.map((axis) => positive(axis, dims.length));
  return axes !== undefined && `${axes.sort((a, b) => a - b)}` === `${dims.map((_, axis) => axis).slice(2)}`;
}

/** A 1×1 convolution and the mean over all places change places: the mean of fewer or more channels is the same. */
function meanFirst(rewriter: Rewriter): void {
  const { tail } = affineTail(rewriter);
  const [conv, ...rest] = tail;
  const mean = rest[0];
  if (conv?.op !== 'Conv' || mean === undefined || !isSpatialMean(rewriter, mean)) return;
  const kernel = rewriter.dims(conv.inputs[1])!;
  const dims = rewriter.dims(conv.inputs[0]);
  const plain = kernel.slice(2).every((size) => size === 1);
  const strides = conv.attributes.get('strides');
  const pads = conv.attributes.get('pads');
  const still =
    (strides?.kind !== 'ints' || strides.value.every((step) => step === 1n)) &&
    (pads?.kind !== 'ints' || pads.value.every((size) => size === 0n));
  if (dims === undefined || !plain || !still || !rewriter.usedOnce(conv.outputs[0]!)) return;
  const keeps = mean.op === 'GlobalAveragePool' || integerOf(mean, 'keepdims', 1) === 1;
  const spatial = dims.map((_, axis) => axis).slice(2);
  const { draft } = rewriter;
  rewriter.replace(mean, (make) => {
    const pooled = make.op('GlobalAveragePool', [conv.inputs[0]!]);
    rewriter.note(pooled, [...dims.slice(0, 2), ...spatial.map(() => 1)]);
    const moved = make.like(conv, [pooled, ...conv.inputs.slice(1)]);
    rewriter.note(moved, [dims[0]!, kernel[0]!, ...spatial.map(() => 1)]);
    return keeps ? moved : make.op('Squeeze', [moved, make.integers(spatial)]);
  });
  draft.nodes = draft.nodes.filter((node) => node !== conv);
}

/** The affine map of the tail: one answer for 0, and one for each unit vector. */
async function measure(
  rewriter: Rewriter,
  tail: readonly OnnxNode[],
  from: string,
  sample: readonly number[],
): Promise<{ matrix: Float32Array; bias: Float32Array; classes: number }> {
  const { draft } = rewriter;
  const output = draft.outputs[0]!.name;
  const size = sample.reduce((product, dim) => product * dim, 1);
  const batch = rewriter.batch ?? 1;
  const count = rewriter.batch ?? Math.max(1, Math.min(size, Math.floor(CHUNK / size)));
  function* feeds(): Generator<Feed> {
    yield { dims: [batch, ...sample], data: new Float32Array(batch * size) };
    for (let start = 0; start < size; start += count) {
      const data = new Float32Array(count * size);
      for (let i = 0; i < count && start + i < size; i++) data[i * size + start + i] = PROBE;
      yield { dims: [count, ...sample], data };
    }
  }
  const used = new Set(tail.flatMap(({ inputs }) => inputs));
  const graph: Graph = {
    name: 'tail',
    nodes: tail,
    initializers: new Map([...draft.initializers].filter(([name]) => used.has(name))),
    inputs: [{ name: from, type: 'float32', dims: ['N', ...sample] }],
    outputs: [],
  };
  const answers = await runFor(rewriter.run, { graph, opset: 18 }, [output], feeds());
  const [zero, ...units] = answers.map((answer) => answer.get(output)!.data as Float32Array);
  const classes = zero!.length / batch;
  const bias = zero!.slice(0, classes);
  const matrix = new Float32Array(classes * size);
  units.forEach((data, chunk) => {
    for (let i = 0; i < count && chunk * count + i < size; i++) {
      for (let k = 0; k < classes; k++) {
        matrix[k * size + chunk * count + i] = (data[i * classes + k]! - bias[k]!) / PROBE;
      }
    }
  });
  return { matrix, bias, classes };
}

/**
 * Gives what was changed, in words; '' if nothing was.
 *
 * @throws UnprovableError if the end of the network has no affine form that can be written as one matrix
 */
export async function makeHead(rewriter: Rewriter): Promise<string> {
  if (isPlain(rewriter)) return '';
  meanFirst(rewriter);
  const { draft } = rewriter;
  const [{ name: output } = { name: '' }] = draft.outputs;
  const { tail, from } = affineTail(rewriter);
  const dims = rewriter.dims(from);
  if (dims === undefined) return ''; // the search for the last layer says what it found
  const sample = dims.slice(1);
  const size = sample.reduce((product, dim) => product * dim, 1);
  const last = tail.at(-1) ?? draft.producer(output);
  if (size > MOST_INPUTS) {
    const place = `${last?.op} '${last?.name}'`;
    const reason = `what follows the last operator that is not linear takes ${size} values, more than ${MOST_INPUTS}`;
    const remedy = 'end the network with one linear layer on a list of values';
    throw new UnprovableError(`${place}: ${reason}; ${remedy}`, { node: last?.name, place, reason, remedy });
  }
  const { matrix, bias, classes } =
    tail.length === 0 ? identity(size) : await measure(rewriter, tail, from, sample).catch(refuseTail(last));
  draft.nodes = draft.nodes.filter((node) => !tail.includes(node));
  const flat = sample.length === 1 ? from : draft.fresh(`${output}/latent`);
  if (sample.length !== 1) {
    const target = draft.integers(`${output}/shape`, [-1n, BigInt(size)]);
    const name = draft.fresh(`${output}/Reshape`);
    draft.nodes.push({ op: 'Reshape', name, inputs: [from, target], outputs: [flat], attributes: new Map() });
  }
  const weights = draft.constant(`${output}/weights`, { type: 'float32', dims: [classes, size], data: matrix });
  const offset = draft.constant(`${output}/bias`, { type: 'float32', dims: [classes], data: bias });
  const logits = draft.fresh(`${output}/logits`);
  draft.nodes.push({
    op: 'Gemm',
    name: draft.fresh(`${output}/Gemm`),
    inputs: [flat, weights, offset],
    outputs: [logits],
    attributes: new Map([['transB', { kind: 'int', value: 1n }]]),
  });
  draft.outputs = draft.outputs.map((info) => ({ ...info, name: logits }));
  const merged = tail.map(({ op }) => op).join(', ');
  if (tail.some(({ op }) => MATRIX.has(op))) return `the end (${merged}) is one matrix`;
  return 'the network does not end with a linear layer: one that changes nothing is put behind it';
}

/** What is thrown if the end of the network does not run by itself. */
function refuseTail(last: OnnxNode | undefined): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof NotRunError)) throw error;
    const place = `${last?.op} '${last?.name}'`;
    const reason = 'what follows the last operator that is not linear does not run by itself';
    const remedy = 'end the network with one linear layer on a list of values';
    throw new UnprovableError(`${place}: ${reason}; ${remedy}`, { place, reason, remedy }, { cause: error });
  };
}

/** A network that does not end with a linear layer gets one that changes nothing. */
function identity(size: number): { matrix: Float32Array; bias: Float32Array; classes: number } {
  const matrix = Float32Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));
  return { matrix, bias: new Float32Array(size), classes: size };
}
