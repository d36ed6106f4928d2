/** The curve of certified accuracy as inline SVG: one line for each model, and a legend. */
import { html, svg } from './dom.ts';

export interface Curve {
  readonly name: string;
  /** The position among the models, which decides the colour. */
  readonly index: number;
  /** The share, as a fraction of 1, for each of the chart's radii. */
  readonly shares: readonly number[];
}

/** About so many marks on the axis of the radii. */
const TICKS = 6;

/** The smallest 1, 2, 2.5 or 5 times a power of ten that is not below a value. */
export function niceUp(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 2.5, 5].find((factor) => factor * unit >= value * (1 - 1e-9)) ?? 10) * unit;
}

const MARGIN = { left: 50, right: 18, top: 14, bottom: 44 };
const HEIGHT = 300;

/** How many digits tell radii apart that are `step` apart. */
function radiusDigits(step: number): number {
  return Math.max(2, Math.ceil(-Math.log10(step) - 1e-9));
}

/** @param width the width of the chart's place in pixels, so that its letters have the size of the page's */
export function chart(radii: readonly number[], curves: readonly Curve[], title: string, width: number): SVGSVGElement {
  const end = radii.at(-1)!;
  const x = (r: number): number => MARGIN.left + ((width - MARGIN.left - MARGIN.right) * r) / end;
  const y = (share: number): number => HEIGHT - MARGIN.bottom - (HEIGHT - MARGIN.top - MARGIN.bottom) * share;
  const root = svg('svg', {
    class: 'chart',
    viewBox: `0 0 ${width} ${HEIGHT}`,
    role: 'img',
    'aria-label': title,
  });
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    root.append(
      svg('line', { class: 'grid', x1: MARGIN.left, x2: width - MARGIN.right, y1: y(share), y2: y(share) }),
      svg('text', { x: MARGIN.left - 8, y: y(share) + 4, 'text-anchor': 'end' }, `${100 * share} %`),
    );
  }
  const step = niceUp(end / TICKS);
  for (let r = 0; r <= end * (1 + 1e-9); r += step) {
    const text = r.toFixed(radiusDigits(step));
    root.append(svg('text', { x: x(r), y: HEIGHT - MARGIN.bottom + 20, 'text-anchor': 'middle' }, text));
  }
  const middle = (MARGIN.left + width - MARGIN.right) / 2;
  root.append(svg('text', { x: middle, y: HEIGHT - 4, 'text-anchor': 'middle' }, 'radius r (ℓ2, pixels on [0, 1])'));
  for (const { index, shares } of curves) {
    const points = shares.map((share, i) => `${x(radii[i]!).toFixed(1)},${y(share).toFixed(1)}`);
    root.append(svg('polyline', { class: `curve model-${index}`, points: points.join(' ') }));
  }
  return root;
}

/** The names of the curves with the colour and dash of each. */
export function legend(curves: readonly Curve[]): HTMLElement {
  return html(
    'ul',
    { class: 'legend' },
    ...curves.map(({ name, index }) => {
      const sample = svg('svg', { viewBox: '0 0 28 8', width: 28, height: 8, 'aria-hidden': true });
      sample.append(svg('line', { class: `curve model-${index}`, x1: 0, x2: 28, y1: 4, y2: 4 }));
      return html('li', {}, sample, name);
    }),
  );
}

/** The same numbers as a table, at the paper's radii. */
export function shareTable(radii: readonly number[], curves: readonly Curve[]): HTMLElement {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return html(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Certified accuracy in numbers' },
    html(
      'table',
      { class: 'numbers' },
      html(
        'thead',
        {},
        html(
          'tr',
          {},
          html('th', { scope: 'col' }, 'r'),
          ...radii.map((r) => html('th', { scope: 'col' }, r.toFixed(radiusDigits(radii[1]! - radii[0]!)))),
        ),
      ),
      html(
        'tbody',
        {},
        ...curves.map(({ name, shares }) =>
          html('tr', {}, html('th', { scope: 'row' }, name), ...shares.map((share) => html('td', {}, percent(share)))),
        ),
      ),
    ),
  );
}
