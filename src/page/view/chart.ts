/** The curve of certified accuracy as inline SVG: one line for each model, and a legend. */
import { html, svg } from './dom.ts';

export interface Curve {
  readonly name: string;
  /** The position among the models, which decides the colour. */
  readonly index: number;
  /** The share, as a fraction of 1, for each of the chart's radii. */
  readonly shares: readonly number[];
}

const MARGIN = { left: 50, right: 18, top: 14, bottom: 44 };
const HEIGHT = 300;

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
  const ticks = Math.round(end / 0.25);
  for (let i = 0; i <= ticks; i++) {
    const r = i * 0.25;
    root.append(svg('text', { x: x(r), y: HEIGHT - MARGIN.bottom + 20, 'text-anchor': 'middle' }, r.toFixed(2)));
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
          ...radii.map((r) => html('th', { scope: 'col' }, r.toFixed(2))),
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
