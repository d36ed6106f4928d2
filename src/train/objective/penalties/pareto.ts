/**
 * Weights of three objectives that move towards their Pareto front, at the point where r_1·l_1 = r_2·l_2 = r_3·l_3.
 * Mahapatra & Rajan, Multi-Task Learning with User Preferences (EPO search), ICML 2020.
 */

export type Triple = readonly [number, number, number];
type Matrix = readonly [Triple, Triple, Triple];

/** row·α ≥ bound. */
interface Constraint {
  readonly row: Triple;
  readonly bound: number;
}

const dot = (a: Triple, b: Triple) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: Triple, b: Triple): Triple => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
const apply = (matrix: Matrix, x: Triple): Triple => [dot(matrix[0], x), dot(matrix[1], x), dot(matrix[2], x)];
const ONES: Triple = [1, 1, 1];
const UNITS: Matrix = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
];

/** A point is feasible if it misses no constraint by more than this share of the constraint's size. */
const TOLERANCE = 1e-9;

/**
 * The α ≥ 0 with Σα = 1 that meets all constraints and makes goal·α largest; undefined if there is none. An optimum is
 * at a vertex, where two of the inequalities are equalities. There are at most 21 pairs.
 */
export function maximise(goal: Triple, constraints: readonly Constraint[]): Triple | undefined {
  const all = [...UNITS.map((row) => ({ row, bound: 0 })), ...constraints];
  let best: Triple | undefined;
  for (const [i, a] of all.entries()) {
    for (const b of all.slice(i + 1)) {
      // The α with ONES·α = 1, a·α = a.bound and b·α = b.bound, by Cramer's rule.
      const normal = cross(a.row, b.row);
      const determinant = dot(ONES, normal);
      if (determinant === 0) continue;
      const [u, v] = [cross(b.row, ONES), cross(ONES, a.row)];
      const at = (k: 0 | 1 | 2) => (normal[k] + a.bound * u[k] + b.bound * v[k]) / determinant;
      const vertex: Triple = [at(0), at(1), at(2)];
      const feasible = all.every(({ row, bound }) => {
        const size = Math.max(...row.map(Math.abs), Math.abs(bound));
        return dot(row, vertex) >= bound - TOLERANCE * size;
      });
      if (feasible && (best === undefined || dot(goal, vertex) > dot(goal, best))) best = vertex;
    }
  }
  return best;
}

/**
 * α for losses l ≥ 0, products of their gradients C = GᵀG and preferences r > 0.
 *
 * With l̂ = r∘l / Σ r∘l and non-uniformity μ = Σ l̂·log(3·l̂): while μ > 10⁻⁴, α is the direction that lowers μ most
 * among those that let no objective rise by more than that requires; after that, all objectives descend. If the linear
 * program has no solution, the preference itself is the answer, as in the authors' code of PAIR.
 */
export function paretoWeights(losses: Triple, products: Matrix, preference: Triple): Triple {
  const total = preference[0] + preference[1] + preference[2];
  const r: Triple = [preference[0] / total, preference[1] / total, preference[2] / total];
  const weighted: Triple = [r[0] * losses[0], r[1] * losses[1], r[2] * losses[2]];
  const sum = weighted[0] + weighted[1] + weighted[2];
  if (!(sum > 0)) return r;
  const share = weighted.map((value) => Math.max(value / sum, Number.MIN_VALUE));
  const nonUniformity = share.reduce((mu, value) => mu + value * Math.log(3 * value), 0);
  const adjust = (k: 0 | 1 | 2) => r[k] * (Math.log(3 * share[k]!) - nonUniformity);
  const direction = apply(products, [adjust(0), adjust(1), adjust(2)]);
  if (nonUniformity > BALANCED) {
    const worst = Math.max(...weighted);
    const constraints = products.flatMap((row, k) => {
      if (weighted[k] === worst) return [{ row, bound: 0 }];
      return direction[k]! > 0 ? [] : [{ row, bound: direction[k]! }];
    });
    return maximise(direction, constraints) ?? r;
  }
  const goal = apply(products, ONES);
  const bound = Math.min(0, Math.max(...direction));
  return maximise(goal, [{ row: direction, bound }, ...products.map((row) => ({ row, bound: 0 }))]) ?? r;
}

/** ε of EPO: below this non-uniformity the objectives count as balanced. */
const BALANCED = 1e-4;
