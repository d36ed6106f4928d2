/**
 * The numbers of the proof, to the last bit, for some hundred small graphs: a second pair of eyes. Whoever changes one of them
 * has changed the proof, and says why in the commit; `GLEAN_PIN=write node --import tsx --test …/pinned*.test.ts` writes
 * them anew. That they are bounds is shown elsewhere: here it is only seen that no rounding, no term and no work is lost unnoticed.
 */

import type { EncoderBound, LinearHead } from '../../../../../src/certify-runtime/trusted/bounds/bound.ts';
import { UnprovableError } from '../../../../../src/certify-runtime/trusted/errors.ts';
import { pairwiseDistances } from '../../../../../src/certify-runtime/trusted/head.ts';
import {
  imageNorms,
  marginCertificate,
  marginConstants,
  marginTerms,
} from '../../../../../src/certify-runtime/trusted/margin.ts';
import type { Graph } from '../../../../../src/certify-runtime/trusted/onnx/model.ts';
import { boundEncoder } from '../../../../../src/certify-runtime/trusted/walk/encoder.ts';
import type { Rule, RuleBook } from '../../../../../src/certify-runtime/trusted/walk/rule.ts';
import { measureOf } from '../../../../../src/certify-runtime/trusted/walk/state.ts';
import { rulesAlone } from '../../../../support/networks/all-rules.ts';
import { GraphBuilder } from '../../../../support/networks/graph-builder.ts';
import { awkward, smallGraphs } from '../graphs.ts';
import { digest, numbersIn, pinsIn } from './pinned.ts';

const pinnedTest = pinsIn(new URL('pinned.json', import.meta.url));

/** The rules, each of which also writes down what it knows of its outputs, and what the walk has spent so far. */
function watched(seen: unknown[]): RuleBook {
  const rules = [...rulesAlone].map(([op, rule]): [string, Rule] => [
    op,
    {
      ...rule,
      apply: (site) => {
        const result = rule.apply(site);
        const known = result.outputs.map((value) => (value.kind === 'data' ? measureOf(value) : null));
        const { work, viewElements, maxImageNorm } = site.walk;
        seen.push(result, known, work, viewElements, maxImageNorm);
        return result;
      },
    },
  ]);
  return Object.assign(new Map(rules), { folds: rulesAlone.folds! });
}

function unlessRefused<T>(prove: () => T): T | null {
  try {
    return prove();
  } catch (error) {
    if (error instanceof UnprovableError) return null;
    throw error;
  }
}

/** L, ‖ẑ‖ and the float32 error for the reader; every number that the proof came by is in the digest. */
function line(graph: Graph, latent: string): string {
  const seen: unknown[] = [];
  const bound = unlessRefused(() => boundEncoder(graph, { input: 'image', latent, rules: watched(seen) }));
  if (bound === null) return 'refused';
  const { lipschitz, latentError, latentNorm } = bound;
  const [error] = latentError;
  const shown = [lipschitz, latentNorm.constant, latentNorm.l2, error!.constant, error!.l2, error!.l1];
  return `${shown.map((value) => value.toPrecision(4)).join(' ')} #${digest(numbersIn([bound, seen]))}`;
}

for (const [group, graphs] of smallGraphs()) {
  pinnedTest(group, () => Object.fromEntries(graphs.map(({ name, graph, latent }) => [name, line(graph, latent)])));
}

/** From 15 pixels to 4 numbers, with a scale and a shift at the end. */
function encoderOf(scale: number): EncoderBound {
  const b = new GraphBuilder(['N', 3, 5]);
  const layer = b.node('Gemm', [b.node('Flatten', ['image']), b.floats([15, 4], awkward(60, 90, scale))]);
  const latent = b.node('Add', [
    b.node('Mul', [layer, b.floats([4], awkward(4, 95, 1.7))]),
    b.floats([4], awkward(4, 96, scale)),
  ]);
  return boundEncoder(b.graph(latent), { input: 'image', latent, rules: rulesAlone });
}

function headOf(scale: number, bias: number): LinearHead {
  const values = Float32Array.from(awkward(20, 91, scale));
  return { classes: 5, latentSize: 4, weights: values, bias: Float32Array.from(awkward(5, 92, bias)) };
}

pinnedTest('heads', () => {
  const lines: Record<string, string> = {};
  for (const [name, scale, head] of [
    ['plain', 1, headOf(1, 1)],
    ['small', 1e-3, headOf(0.01, 3)],
    ['tiny weights', 1, headOf(1e-38, 1e-38)],
    ['large', 30, headOf(100, 1e4)],
    ['huge weights', 1, headOf(1e24, 1e20)],
  ] as const) {
    const constants = marginConstants(encoderOf(scale), head);
    const terms = marginTerms(constants, head);
    const norms = imageNorms(Float32Array.from(awkward(15, 93)));
    const certified = [0, 1, 2].map((i) => marginCertificate(awkward(5, 94 + i, 50).map(Math.fround), norms, terms));
    const shown = [constants.logitError.constant, constants.maxImageNorm, ...certified.map(({ radius }) => radius)];
    const all = numbersIn([constants, terms, norms, certified, pairwiseDistances(head)]);
    lines[name] = `${shown.map((value) => value.toPrecision(4)).join(' ')} #${digest(all)}`;
  }
  return lines;
});
