/**
 * Brings another program's operators into the few forms that have a rule. Nothing here needs trust: the sealed file is
 * proven from its bytes, and its answers are compared with the original's.
 */

import { householder } from './activations/householder.ts';
import { ACTIVATIONS } from './activations/named.ts';
import { scalarActivations } from './activations/scalar.ts';
import { convTranspose } from './conv-transpose.ts';
import { asMatrix } from './matrix.ts';
import { MOVES } from './moves.ts';
import { NORMS } from './norms.ts';
import { resize } from './resize.ts';
import type { Rewriter } from './rewriter.ts';
import { NotRunError } from './run.ts';

/** Leaves a part as it is if ONNX Runtime does not run it by itself. */
async function attempt(rewriting: Promise<void>): Promise<void> {
  await rewriting.catch((error: unknown) => {
    if (!(error instanceof NotRunError)) throw error;
  });
}

/** Rewrites every node that has another form, once. */
export async function rewrite(rewriter: Rewriter): Promise<void> {
  const { draft } = rewriter;
  await attempt(householder(rewriter));
  for (const table of [MOVES, NORMS, ACTIVATIONS]) {
    for (const { outputs } of [...draft.nodes]) {
      // An earlier rewrite may have changed the node's inputs.
      const node = draft.producer(outputs[0]!);
      if (node !== undefined && Object.hasOwn(table, node.op)) table[node.op]!(rewriter, node);
    }
  }
  for (const { outputs } of [...draft.nodes]) {
    const node = draft.producer(outputs[0]!);
    if (node === undefined) continue;
    if (node.op === 'ConvTranspose') convTranspose(rewriter, node);
    else await attempt(node.op === 'Resize' ? resize(rewriter, node) : asMatrix(rewriter, node));
  }
  rewriter.prune();
  await scalarActivations(rewriter);
}
