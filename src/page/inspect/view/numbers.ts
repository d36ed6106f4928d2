/** Numbers as the page for anybody's model writes them. */

/** Six digits of an upper bound, rounded up. */
export function boundText(value: number): string {
  if (!(value > 0)) return '0';
  const unit = 10 ** (Math.floor(Math.log10(value)) - 5);
  const rounded = Math.ceil(value / unit) * unit;
  return rounded >= 1e6 || rounded < 1e-3 ? rounded.toExponential(3) : String(Number(rounded.toPrecision(6)));
}

/** A share as people read it; nothing if it is not worth a number. */
export function percent(share: number): string {
  return Math.abs(share) < 0.005 ? '' : `${(100 * share).toFixed(0)} %`;
}
