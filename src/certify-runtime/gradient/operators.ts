/**
 * The twins of the operators' rules: what attacks, the second opinion and sampling know about each. Nothing is proven
 * here, and without a twin an operator is proven, run and served all the same: attacks then go on without gradients.
 *
 * The twin of another operator is an entry in the table of its family's file, or of a new file that is added to the
 * list below. A test holds each of them against ONNX Runtime and difference quotients.
 */
import { denseTwins } from './dense.ts';
import { elementwiseTwins } from './elementwise.ts';
import { functionTwins } from './functions.ts';
import type { Twin } from './operator.ts';
import { rearrangementTwins } from './rearrange.ts';
import { reductionTwins } from './reduce.ts';
import { windowTwins } from './window.ts';

/** A Map, so that an operator called "constructor" has none. */
export const TWINS: ReadonlyMap<string, Twin> = new Map(
  [denseTwins, windowTwins, elementwiseTwins, functionTwins, rearrangementTwins, reductionTwins].flatMap((twins) =>
    Object.entries(twins),
  ),
);
