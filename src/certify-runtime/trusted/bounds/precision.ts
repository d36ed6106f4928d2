/** The two types that a network may compute in, and what a float64 one may be made of. docs/soundness.md, section 4. */

import { gamma32, gamma64 } from './rounding.ts';

export type Precision = 'float32' | 'float64';

/** Constants of a network. */
export type Floats = Float32Array | Float64Array;

/** γ_n of the precision that is computed in, rounded up. */
export function gammaOf(precision: Precision, n: number): number {
  return precision === 'float64' ? gamma64(n) : gamma32(n);
}

/**
 * The operators that ONNX Runtime's CPU and WebAssembly providers compute in float64 and whose rules hold for it. It
 * has no float64 kernel for Conv and for most pools; a rule whose error was derived for float32 is not listed either.
 */
export const FLOAT64_OPERATORS: ReadonlySet<string> = new Set(
  [
    'Abs Add BatchNormalization Cast Clip Concat Div Dropout Flatten Gather Gemm Identity LeakyRelu MatMul Max MaxPool',
    'Min Mul Neg PRelu Pad ReduceMax ReduceMean ReduceMin ReduceSum Relu Reshape Slice Split Squeeze Sub Sum TopK',
    'Transpose Unsqueeze',
  ]
    .join(' ')
    .split(' '),
);
