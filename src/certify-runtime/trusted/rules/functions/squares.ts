/**
 * Squares, their sums and means, and the root of these: a norm, which is 1-Lipschitz though neither the square nor the
 * root is. Squares are a kind of value of their own: nothing but the rules below takes one. Lemma 25.
 */

import { constantBound, scale, sum } from '../../bounds/affine.ts';
import type { AffineBound } from '../../bounds/bound.ts';
import { addUp, divUp, gamma32, hypotUp, mulUp, sqrtUp } from '../../bounds/rounding.ts';
import { spreadConstant } from '../../walk/broadcast.ts';
import { EXTRA_ROUNDINGS } from '../../walk/linear.ts';
import type { Rule, RuleResult, Rules } from '../../walk/rule.ts';
import { Site, type Value } from '../../walk/site.ts';
import {
  carried,
  computed,
  type Data,
  type Measure,
  measureOf,
  newChain,
  type Squares,
  sizeOf,
} from '../../walk/state.ts';
import { joinMeasures } from '../branch.ts';
import { averagePooled, globalAveragePooled, means } from '../pool.ts';
import { reduction } from '../reduce.ts';
import { isModerate } from './table.ts';

/** A node whose squares are seen as the tensors that they are squares of. */
class RootSite extends Site {
  override value(i: number): Value {
    const value = super.value(i);
    if (value.kind === 'data') this.refuse('squares and other tensors that depend on the image do not mix');
    return value.kind === 'squares' ? value.roots : value;
  }
}

const squares = (site: Site, i: number): Squares => {
  const value = site.value(i);
  return value.kind === 'squares' ? value : site.refuse(`input ${i} is no sum of squares`);
};

/** What `operations` flushes of an output cost its root: √(8·operations·2⁻¹²⁶) for each of `outputs`. */
const hiddenBy = (operations: number, outputs: number, growth = 1): number =>
  mulUp(2 ** -61, sqrtUp(mulUp(growth, operations * outputs)));

/** x∘x. */
export function squareOf(site: Site, x: Data): Squares {
  const { norm } = measureOf(x);
  const size = sizeOf(x.shape);
  return limited(site, { kind: 'squares', roots: x, terms: 1, hidden: hiddenBy(4, size), peak: norm });
}

/** A square, and so every partial sum of squares, is at most peak²: it stays below 2¹²⁷. */
function limited(site: Site, q: Squares): Squares {
  site.limitMagnitude(scale(2 ** 64, sum(q.peak, constantBound(q.hidden))));
  if (gamma32(q.terms + EXTRA_ROUNDINGS) === Number.POSITIVE_INFINITY)
    site.refuse(`sums of ${q.terms} squares are too long for float32`);
  return q;
}

/** The roots' measure if every square is multiplied by a matrix whose columns sum to at most factor², and c² is added. */
function stretched(v: Measure, factor: number, constant = 0): Measure {
  const norm = sum(scale(factor, v.norm), constantBound(constant));
  return carried(
    v,
    { lipschitz: mulUp(factor, v.lipschitz), norm, l1Norm: null, chain: newChain(norm) },
    (errors) => errors.map((error) => scale(factor, error)),
    (before) => addUp(mulUp(factor, before), constant),
  );
}

/** What a linear map with entries ≥ 0 does to squares. */
interface Weights {
  /** √ of the largest sum of a column; and at least 1 and √ of the largest number of entries in one. */
  readonly norm: number;
  readonly sums: number;
  /** The terms of one output. */
  readonly terms: number;
}

function weighted(site: Site, q: Squares, shape: readonly number[], { norm, sums, terms }: Weights): RuleResult {
  const hidden = addUp(mulUp(norm, q.hidden), hiddenBy(terms + EXTRA_ROUNDINGS, sizeOf(shape)));
  const roots = computed(shape, stretched(measureOf(q.roots), norm));
  const peak = scale(sums, q.peak);
  const out = { kind: 'squares', roots, terms: q.terms + terms + EXTRA_ROUNDINGS, hidden, peak } as const;
  return { outputs: [limited(site, out)], upper: norm };
}

const reduce =
  (mean: boolean) =>
  (site: Site): RuleResult => {
    const q = squares(site, 0);
    const { shape, terms } = reduction(site, q.roots);
    return weighted(site, q, shape, mean ? means(terms) : { norm: 1, sums: 1, terms });
  };

function averagePool(site: Site): RuleResult {
  const q = squares(site, 0);
  const { shape, weights } = averagePooled(site, q.roots);
  return weighted(site, q, shape, weights);
}

function globalAveragePool(site: Site): RuleResult {
  const q = squares(site, 0);
  const { shape, weights } = globalAveragePooled(site, q.roots);
  return weighted(site, q, shape, weights);
}

/** q·k or q/k for one constant k > 0. */
function scaled(site: Site): RuleResult {
  const i = site.value(0).kind === 'squares' ? 0 : 1;
  const divided = site.node.op === 'Div';
  if (divided && i === 1) site.refuse('a quotient by a square has no bound');
  const q = squares(site, i);
  if (site.value(1 - i).kind === 'squares') site.refuse('the product of two squares has no bound');
  // A constant of more dimensions would give the squares more, and their axes other numbers.
  spreadConstant(site, 1 - i, q.roots);
  const k = site.float(1 - i);
  if (!isModerate(k)) site.refuse(`a square times ${k}, which is not between 2⁻²⁴ and 2²⁴, has no rule`);
  const factor = divided ? divUp(1, k) : k;
  const norm = sqrtUp(factor);
  const hidden = addUp(mulUp(norm, q.hidden), hiddenBy(4, sizeOf(q.roots.shape), Math.max(1, factor)));
  const roots = computed(q.roots.shape, stretched(measureOf(q.roots), norm));
  const peak = scale(Math.max(1, norm), q.peak);
  return { outputs: [limited(site, { kind: 'squares', roots, terms: q.terms + 4, hidden, peak })], upper: factor };
}

/** q + q′, or q + c with c ≥ 0, which is a square too: of the roots beside √c. */
function added(site: Site): RuleResult {
  const summands = site.node.inputs.map((_, i) => site.value(i));
  if (summands.every(({ kind }) => kind === 'squares'))
    return { outputs: [total(site, summands as Squares[])], upper: 1 };
  if (summands.length !== 2) site.refuse('squares and other tensors do not mix in a sum');
  const i = summands[0]!.kind === 'squares' ? 0 : 1;
  const q = squares(site, i);
  if (site.value(1 - i).kind === 'data') site.refuse('squares and other tensors do not mix in a sum');
  const { values, l1Norm } = spreadConstant(site, 1 - i, q.roots);
  if (values.some((value) => value < 0)) site.refuse('a negative constant added to squares has no rule');
  const norm = sqrtUp(l1Norm);
  const roots = computed(q.roots.shape, stretched(measureOf(q.roots), 1, norm));
  const hidden = addUp(q.hidden, hiddenBy(4, sizeOf(q.roots.shape)));
  const peak = sum(q.peak, constantBound(norm));
  return { outputs: [limited(site, { kind: 'squares', roots, terms: q.terms + 2, hidden, peak })], upper: 1 };
}

function total(site: Site, parts: readonly Squares[]): Squares {
  const { shape } = parts[0]!.roots;
  for (const { roots } of parts) {
    if (`${roots.shape}` !== `${shape}`)
      site.refuse(`squares of shapes [N·${roots.shape}] and [N·${shape}] would be broadcast`);
  }
  const roots = computed(
    shape,
    stretched(
      joinMeasures(
        site,
        parts.map((part) => part.roots),
      ),
      1,
    ),
  );
  const own = hiddenBy(4 * parts.length, sizeOf(shape));
  return limited(site, {
    kind: 'squares',
    roots,
    terms: Math.max(...parts.map(({ terms }) => terms)) + parts.length + 2,
    hidden: parts.reduce((all, { hidden }) => addUp(all, hidden), own),
    peak: parts.reduce<AffineBound>((all, { peak }) => sum(all, peak), constantBound(0)),
  });
}

/** Elements that are only moved, and each used once: the operator's own rule, on the roots. */
function moved(site: Site, rule: Rule): RuleResult {
  const sources = site.node.inputs.flatMap((_, i) => {
    const value = site.has(i) ? site.value(i) : null;
    return value?.kind === 'squares' ? [value] : [];
  });
  const { outputs, upper } = rule.apply(new RootSite(site.node, site.position, site.walk));
  const terms = Math.max(...sources.map((source) => source.terms));
  const hidden = sources.reduce((all, source) => hypotUp(all, source.hidden), 0);
  const peak = sources.reduce((all, source) => sum(all, source.peak), constantBound(0));
  return {
    outputs: outputs.map((roots) => ({ kind: 'squares', roots: roots as Data, terms, hidden, peak })),
    upper,
  };
}

/** √q. */
function root(site: Site): RuleResult {
  const value = site.value(0);
  if (value.kind !== 'squares') site.refuse('its slope at 0 is not finite, except as the root of a sum of squares x·x');
  const { roots, terms, hidden } = value;
  const v = stretched(measureOf(roots), 1);
  const size = sizeOf(roots.shape);
  const rounding = sum(
    scale(gamma32(terms + EXTRA_ROUNDINGS), v.norm),
    constantBound(addUp(hidden, hiddenBy(4, size))),
  );
  const norm = sum(v.norm, rounding);
  site.limitMagnitude(scale(2, norm));
  const measure = carried(
    v,
    { lipschitz: v.lipschitz, norm, l1Norm: null, chain: newChain(norm) },
    (errors) => errors.map((error) => sum(error, rounding)),
    (before) => before,
  );
  return { outputs: [computed(roots.shape, measure)], upper: 1 };
}

export const rootRules: Rules = { Sqrt: { attributes: [], apply: root } };

const MOVES: ReadonlySet<string> = new Set([
  ...['Concat', 'Flatten', 'Identity', 'Reshape', 'Slice', 'Split', 'Squeeze', 'Transpose', 'Unsqueeze'],
]);

const SUMS: ReadonlyMap<string, (site: Site) => RuleResult> = new Map([
  ['Add', added],
  ['AveragePool', averagePool],
  ['Div', scaled],
  ['GlobalAveragePool', globalAveragePool],
  ['Mul', scaled],
  ['ReduceMean', reduce(true)],
  ['ReduceSum', reduce(false)],
  ['Sqrt', root],
  ['Sum', added],
]);

/** The rule for a node that reads squares, given the operator's own rule. */
export function ruleOnSquares(op: string, rule: Rule | undefined): Rule | undefined {
  if (rule === undefined) return undefined;
  const own = SUMS.get(op);
  if (own !== undefined) return { ...rule, apply: own };
  return MOVES.has(op) ? { ...rule, apply: (site) => moved(site, rule) } : undefined;
}
