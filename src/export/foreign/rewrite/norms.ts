/** Norms and sums of squares as sums, means and roots: ReduceL1, ReduceL2, ReduceSumSquare, LpPool, GlobalLpPool. */
import type { OnnxNode } from '../../../certify-runtime/trusted/onnx/model.ts';
import { without } from '../graph-draft.ts';
import { integersOf, numberOf, type Rewriter } from './rewriter.ts';

/** Σ f(x), and its root if `root`. */
function reduced(f: 'Abs' | 'square', root: boolean) {
  return (rewriter: Rewriter, node: OnnxNode): void => {
    const [x, ...axes] = node.inputs as [string];
    rewriter.replace(node, (make) => {
      const terms = f === 'Abs' ? make.op('Abs', [x]) : make.op('Mul', [x, x]);
      const sum = make.like({ ...node, op: 'ReduceSum' }, [terms, ...axes]);
      return root ? make.op('Sqrt', [sum]) : sum;
    });
  };
}

/** The mean of |x| or x² over each window, times the window's size: where a window reaches over the edge, zeros count. */
function lpPool(rewriter: Rewriter, node: OnnxNode): void {
  const p = numberOf(node, 'p', 2);
  const [x] = node.inputs as [string];
  const dims = rewriter.dims(x);
  const whole = node.op === 'GlobalLpPool';
  if ((p !== 1 && p !== 2) || (whole && dims === undefined)) return;
  const kernel = whole ? dims!.slice(2) : integersOf(node, 'kernel_shape');
  // With ceil_mode, ONNX Runtime may divide by fewer than the window has, and LpPool's windows may be of fewer.
  if (kernel === undefined || numberOf(node, 'ceil_mode', 0) !== 0) return;
  if (integersOf(node, 'dilations')?.some((step) => step !== 1)) return;
  const size = kernel.reduce((product, length) => product * length, 1);
  rewriter.replace(node, (make) => {
    const terms = p === 1 ? make.op('Abs', [x]) : make.op('Mul', [x, x]);
    const counted = new Map([
      ...without(node, 'p', 'dilations', 'ceil_mode'),
      ['count_include_pad', { kind: 'int', value: 1n }] as const,
    ]);
    const mean = whole
      ? make.op('GlobalAveragePool', [terms])
      : make.like({ ...node, op: 'AveragePool', attributes: counted }, [terms]);
    const sum = make.op('Mul', [mean, make.scalar(size)]);
    return p === 1 ? sum : make.op('Sqrt', [sum]);
  });
}

export const NORMS: Readonly<Record<string, (rewriter: Rewriter, node: OnnxNode) => void>> = {
  ReduceL1: reduced('Abs', false),
  ReduceL2: reduced('square', true),
  ReduceSumSquare: reduced('square', false),
  LpPool: lpPool,
  GlobalLpPool: lpPool,
};
