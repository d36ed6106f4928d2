/** Scalar functions for the test interpreter, off by as much as assumption A7 allows. */

import type { OnnxNode } from '../../../src/certify-runtime/trusted/onnx/model.ts';
import { A7 } from '../../../src/certify-runtime/trusted/rules/functions/table.ts';
import type { Arithmetic } from '../numbers/arithmetic.ts';
import { clamp, elu, PLAIN } from '../reference/functions.ts';
import { attributeOf } from './interpreter-operators.ts';

/** The function of the node, or null if it is none. */
export function functionOf(node: OnnxNode, { add, mul, near }: Arithmetic): ((v: number) => number) | null {
  const { op } = node;
  const number = (name: string, otherwise: number): number => Math.fround(attributeOf(node, name, otherwise));
  const plain = PLAIN[op];
  if (plain !== undefined) {
    const { absolute, relative } = A7[op as 'Sigmoid'];
    const limit = op === 'Tanh' || op === 'Erf' ? A7[op].limit : Number.POSITIVE_INFINITY;
    return (v) => near(plain(v), Math.min(absolute + relative * Math.abs(v), limit));
  }
  const exponential = (alpha: number, gamma: number, c: number, roundings: number) => (v: number) =>
    near(elu(v, alpha, gamma, c), v > 0 ? roundings * 2 ** -24 * gamma * v : gamma * alpha * A7.Elu.absolute);
  if (op === 'Elu') return exponential(number('alpha', 1), 1, 1, 0);
  if (op === 'Selu') return exponential(number('alpha', 1.6732632), number('gamma', 1.050701), 1, 3);
  if (op === 'Celu') return exponential(number('alpha', 1), 1, number('alpha', 1), 3);
  const hard = (v: number, alpha: number, beta: number): number => clamp(add(mul(alpha, v), beta));
  if (op === 'HardSigmoid') return (v) => hard(v, number('alpha', 0.2), number('beta', 0.5));
  if (op === 'HardSwish') return (v) => mul(v, hard(v, Math.fround(1 / 6), 0.5));
  return null;
}
