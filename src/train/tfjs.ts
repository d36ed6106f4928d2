/** TensorFlow.js on its native backend, and the TensorFlow kernels that tfjs does not wrap. */
import './quiet.ts';
import * as tf from '@tensorflow/tfjs-node';
import { GleanError } from '../certify-runtime/core/errors.ts';

/** An attribute of a TensorFlow op, as the binding takes it. */
interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** The part of tfjs-node's NodeJSKernelBackend used here; its types do not export it. */
interface NativeBackend {
  readonly binding: Readonly<Record<'TF_ATTR_TYPE' | 'TF_ATTR_BOOL' | 'TF_FLOAT' | 'TF_INT32', number>>;
  executeSingleOutput(op: string, attributes: OpAttribute[], inputs: tf.Tensor[]): tf.Tensor;
}

/** A slower backend (pure JS, WASM) must never train in silence. */
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

function runMatrixInverse(x: tf.Tensor2D): tf.Tensor2D {
  const { binding } = native;
  return native.executeSingleOutput(
    'MatrixInverse',
    [
      { name: 'adjoint', type: binding.TF_ATTR_BOOL, value: false },
      { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    ],
    [x],
  ) as tf.Tensor2D;
}

/**
 * Y = X⁻¹ for X [n, n], by TensorFlow's LU kernel. Gradient: dX = −Yᵀ·dY·Yᵀ (from dY = −Y·dX·Y; Petersen & Pedersen,
 * The Matrix Cookbook, eq. 59). A singular X makes TensorFlow throw.
 */
export const matrixInverse: (x: tf.Tensor2D) => tf.Tensor2D = tf.customGrad((x, save) => {
  const y = runMatrixInverse(x as tf.Tensor2D);
  (save as tf.GradSaveFunc)([y]);
  return {
    value: y,
    gradFunc: (dy, saved) => {
      const inverse = saved[0] as tf.Tensor2D;
      return tf.matMul(tf.matMul(inverse, dy as tf.Tensor2D, true), inverse, false, true).neg();
    },
  };
}) as (x: tf.Tensor2D) => tf.Tensor2D;

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

export { tf };
