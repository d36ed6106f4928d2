/** Gradients of scalar functions: Sigmoid, Tanh, Elu and their kin, and the root. */
import type { NodeReader, Operator, Twins } from './operator.ts';
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
} from './scalar.ts';

/** f(x), element by element. */
export function pointwise(reader: NodeReader, { value, slope }: Scalar): Operator {
  return {
    outputShapes: [reader.dataShape(0)],
    forward: ([x]) => [x!.map(value)],
    backward: ([x], _y, [gy], [gx]) => {
      for (let e = 0; e < gy!.length; e++) gx![e]! += slope(x![e]!) * gy![e]!;
    },
  };
}

/** √x; at 0, where it has no slope, 0. */
const root: Scalar = { value: Math.sqrt, slope: (x) => (x > 0 ? 0.5 / Math.sqrt(x) : 0) };

const twin = (scalar: (reader: NodeReader) => Scalar) => ({
  gradient: (reader: NodeReader) => pointwise(reader, scalar(reader)),
});

const celu = (alpha: number): Scalar => exponentialUnit(alpha, 1, alpha);

export const functionTwins: Twins = {
  Sigmoid: twin(() => sigmoidUnit),
  Tanh: twin(() => tanhUnit),
  Erf: twin(() => erfUnit),
  Softplus: twin(() => softplusUnit),
  Softsign: twin(() => softsignUnit),
  Mish: twin(() => mishUnit),
  Elu: twin((reader) => exponentialUnit(reader.number('alpha', 1))),
  Selu: twin((reader) => exponentialUnit(reader.number('alpha', 1.6732632), reader.number('gamma', 1.050701))),
  Celu: twin((reader) => celu(reader.number('alpha', 1))),
  HardSigmoid: twin((reader) => hardSigmoid(reader.number('alpha', 0.2), reader.number('beta', 0.5))),
  HardSwish: twin(() => gated(hardSigmoid(1 / 6, 0.5))),
  Sqrt: twin(() => root),
};
