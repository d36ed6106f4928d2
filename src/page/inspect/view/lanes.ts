/** Places the layers of a network like the commits of a history: one a row, each in a lane, with edges between them. */

export interface Placed {
  /** The lane of each row. */
  readonly lanes: readonly number[];
  /** Row to row, as [from, to]. */
  readonly edges: readonly (readonly [from: number, to: number])[];
  /** How many lanes there are. */
  readonly width: number;
}

/**
 * A row keeps its lane until the last row that reads it, so that no edge runs through another row.
 *
 * @param from the rows that each row reads, all before it
 */
export function placeInLanes(from: readonly (readonly number[])[]): Placed {
  const last = from.map((_, row) => row);
  from.forEach((inputs, row) => {
    for (const input of inputs) last[input] = Math.max(last[input]!, row);
  });
  /** The row that a lane is kept for. */
  const kept: (number | null)[] = [];
  const lanes = from.map((inputs, row) => {
    const free = (holder: number | null | undefined): boolean => holder == null || last[holder]! <= row;
    const own = inputs.map((input) => kept.indexOf(input)).find((lane) => lane >= 0 && free(kept[lane]));
    let lane = own ?? kept.findIndex((holder) => free(holder));
    if (lane < 0) lane = kept.length;
    kept.forEach((holder, i) => {
      if (holder !== null && last[holder]! <= row) kept[i] = null;
    });
    kept[lane] = row;
    return lane;
  });
  return {
    lanes,
    edges: from.flatMap((inputs, row) => inputs.map((input) => [input, row] as const)),
    width: kept.length,
  };
}

/** Leaves rows out: whatever reads one of them reads what it reads instead. Gives the rows that stay, and their inputs. */
export function without(
  from: readonly (readonly number[])[],
  stays: (row: number) => boolean,
): { readonly rows: readonly number[]; readonly from: readonly (readonly number[])[] } {
  const rows = from.map((_, row) => row).filter(stays);
  const place = new Map(rows.map((row, i) => [row, i]));
  const resolved: number[][] = [];
  from.forEach((inputs, row) => {
    const all = inputs.flatMap((input) => (place.has(input) ? [place.get(input)!] : (resolved[input] ?? [])));
    resolved[row] = [...new Set(all)];
  });
  return { rows, from: rows.map((row) => resolved[row]!) };
}
