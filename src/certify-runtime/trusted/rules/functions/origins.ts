/**
 * Where a tensor comes from, as far as rules about several nodes ask: x·Sigmoid(x) is bounded, and x·Sigmoid(y) is not.
 *
 * It is kept by the tensor's identity, like a factorisation (products.ts), so that no code that moves, reshapes or copies
 * elements can carry it along: it is about the very tensor that came out of the node.
 */

import type { Data } from '../../walk/state.ts';

/** The tensor is op(of), element by element; `constants` are the scalars of the operator. */
export interface Origin {
  readonly op:
    | 'Add'
    | 'Div'
    | 'Erf'
    | 'HardSigmoid'
    | 'Mul'
    | 'Neg'
    | 'Relu'
    | 'Sigmoid'
    | 'Softplus'
    | 'Tanh'
    | 'Mirror';
  readonly of: Data;
  readonly constants: readonly number[];
}

const origins = new WeakMap<Data, Origin>();

/** Records where `data` comes from, and returns it. */
export function from(data: Data, op: Origin['op'], of: Data, constants: readonly number[] = []): Data {
  origins.set(data, { op, of, constants });
  return data;
}

/** The same for an operator with a constant, which only counts if it has one element. */
export function fromScalar(data: Data, op: Origin['op'], of: Data, values: ArrayLike<number>): void {
  if (values.length === 1) from(data, op, of, [values[0]!]);
}

/** The tensor that `data` is op(·) of, with exactly these constants; null if it is nothing of the kind. */
export function sourceOf(data: Data | null, op: Origin['op'], constants: readonly number[] = []): Data | null {
  const origin = origins.get(data as Data);
  return origin?.op === op && origin.constants.every((constant, i) => constant === constants[i]) ? origin.of : null;
}

/** Like sourceOf, with whatever constants it has. */
export function originOf(data: Data | null, op: Origin['op']): Origin | null {
  const origin = origins.get(data as Data);
  return origin?.op === op ? origin : null;
}

/** Whether one of the two tensors is the other one's Neg. */
export function areMirrored(a: Data, b: Data): boolean {
  return sourceOf(a, 'Neg') === b || sourceOf(b, 'Neg') === a;
}
