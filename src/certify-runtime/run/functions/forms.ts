/**
 * The scalar functions of assumption A7 as small graphs, with their float64 values and what A7 allows: what a load checks
 * of a provider, and what pipeline/functions.ts measures on all float32 inputs.
 */

import {
  erfUnit,
  exponentialUnit,
  gated,
  hardSigmoid,
  mishUnit,
  type Scalar,
  sigmoidUnit,
  softplusUnit,
  softsignUnit,
  tanhUnit,
} from '../../gradient/scalar.ts';
import type { Attribute, OnnxNode, Tensor } from '../../trusted/onnx/model.ts';
import type { ScalarFunction } from '../../trusted/rules/functions/pointwise.ts';
import { FUNCTIONS, gelu, hardSwish, mish, silu } from '../../trusted/rules/functions/table.ts';
import { probeFile } from '../probe.ts';

export interface FunctionForm {
  readonly name: string;
  /** Which of A7's functions it is. */
  readonly of: string;
  /** A network that has all of these may have it. */
  readonly operators: readonly string[];
  /** Nodes from x [1, C, M] to y of the same shape. */
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly Tensor[];
  readonly scalar: Scalar;
  readonly bound: ScalarFunction;
}

/** C, which is that of the blocks in which ONNX Runtime computes convolutions. */
export const CHANNELS = 16;

type Node = readonly [op: string, inputs: string, output: string, attributes?: Readonly<Record<string, number>>];

const floats = (name: string, dims: readonly number[], values: readonly number[]): Tensor => ({
  name,
  type: 'float32',
  dims,
  data: Float32Array.from(values),
});

function node([op, inputs, output, attributes = {}]: Node): OnnxNode {
  const entries = Object.entries(attributes).map(([name, value]): [string, Attribute] => [
    name,
    { kind: 'float', value: Math.fround(value) },
  ]);
  return { op, name: output, inputs: inputs.split(' '), outputs: [output], attributes: new Map(entries) };
}

const form = (
  name: string,
  of: string,
  nodes: readonly Node[],
  scalar: Scalar,
  bound: ScalarFunction,
  constants: readonly Tensor[] = [],
): FunctionForm => ({
  name,
  of,
  operators: [...new Set(nodes.map(([op]) => op))],
  nodes: nodes.map(node),
  constants,
  scalar,
  bound,
});

/** An operator with these attributes. */
function operator(op: keyof typeof FUNCTIONS, scalar: Scalar, attributes: Readonly<Record<string, number>> = {}) {
  const bound = FUNCTIONS[op]({
    number: (name, otherwise) => Math.fround(attributes[name] ?? otherwise),
    refuse: (reason) => {
      throw new Error(reason);
    },
  });
  const shown = Object.entries(attributes).map(([name, value]) => `; ${name} = ${value}`);
  return form(`${op}(x${shown.join('')})`, op, [[op, 'x', 'y', attributes]], scalar, bound);
}

const ROOT_2 = Math.fround(Math.SQRT2);
const HALF_ROOT_2 = Math.fround(Math.SQRT1_2);
const QUICK = Math.fround(1.702);
const [ALPHA, GAMMA] = [Math.fround(1.6732632), Math.fround(1.050701)];

const half = floats('half', [], [0.5]);
const one = floats('one', [], [1]);

/** x·Φ(kx√2). */
const geluOf = (k: number): Scalar =>
  gated({ value: (x) => (1 + erfUnit.value(k * x)) / 2, slope: (x) => (k / 2) * erfUnit.slope(k * x) });

export const FORMS: readonly FunctionForm[] = [
  operator('Sigmoid', sigmoidUnit),
  operator('Tanh', tanhUnit),
  operator('Erf', erfUnit),
  operator('Softplus', softplusUnit),
  operator('Softsign', softsignUnit),
  operator('Mish', mishUnit),
  operator('Elu', exponentialUnit(1)),
  operator('Elu', exponentialUnit(3), { alpha: 3 }),
  operator('Selu', exponentialUnit(ALPHA, GAMMA)),
  operator('Celu', exponentialUnit(1)),
  operator('Celu', exponentialUnit(0.25, 1, 0.25), { alpha: 0.25 }),
  operator('HardSigmoid', hardSigmoid(Math.fround(0.2), 0.5)),
  operator('HardSigmoid', hardSigmoid(Math.fround(1 / 6), 0.5), { alpha: 1 / 6 }),
  operator('HardSwish', gated(hardSigmoid(1 / 6, 0.5))),
  form(
    'x·HardSigmoid(x; alpha = 1/6)',
    'HardSwish',
    [
      ['HardSigmoid', 'x', 'h', { alpha: 1 / 6 }],
      ['Mul', 'x h', 'y'],
    ],
    gated(hardSigmoid(Math.fround(1 / 6), 0.5)),
    hardSwish(Math.fround(1 / 6), 0.5),
  ),
  form(
    'x·Tanh(Softplus(x))',
    'Mish',
    [
      ['Softplus', 'x', 's'],
      ['Tanh', 's', 't'],
      ['Mul', 'x t', 'y'],
    ],
    mishUnit,
    mish,
  ),
  form(
    'x·Sigmoid(x)',
    'Silu',
    [
      ['Sigmoid', 'x', 's'],
      ['Mul', 'x s', 'y'],
    ],
    gated(sigmoidUnit),
    silu,
  ),
  form(
    'x·Sigmoid(1.702·x)',
    'Silu',
    [
      ['Mul', 'x k', 'u'],
      ['Sigmoid', 'u', 's'],
      ['Mul', 's x', 'y'],
    ],
    gated({
      value: (x) => sigmoidUnit.value(QUICK * x),
      slope: (x) => QUICK * sigmoidUnit.slope(QUICK * x),
    }),
    silu,
    [floats('k', [], [QUICK])],
  ),
  form(
    '0.5·(x·(1 + Erf(x/√2)))',
    'Gelu',
    [
      ['Div', 'x c', 'u'],
      ['Erf', 'u', 'e'],
      ['Add', 'e one', 'a'],
      ['Mul', 'x a', 'p'],
      ['Mul', 'p half', 'y'],
    ],
    geluOf(1 / ROOT_2),
    gelu,
    [floats('c', [], [ROOT_2]), one, half],
  ),
  form(
    '(0.5·x)·(1 + Erf(x/√2))',
    'Gelu',
    [
      ['Div', 'x c', 'u'],
      ['Erf', 'u', 'e'],
      ['Add', 'e one', 'a'],
      ['Mul', 'x half', 'h'],
      ['Mul', 'h a', 'y'],
    ],
    geluOf(1 / ROOT_2),
    gelu,
    [floats('c', [], [ROOT_2]), one, half],
  ),
  form(
    '0.5·(x·(1 + Erf(x·√½)))',
    'Gelu',
    [
      ['Mul', 'x c', 'u'],
      ['Erf', 'u', 'e'],
      ['Add', 'e one', 'a'],
      ['Mul', 'x a', 'p'],
      ['Mul', 'p half', 'y'],
    ],
    geluOf(HALF_ROOT_2),
    gelu,
    [floats('c', [], [HALF_ROOT_2]), one, half],
  ),
];

/**
 * What the function comes after: nothing, or a layer that gives out its own input, with which ONNX Runtime may fuse it.
 */
export type Before = 'nothing' | 'Conv' | 'Gemm' | 'bias';

/** The values that BiasGelu adds, exact in float32 for inputs that are multiples of 2⁻²⁰. */
export const BIASES = Float32Array.from({ length: CHANNELS }, (_, i) => (i - 7.5) / 8);

const IDENTITY = Array.from({ length: CHANNELS ** 2 }, (_, i) => (i % (CHANNELS + 1) === 0 ? 1 : 0));

const BEFORE: Readonly<Record<Before, { nodes: readonly Node[]; constants: readonly Tensor[]; dims: string[] }>> = {
  nothing: { nodes: [], constants: [], dims: ['N', 'C', 'M'] },
  Conv: {
    nodes: [['Conv', 'image w', 'x']],
    constants: [floats('w', [CHANNELS, CHANNELS, 1, 1], IDENTITY)],
    dims: ['N', String(CHANNELS), 'M', '1'],
  },
  Gemm: {
    nodes: [['Gemm', 'image w', 'x']],
    constants: [floats('w', [CHANNELS, CHANNELS], IDENTITY)],
    dims: ['N', String(CHANNELS)],
  },
  bias: { nodes: [['Add', 'image b', 'x']], constants: [floats('b', [CHANNELS], [...BIASES])], dims: ['N', 'C'] },
};

/** The form as a file with the input `image` and the output `y`. */
export function formModel({ nodes, constants }: FunctionForm, before: Before = 'nothing') {
  const layer = BEFORE[before];
  const input = before === 'nothing' ? 'x' : 'image';
  const info = (name: string) => ({
    name,
    type: 'float32' as const,
    dims: layer.dims.map((dim) => (dim === String(CHANNELS) || dim === '1' ? Number(dim) : dim)),
  });
  return probeFile({
    name: 'function',
    nodes: [...layer.nodes.map(node), ...nodes],
    initializers: new Map([...layer.constants, ...constants].map((tensor) => [tensor.name, tensor])),
    inputs: [info(input)],
    outputs: [info('y')],
  });
}
