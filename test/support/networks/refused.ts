/** What boundEncoder has no rule for, and says so by operator, node and reason. */
import assert from 'node:assert/strict';
import { UnprovableError } from '../../../src/certify-runtime/trusted/errors.ts';
import { boundEncoder } from '../../../src/certify-runtime/trusted/walk/encoder.ts';
import { allRules } from './all-rules.ts';
import { GraphBuilder } from './graph-builder.ts';

export type Make = (b: GraphBuilder) => string;

/** Asserts that the graph that `make` gives is refused at a node of this operator, for this reason. */
export function refused(dims: readonly (number | string)[], make: Make, op: string, reason: RegExp): void {
  const builder = new GraphBuilder(dims);
  const latent = make(builder);
  const graph = builder.graph(latent);
  assert.throws(
    () => boundEncoder(graph, { input: 'image', latent, rules: allRules }),
    (error: unknown) => {
      assert.ok(error instanceof UnprovableError, String(error));
      assert.equal(error.code, 'UNPROVABLE');
      assert.match(error.message, reason);
      assert.match(error.message, new RegExp(`^${op} "node\\d+" \\(node \\d+\\): `));
      assert.equal(error.details['op'], op);
      assert.equal(typeof error.details['node'], 'string');
      assert.equal(typeof error.details['position'], 'number');
      return true;
    },
  );
}
