/** The files of ../shared/adversary, which came first: they are copied unchanged and described here. */
import type { HostileCase } from './case.ts';

const NEAR = [0.56, 0.56, 1, 1];
const BEYOND = [0.6, 0.6, 1, 1];

export const shared: readonly Omit<HostileCase, 'shape' | 'build'>[] = [
  {
    id: 'b1flip',
    kind: 'products joined that do not belong together',
    what: 'a product of one row reshaped, added to one of four',
    images: [
      [0.5, 0.5, 0.5, 0.5, 0.5, 0.6, 0.5, 0.5],
      [0.5, 0.5, 0.5, 0.5, 0.5, 0.4, 0.5, 0.5],
    ],
  },
  {
    id: 'b1_natural',
    kind: 'products joined that do not belong together',
    what: 'two patch embeddings of the halves of an image, added, with random weights',
  },
  {
    id: 'b2_div_sum',
    kind: "integers folded by other arithmetic than ONNX Runtime's",
    what: 'an int64 Div beyond 2⁵³ folded as a float64',
  },
  {
    id: 'b3a',
    kind: 'a scale applied after a sum',
    what: "Gemm's alpha comes after a sum that overflows",
    images: [NEAR, BEYOND],
  },
  {
    id: 'b3c',
    kind: 'a scale applied after a sum',
    what: 'Mul, then MatMul: ONNX Runtime scales after the sum',
    images: [NEAR, BEYOND],
  },
  {
    id: 'b4_ReduceMean',
    kind: 'a mean executed as a sum and one division',
    what: 'ReduceMean over both axes',
    images: [{ fill: 0.61904801 }, { fill: 0.62104801 }],
  },
];
