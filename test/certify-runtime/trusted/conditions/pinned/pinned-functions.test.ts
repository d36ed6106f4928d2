/** The numbers of lemmas 24 and 25 to the last bit, where only one thing is known of the input: see pinned.test.ts. */

import { UnprovableError } from '../../../../../src/certify-runtime/trusted/errors.ts';
import {
  pointwise,
  type ScalarFunction,
} from '../../../../../src/certify-runtime/trusted/rules/functions/pointwise.ts';
import { ruleOnSquares, squareOf } from '../../../../../src/certify-runtime/trusted/rules/functions/squares.ts';
import { FUNCTIONS, hardSwish } from '../../../../../src/certify-runtime/trusted/rules/functions/table.ts';
import type { Value, Walk } from '../../../../../src/certify-runtime/trusted/walk/site.ts';
import {
  type Data,
  type Measure,
  measureOf,
  type Squares,
  sinceOf,
  withSince,
} from '../../../../../src/certify-runtime/trusted/walk/state.ts';
import { allRules } from '../../../../support/networks/all-rules.ts';
import { awkward } from '../graphs.ts';
import { dataOf, MEASURES } from '../measures.ts';
import { float32, int64, siteOf, walkOf } from '../site.ts';
import { digest, numbersIn, pinsIn } from './pinned.ts';

const pinnedTest = pinsIn(new URL('pinned-functions.json', import.meta.url));

/** The tensor, with something known since an earlier one. */
function since(measure: Measure): Data {
  const data = dataOf(measure);
  const [offset, ...errors] = awkward(4, 300).map(Math.abs) as [number, number, number, number];
  const bound = { constant: errors[0]!, l2: errors[1]!, l1: errors[2]! };
  withSince(data.base.measure, [{ source: dataOf(measure).base, errors: [bound], offset }]);
  return data;
}

/** Some steps refuse what is too large for them. */
function unlessRefused(prove: () => readonly number[]): string {
  try {
    return digest(prove());
  } catch (error) {
    if (error instanceof UnprovableError) return 'refused';
    throw error;
  }
}

const numbersOf = (data: Data): number[] => [
  ...numbersIn(measureOf(data)),
  ...sinceOf(measureOf(data)).flatMap(({ errors, offset }) => [...numbersIn(errors), offset]),
];

const odd = (seed: number): ScalarFunction => {
  const [low, high, offset, absolute, relative] = awkward(5, seed).map(Math.abs) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return { low: -low, high, offset, absolute: absolute / 1e6, relative: relative / 1e6 };
};

const attributes = {
  number: (name: string) => (name === 'alpha' ? 0.7 : 1.3),
  refuse: (reason: string): never => {
    throw new Error(reason);
  },
};

const scalarFunctions = (): Readonly<Record<string, ScalarFunction>> => ({
  Softplus: FUNCTIONS.Softplus(),
  Elu: FUNCTIONS.Elu(attributes),
  Selu: FUNCTIONS.Selu(attributes),
  Celu: FUNCTIONS.Celu(attributes),
  HardSwish: hardSwish(0.7, -1.3),
  odd: odd(310),
  'odd, steeper': { ...odd(311), high: 1.7 },
});

pinnedTest('scalar functions', () => {
  const one = (f: ScalarFunction, measure: Measure): string => {
    const walk = walkOf([]);
    const { outputs, upper } = pointwise(siteOf('Elu', walk), since(measure), f);
    return digest([...numbersIn(f), ...numbersOf(outputs[0] as Data), upper, walk.maxImageNorm]);
  };
  return Object.fromEntries(
    Object.entries(scalarFunctions()).map(([name, f]) => [
      name,
      Object.values(MEASURES)
        .map((measure) => one(f, measure))
        .join(' '),
    ]),
  );
});

type Step = readonly [
  op: string,
  more: (q: Squares) => readonly Value[],
  attributes?: Record<string, number | readonly number[]>,
];

const STEPS: Readonly<Record<string, Step>> = {
  ReduceSum: ['ReduceSum', () => [int64([3])]],
  ReduceMean: ['ReduceMean', () => [int64([2])]],
  AveragePool: ['AveragePool', () => [], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }],
  Mul: ['Mul', () => [float32([0.7], [])]],
  'Mul of more': ['Mul', () => [float32([1.3], [])]],
  Div: ['Div', () => [float32([0.7], [])]],
  Add: ['Add', () => [float32(awkward(4, 320).map(Math.abs))]],
  Sum: ['Sum', (q) => [q, q]],
  Concat: ['Concat', (q) => [q], { axis: 1 }],
};

function after(step: Step, q: Squares): { readonly q: Squares; readonly walk: Walk; readonly upper: number | null } {
  const [op, more, values = {}] = step;
  const walk = walkOf([q, ...more(q)]);
  const { outputs, upper } = ruleOnSquares(op, allRules.get(op))!.apply(siteOf(op, walk, values));
  return { q: outputs[0] as Squares, walk, upper };
}

pinnedTest('squares and their roots', () => {
  const one = (step: Step, measure: Measure): string =>
    unlessRefused(() => {
      const first = squareOf(siteOf('Mul', walkOf([])), since(measure));
      // Twice, so that what is hidden is an awkward number as well.
      const { q, walk, upper } = after(step, after(STEPS['Mul']!, first).q);
      const [root] = ruleOnSquares('Sqrt', allRules.get('Sqrt'))!.apply(siteOf('Sqrt', walkOf([q]))).outputs;
      const { terms, hidden, peak } = q;
      return [
        ...[terms, hidden, walk.maxImageNorm, ...numbersIn(peak), ...numbersIn(upper)],
        ...numbersOf(q.roots),
        ...numbersOf(root as Data),
      ];
    });
  return Object.fromEntries(
    Object.entries(STEPS).map(([name, step]) => [
      name,
      Object.values(MEASURES)
        .map((measure) => one(step, measure))
        .join(' '),
    ]),
  );
});
