/** A network's layers as a picture: the graph in lanes, and beside each layer its bound and what it costs. */
import type { ExplainedLayer, Explanation } from '../../../evaluate/explain/explanation.ts';
import { isNothing } from '../../../evaluate/explain/lines.ts';
import { html, svg } from '../../view/dom.ts';
import { placeInLanes, without } from './lanes.ts';
import { boundText, percent } from './numbers.ts';

const ROW = 34;
const LANE = 18;
const HEAD = 30;
const MOST_ROWS = 400;
/** Below this width there is room for one bar only, and for short texts. */
const NARROW = 560;
/** Widths of the columns beside the graph: the bound, a bar with its number, and the most that the lanes take. */
const WIDE_COLUMNS = { bound: 92, bar: 96, number: 40, lanes: 120 };
const NARROW_COLUMNS = { bound: 70, bar: 40, number: 34, lanes: 56 };
/** In a wider picture the eye would lose the line. */
const WIDEST = 900;

interface Row {
  readonly title: string;
  readonly name: string;
  readonly bound: number;
  readonly loss: number;
  readonly slack: number;
}

const rowOf = ({ op, name, lipschitz, loss, slack }: ExplainedLayer): Row => ({
  title: op,
  name,
  bound: lipschitz,
  loss,
  slack,
});

/** A bar as long as a share is of the largest one, and the share as a number. */
function shareBar(
  x: number,
  middle: number,
  { bar, number }: typeof WIDE_COLUMNS,
  share: number,
  most: number,
  kind: string,
): SVGElement[] {
  const box = { x, y: middle - 3, height: 6, rx: 3 };
  const length = (Math.max(0, share) / most) * bar;
  const text = percent(share);
  return [
    svg('rect', { class: 'graph-track', ...box, width: bar }),
    ...(length < 0.5 ? [] : [svg('rect', { class: `graph-bar ${kind}`, ...box, width: length })]),
    ...(text === ''
      ? []
      : [svg('text', { class: 'graph-share', x: x + bar + number, y: middle + 4, 'text-anchor': 'end' }, text)]),
  ];
}

/** About as many letters fit. */
function cut(text: string, width: number): string {
  const letters = Math.max(6, Math.floor(width / 7.2));
  return text.length <= letters ? text : `…${text.slice(1 - letters)}`;
}

interface Rows {
  /** The image, and the layers that count, in their order. */
  readonly rows: readonly Row[];
  readonly from: readonly (readonly number[])[];
  /** Layers that are left out because they cost nothing, and because there are too many. */
  readonly free: number;
  readonly beyond: number;
}

function rowsOf({ layers }: Explanation): Rows {
  const image: Row = { title: 'image', name: '', bound: 1, loss: 0, slack: 0 };
  const from = [[], ...layers.map((layer) => layer.from.map((i) => i + 1))];
  const costly = layers.filter((layer) => !isNothing(layer));
  const chosen = new Set(costly.slice(0, MOST_ROWS));
  const reduced = without(from, (row) => row === 0 || row === layers.length || chosen.has(layers[row - 1]!));
  const rows = reduced.rows.map((row) => (row === 0 ? image : rowOf(layers[row - 1]!)));
  const beyond = costly.slice(MOST_ROWS).filter((layer) => layer !== layers.at(-1)).length;
  return { rows, from: reduced.from, free: layers.length + 1 - rows.length - beyond, beyond };
}

function draw(explanation: Explanation, width: number): SVGSVGElement {
  const { rows, from } = rowsOf(explanation);
  const { lanes, edges, width: count } = placeInLanes(from);
  const bars = width >= NARROW ? 2 : 1;
  const columns = bars === 2 ? WIDE_COLUMNS : NARROW_COLUMNS;
  const laneWidth = Math.min(LANE, columns.lanes / count);
  const graphWidth = count * laneWidth + 14;
  const step = columns.bar + columns.number + 10;
  const barX = width - bars * step;
  const boundX = barX - 14;
  const textWidth = boundX - columns.bound - graphWidth;
  const x = (row: number): number => 10 + lanes[row]! * laneWidth;
  const y = (row: number): number => HEAD + row * ROW + ROW / 2;
  const height = HEAD + rows.length * ROW;
  // The longest bar fills its column, and the numbers say what it stands for.
  const mostOf = (shares: readonly number[]): number => Math.max(...shares, 0.01);
  const [mostLoss, mostSlack] = [mostOf(rows.map(({ loss }) => loss)), mostOf(rows.map(({ slack }) => slack))];
  const root = svg('svg', {
    class: 'graph',
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: 'img',
    'aria-label': `Graph of ${rows.length - 1} layers from the image to the latent, with the bound and the costs of each; the table below has the numbers`,
  });
  const head = (at: number, text: string, anchor = 'start'): SVGElement =>
    svg('text', { class: 'graph-head', x: at, y: 16, 'text-anchor': anchor }, text);
  root.append(head(boundX, 'L ≤', 'end'), head(barX, 'of the loss'));
  if (bars === 2) root.append(head(barX + step, 'of float32'));
  for (const [a, b] of edges) {
    const [x0, y0, x1, y1] = [x(a), y(a), x(b), y(b)];
    const bend = y1 - ROW;
    const path =
      x0 === x1
        ? `M${x0} ${y0}V${y1}`
        : `M${x0} ${y0}V${bend}C${x0} ${bend + ROW / 2} ${x1} ${y1 - ROW / 2} ${x1} ${y1}`;
    root.append(svg('path', { class: 'graph-edge', d: path }));
  }
  rows.forEach(({ title, name, bound, loss, slack }, row) => {
    const middle = y(row);
    const radius = 4 + 4 * Math.sqrt(Math.max(0, loss) / mostLoss);
    const label = cut(name === '' ? title : `${title}`, textWidth);
    const text = svg('text', { class: 'graph-op', x: graphWidth + 4, y: middle + 4 }, label);
    const room = textWidth - 7.6 * label.length - 10;
    if (room > 60 && name !== '') {
      text.append(svg('tspan', { class: 'graph-name', dx: 8 }, cut(name, room)));
    }
    root.append(
      svg('title', {}, `${title} ${name}`),
      svg('circle', { class: loss > 0.1 ? 'graph-dot costly' : 'graph-dot', cx: x(row), cy: middle, r: radius }),
      text,
      svg('text', { class: 'graph-bound', x: boundX, y: middle + 4, 'text-anchor': 'end' }, boundText(bound)),
      ...shareBar(barX, middle, columns, loss, mostLoss, 'loss'),
      ...(bars === 2 ? shareBar(barX + step, middle, columns, slack, mostSlack, 'slack') : []),
    );
  });
  return root;
}

/** The picture, as wide as its place, and drawn anew when that changes. */
export function layerGraph(explanation: Explanation): HTMLElement {
  const { free, beyond } = rowsOf(explanation);
  const place = html('div', {
    class: 'graph-place',
    tabindex: 0,
    role: 'region',
    'aria-label': 'Picture of the layers',
  });
  const observer = new ResizeObserver(() => {
    if (place.clientWidth > 0)
      place.replaceChildren(draw(explanation, Math.min(WIDEST, Math.max(300, place.clientWidth))));
  });
  observer.observe(place);
  const notes = [
    ...(free === 0 ? [] : [`${free} layers that cost nothing are left out.`]),
    ...(beyond === 0 ? [] : [`${beyond} layers more are in the table below only.`]),
  ];
  return html('div', { class: 'stack' }, place, ...notes.map((note) => html('p', { class: 'small muted' }, note)));
}
