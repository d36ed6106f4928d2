/** TensorFlow.js on its native backend, and the TensorFlow kernels that tfjs does not wrap. */
import './before-tfjs.ts';
import * as tf from '@tensorflow/tfjs-node';
import { GleanError } from '../certify-runtime/trusted/errors.ts';

/** An attribute of a TensorFlow op, as the binding takes it. */
interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** A native tensor that an op made and that tfjs does not know yet. */
type OutputMetadata = Readonly<Record<'id' | 'dtype', number>> & { readonly shape: readonly number[] };

/** The part of tfjs-node's NodeJSKernelBackend used here; its types do not export it. */
interface NativeBackend {
  readonly binding: Readonly<Record<'TF_ATTR_TYPE' | 'TF_ATTR_BOOL' | 'TF_FLOAT' | 'TF_INT32' | 'TF_UINT8', number>> & {
    createTensor(shape: readonly number[], dtype: number, data: Uint8Array): number;
    deleteTensor(id: number): void;
    executeOp(op: string, attributes: OpAttribute[], inputs: readonly number[], outputs: number): OutputMetadata[];
  };
  executeSingleOutput(op: string, attributes: OpAttribute[], inputs: tf.Tensor[]): tf.Tensor;
  createOutputTensor(metadata: OutputMetadata): tf.Tensor;
}

/** The native backend; training never falls back silently to a slower one (pure JS, WASM). */
function nativeBackend(): NativeBackend {
  if (tf.getBackend() !== 'tensorflow') {
    throw new GleanError(
      'BACKEND',
      `training needs tfjs-node's native backend 'tensorflow', but the active one is '${tf.getBackend()}'; run 'make setup'`,
    );
  }
  return tf.backend() as unknown as NativeBackend;
}

const native = nativeBackend();

function runMatrixInverse(x: tf.Tensor): tf.Tensor {
  const { binding } = native;
  return native.executeSingleOutput(
    'MatrixInverse',
    [
      { name: 'adjoint', type: binding.TF_ATTR_BOOL, value: false },
      { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    ],
    [x],
  );
}

/**
 * Y = X⁻¹ for a matrix X [n, n], or for each of X [F, n, n], by TensorFlow's LU kernel. Gradient: dX = −Yᵀ·dY·Yᵀ (from
 * dY = −Y·dX·Y; Petersen & Pedersen, The Matrix Cookbook, eq. 59). A singular X makes TensorFlow throw.
 */
export const matrixInverse = tf.customGrad<tf.Tensor3D>((x, save) => {
  const y = runMatrixInverse(x as tf.Tensor3D) as tf.Tensor3D;
  (save as tf.GradSaveFunc)([y]);
  return {
    value: y,
    gradFunc: (dy, saved) => {
      const inverse = saved[0] as tf.Tensor3D;
      return tf.matMul(tf.matMul(inverse, dy as tf.Tensor3D, true), inverse, false, true).neg();
    },
  };
}) as unknown as <T extends tf.Tensor2D | tf.Tensor3D>(x: T) => T;

/**
 * Standard normal numbers of the given shape from TensorFlow's counter-based generator (Philox): the same two 32-bit
 * seeds give the same numbers, whatever ran before, so a resumed run draws what the unbroken one would have.
 */
export function statelessNormal(shape: readonly number[], seed: readonly [number, number]): tf.Tensor {
  const { binding } = native;
  return tf.tidy(() =>
    native.executeSingleOutput(
      'StatelessRandomNormal',
      [
        { name: 'dtype', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
        { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_INT32 },
        { name: 'Tseed', type: binding.TF_ATTR_TYPE, value: binding.TF_INT32 },
      ],
      [tf.tensor1d([...shape], 'int32'), tf.tensor1d([...seed], 'int32')],
    ),
  );
}

/**
 * Bytes as float32 on [0, 1]: byte/255, rounded once. tfjs has no byte tensors, and converting bytes to floats in
 * JavaScript took a third of a training step; TensorFlow's kernels do it on all cores.
 */
export function unitInterval(bytes: Uint8Array, shape: readonly number[]): tf.Tensor {
  const { binding } = native;
  const attributes = [
    { name: 'SrcT', type: binding.TF_ATTR_TYPE, value: binding.TF_UINT8 },
    { name: 'DstT', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    { name: 'Truncate', type: binding.TF_ATTR_BOOL, value: false },
  ];
  return tf.tidy(() => {
    const id = binding.createTensor(shape, binding.TF_UINT8, bytes);
    try {
      const [floats] = binding.executeOp('Cast', attributes, [id], 1);
      return tf.div(native.createOutputTensor(floats!), 255);
    } finally {
      binding.deleteTensor(id);
    }
  });
}

export { tf };
