/** Rearrangements: tensors whose elements are elements of another tensor, or the max or min of two of them. */

/**
 * Element e of the view, with i = first[e] and j = pair[e] (if pair is null, all are plain), is: 0 if i = −1; base[i]
 * if j = −1; max(base[i], base[j]) if i < j; min(base[i], base[j]) if i > j.
 */
export interface View {
  readonly first: Int32Array;
  readonly pair: Int32Array | null;
}

/** The view itself, or, if it is null, the identity on `size` elements written out. */
export function materialise(view: View | null, size: number): View {
  if (view !== null) return view;
  const first = new Int32Array(size);
  for (let e = 0; e < size; e++) first[e] = e;
  return { first, pair: null };
}

/** The view that takes element index[e] of `view` (−1: a zero). */
export function compose(view: View | null, index: Int32Array): View {
  if (view === null) return { first: index, pair: null };
  const first = new Int32Array(index.length);
  const pair = view.pair === null ? null : new Int32Array(index.length);
  for (let e = 0; e < index.length; e++) {
    const source = index[e]!;
    first[e] = source < 0 ? -1 : view.first[source]!;
    if (pair !== null) pair[e] = source < 0 ? -1 : view.pair![source]!;
  }
  return { first, pair };
}

/** The max or min of two plain views of one base, element by element; null if an element has no such form. */
export function pairUp(a: View, b: View, operation: 'Max' | 'Min'): View | null {
  if (a.pair !== null || b.pair !== null) return null;
  const first = new Int32Array(a.first.length);
  const pair = new Int32Array(a.first.length);
  for (let e = 0; e < first.length; e++) {
    const i = a.first[e]!;
    const j = b.first[e]!;
    if (i < 0 || j < 0) return null;
    const [low, high] = i < j ? [i, j] : [j, i];
    first[e] = operation === 'Max' ? low : high;
    pair[e] = low === high ? -1 : operation === 'Max' ? high : low;
  }
  return { first, pair };
}

/**
 * An integer t with ‖T(v) − T(v')‖₂² ≤ t·‖v − v'‖₂² for the view T: the largest number of times that an element of the
 * base is used. The max and the min of one pair together count once, as in a sort (Lemma 12; Anil et al. 2019).
 */
export function multiplicity(view: View, baseSize: number): number {
  const known = multiplicities.get(view);
  if (known !== undefined) return known;
  const result = countUses(view, baseSize);
  multiplicities.set(view, result);
  return result;
}

/** A cache. A view is never changed, and this says nothing about it that cannot be counted again. */
const multiplicities = new WeakMap<View, number>();

function countUses(view: View, baseSize: number): number {
  const uses = new Int32Array(baseSize);
  if (view.pair === null) {
    for (const i of view.first) if (i >= 0) uses[i]!++;
    return uses.reduce((a, b) => Math.max(a, b), 0);
  }
  // For each pair (i < j), keyed i·size + j, how often its max and its min are used.
  const maxima = new Map<number, number>();
  const minima = new Map<number, number>();
  for (let e = 0; e < view.first.length; e++) {
    const i = view.first[e]!;
    const j = view.pair[e]!;
    if (i < 0) continue;
    if (j < 0) {
      uses[i]!++;
      continue;
    }
    const key = Math.min(i, j) * baseSize + Math.max(i, j);
    const counts = i < j ? maxima : minima;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const addUses = (key: number, count: number): void => {
    uses[Math.floor(key / baseSize)]! += count;
    uses[key % baseSize]! += count;
  };
  for (const [key, count] of maxima) addUses(key, Math.max(count, minima.get(key) ?? 0));
  for (const [key, count] of minima) if (!maxima.has(key)) addUses(key, count);
  let largest = 0;
  for (const count of uses) largest = Math.max(largest, count);
  return largest;
}
