/**
 * Checks many graphs of combinations against what the proof says about each: counts, the largest ratios, and every
 * violation.
 */

import { pathToFileURL } from 'node:url';
import {
  check,
  neededLiberties,
  type Outcome,
  type Prover,
  type Violation,
} from '../../test/support/combinations/check.ts';
import { describe } from '../../test/support/combinations/describe.ts';
import { combination, type Family } from '../../test/support/combinations/families.ts';
import type { Liberties } from '../../test/support/reference/float32.ts';

/** The families in the order in which they recur. */
const TURNS: readonly Family[] = (
  [
    ['products', 5],
    ['integers', 4],
    ['scales', 5],
    ['sorts', 2],
    ['mixes', 3],
    ['forbidden', 1],
    ['segments', 4],
  ] as const
).flatMap(([family, times]) => new Array<Family>(times).fill(family));

/** Graph i of the campaign with seed s has the seed s·10⁷ + i; its family follows from i. */
export const MOST_GRAPHS = 1e7;

interface Counts {
  proven: number;
  refused: number;
  /** Proven, although ONNX Runtime would not run it. */
  idle: number;
}

interface Largest {
  readonly ratio: number;
  readonly family: Family;
  readonly seed: number;
}

export interface Found {
  readonly family: Family;
  readonly seed: number;
  readonly broken: Violation['broken'];
  readonly ratio: number;
  /** The liberties of a provider without which the violation does not occur. */
  readonly needs: readonly (keyof Liberties)[];
  readonly graph: string;
}

export interface Report {
  readonly graphs: number;
  readonly families: Readonly<Record<string, Counts>>;
  /** The largest ratio of true to proven among graphs without a violation. */
  readonly largest: { readonly lipschitz: Largest | null; readonly error: Largest | null };
  readonly refusals: Readonly<Record<string, number>>;
  readonly violations: readonly Found[];
}

/** The prover of the tree at `root`. */
export async function proverOf(root: string): Promise<Prover> {
  const load = (file: string): Promise<unknown> =>
    import(new URL(`src/certify-runtime/trusted/${file}`, `${pathToFileURL(root)}/`).href);
  const { boundEncoder } = (await load(
    'walk/encoder.ts',
  )) as typeof import('../../src/certify-runtime/trusted/walk/encoder.ts');
  const { RULES, rulesOf } = (await load(
    'rules/table.ts',
  )) as typeof import('../../src/certify-runtime/trusted/rules/table.ts');
  const rules = await rulesOf(RULES.keys(), true);
  return (graph, latent) => boundEncoder(graph, { input: 'image', latent, rules });
}

/** A refusal without the names and numbers of its graph. */
function kindOf(reason: string): string {
  return reason
    .replace(/^(\w+) "[^"]*" \(node \d+\): /, '$1: ')
    .replace(/"[^"]*"/g, '"…"')
    .replace(/-?\d+(\.\d+)?(e[+-]?\d+)?/g, '#')
    .replace(/#(,#)+/g, '#');
}

export class Campaign {
  readonly #prover: Prover;
  readonly #seed: number;
  readonly #families: Record<string, Counts> = {};
  readonly #refusals = new Map<string, number>();
  readonly #violations: Found[] = [];
  #lipschitz: Largest | null = null;
  #error: Largest | null = null;
  #done = 0;

  constructor(prover: Prover, seed: number) {
    this.#prover = prover;
    this.#seed = seed;
    for (const family of TURNS) this.#families[family] = { proven: 0, refused: 0, idle: 0 };
  }

  get done(): number {
    return this.#done;
  }

  get violations(): number {
    return this.#violations.length;
  }

  /** Checks the next graph. */
  step(): void {
    const i = this.#done++;
    const family = TURNS[i % TURNS.length]!;
    const seed = this.#seed * MOST_GRAPHS + i;
    const graph = combination(family, seed);
    let outcome: Outcome;
    try {
      outcome = check(graph, this.#prover, seed);
    } catch (cause) {
      throw new Error(`${family} ${seed} cannot be checked:\n${describe(graph.graph)}`, { cause });
    }
    this.#families[family]![outcome.status]++;
    if (outcome.status === 'refused') {
      const kind = kindOf(outcome.reason);
      this.#refusals.set(kind, (this.#refusals.get(kind) ?? 0) + 1);
    }
    if (outcome.status !== 'proven') return;
    const { violation, lipschitzRatio, errorRatio } = outcome;
    if (violation === null) {
      this.#lipschitz = larger(this.#lipschitz, { ratio: lipschitzRatio, family, seed });
      this.#error = larger(this.#error, { ratio: errorRatio, family, seed });
      return;
    }
    const { broken, ratio } = violation;
    const needs = neededLiberties(graph, this.#prover, violation);
    this.#violations.push({ family, seed, broken, ratio, needs, graph: describe(graph.graph) });
  }

  report(): Report {
    return {
      graphs: this.#done,
      families: this.#families,
      largest: { lipschitz: this.#lipschitz, error: this.#error },
      refusals: Object.fromEntries([...this.#refusals].sort(([, a], [, b]) => b - a)),
      violations: this.#violations,
    };
  }
}

function larger(known: Largest | null, next: Largest): Largest {
  return known === null || next.ratio > known.ratio ? next : known;
}
