/** The last layer's number of outputs; a single output is turned into two classes. */
import { UnprovableError } from '../../../certify-runtime/trusted/errors.ts';
import type { OnnxNode, Tensor } from '../../../certify-runtime/trusted/onnx/model.ts';
import { type GraphDraft, integerOf } from '../graph-draft.ts';

/** The last layer's node with the matrix, and the node that adds a bias after it. */
function lastLayer(draft: GraphDraft): { product: OnnxNode; add: OnnxNode | undefined } | null {
  const last = draft.producer(draft.outputs[0]!.name);
  if (last?.op === 'Gemm' || last?.op === 'MatMul') return { product: last, add: undefined };
  if (last?.op !== 'Add') return null;
  const summand = last.inputs.find((name) => !draft.initializers.has(name));
  const product = draft.producer(summand ?? '');
  return product?.op === 'MatMul' ? { product, add: last } : null;
}

/** Puts zeros for the first class before each run of `width` values, which are those of the only output. */
function withZeros(values: Float32Array, width: number): Float32Array {
  const data = new Float32Array(2 * values.length);
  for (let i = 0; i < values.length; i += width) data.set(values.subarray(i, i + width), 2 * i + width);
  return data;
}

/** The number of values that the last layer gives; null if it is not a linear layer with a constant matrix. */
export function outputsOf(draft: GraphDraft): number | null {
  const layer = lastLayer(draft);
  const dims = draft.initializers.get(layer?.product.inputs[1] ?? '')?.dims;
  if (layer === null || dims?.length !== 2) return null;
  return integerOf(layer.product, 'transB', 0) === 1 ? dims[0]! : dims[1]!;
}

/** Turns one output y, whose sign decides, into the logits (0, y): the same label, and a margin of |y|. */
export function splitSingleOutput(draft: GraphDraft): void {
  const { product, add } = lastLayer(draft)!;
  const weights = draft.initializers.get(product.inputs[1]!)!;
  const rows = integerOf(product, 'transB', 0) === 1;
  const bias = add === undefined ? product.inputs[2] : add.inputs.find((name) => draft.initializers.has(name));
  const constant = (tensor: Tensor | undefined, dims: readonly number[], width: number): string => {
    if (tensor === undefined || !(tensor.data instanceof Float32Array)) {
      throw new UnprovableError(`${product.op} '${product.name}': its matrix and bias must be constants of float32`);
    }
    const data = withZeros(tensor.data, width);
    return draft.constant(`${tensor.name}/two_classes`, { type: 'float32', dims, data });
  };
  const size = weights.dims[rows ? 1 : 0]!;
  const matrix = constant(weights, rows ? [2, size] : [size, 2], rows ? size : 1);
  const offset = bias === undefined || bias === '' ? [] : [constant(draft.initializers.get(bias), [2], 1)];
  draft.replace(product, { inputs: [product.inputs[0]!, matrix, ...(add === undefined ? offset : [])] });
  if (add !== undefined) draft.replace(add, { inputs: [product.outputs[0]!, ...offset] });
}
