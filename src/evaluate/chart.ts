/**
 * Line charts as standalone SVG: curves with their names at the line ends, without scripts or external style sheets.
 */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';

interface Axis {
  readonly label: string;
  readonly domain: readonly [number, number];
  /** Whether the axis is logarithmic. */
  readonly log?: boolean;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** Drawn as a band around the line, y ± spread. */
  readonly spread?: readonly number[];
  /** For series that are not meant to be compared with the others. */
  readonly dashed?: boolean;
  /** Marks the points themselves. */
  readonly dots?: boolean;
}

export interface LineChart {
  readonly title: string;
  readonly subtitle?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

/**
 * Okabe and Ito's palette, which can be told apart with any colour vision, without its yellow, which is too light for a
 * line on white.
 */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#000000'];
const FONT = "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";
const SIZE = { width: 720, height: 420, marginTop: 84, marginRight: 24, marginBottom: 52, marginLeft: 56 };
const CHARACTER_WIDTH = 8.2;
const LINE_HEIGHT = 18;

/** Positions on one axis, in pixels, at least LINE_HEIGHT apart, inside [low, high], and close to the wanted ones. */
function apart(wanted: readonly number[], low: number, high: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]!);
  const placed = [...wanted];
  let least = low;
  for (const i of order) {
    placed[i] = Math.max(wanted[i]!, least);
    least = placed[i]! + LINE_HEIGHT;
  }
  let most = high;
  for (const i of order.reverse()) {
    placed[i] = Math.min(placed[i]!, most);
    most = placed[i]! - LINE_HEIGHT;
  }
  return placed;
}

/** The chart as the text of an SVG file. */
export function lineChart({ title, subtitle, x, y, series }: LineChart): string {
  const { document } = parseHTML('<html><body></body></html>');
  const longest = series.reduce((length, { name }) => Math.max(length, name.length), 0);
  const marginRight = SIZE.marginRight + Math.ceil(longest * CHARACTER_WIDTH);
  const [top, bottom] = [SIZE.marginTop, SIZE.height - SIZE.marginBottom];
  const toPixels = (value: number): number =>
    bottom - ((value - y.domain[0]) / (y.domain[1] - y.domain[0])) * (bottom - top);
  const colour = (i: number): string => COLOURS[i % COLOURS.length]!;
  const ends = series.map(({ points }) => points.at(-1) ?? { x: x.domain[1], y: y.domain[0] });
  const labels = apart(
    ends.map((end) => toPixels(end.y)),
    top,
    bottom,
  );
  const plot = Plot.plot({
    document: document as unknown as Document,
    ...SIZE,
    marginRight,
    style: { fontFamily: FONT, fontSize: '13px', background: 'white', color: '#24292f' },
    x: {
      domain: [...x.domain],
      label: x.label,
      labelAnchor: 'center',
      labelArrow: 'none',
      tickSize: 4,
      ...(x.log === true ? { type: 'log', ticks: 6 } : {}),
    },
    y: { domain: [...y.domain], label: null, grid: true, ticks: 6, tickSize: 0 },
    marks: [
      Plot.ruleY([y.domain[0]], { stroke: '#8c959f' }),
      ...series.flatMap(({ points, spread }, i) =>
        spread === undefined
          ? []
          : Plot.areaY(points, {
              x: 'x',
              y1: ({ y: value }: Point, at: number) => value - spread[at]!,
              y2: ({ y: value }: Point, at: number) => value + spread[at]!,
              fill: colour(i),
              fillOpacity: 0.15,
              clip: true,
            }),
      ),
      ...series.map(({ points, dashed = false, dots = false }, i) =>
        Plot.line(points, {
          x: 'x',
          y: 'y',
          stroke: colour(i),
          strokeWidth: 2.25,
          strokeLinejoin: 'round',
          clip: true,
          ...(dashed ? { strokeDasharray: '6 4' } : {}),
          ...(dots ? { marker: 'dot' as const } : {}),
        }),
      ),
      ...series.map(({ name }, i) =>
        Plot.text([ends[i]!], {
          x: 'x',
          y: 'y',
          text: () => name,
          dx: 8,
          dy: labels[i]! - toPixels(ends[i]!.y),
          textAnchor: 'start',
          fill: colour(i),
          fontWeight: 600,
        }),
      ),
    ],
  }) as unknown as Element;

  plot.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  plot.setAttribute('role', 'img');
  // The chart is one image to assistive technology, and groups without a role must not have names.
  for (const part of plot.querySelectorAll('[aria-label]')) part.removeAttribute('aria-label');
  const caption = (text: string, at: number, size: number, weight: number, fill: string): void => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', 'text');
    const attributes = {
      x: 16,
      y: at,
      'text-anchor': 'start',
      'font-size': size,
      'font-weight': weight,
      fill,
      'font-family': FONT,
    };
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    element.textContent = text;
    plot.append(element as unknown as Node);
  };
  caption(title, 26, 17, 600, '#24292f');
  if (subtitle !== undefined) caption(subtitle, 46, 13, 400, '#57606a');
  caption(y.label, SIZE.marginTop - 14, 13, 400, '#57606a');
  // The chart gets a background of its own, because not every viewer draws the one in the style.
  const background = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  for (const [key, value] of Object.entries({ width: '100%', height: '100%', fill: 'white' }))
    background.setAttribute(key, value);
  plot.prepend(background as unknown as Node);
  // Plot numbers its clips through the life of the process; they are renumbered so that the same chart gives the same
  // text.
  const clips = new Map<string, string>();
  const text = plot.outerHTML.replace(/plot-clip-\d+/g, (id) => {
    if (!clips.has(id)) clips.set(id, `clip-${clips.size + 1}`);
    return clips.get(id)!;
  });
  return `${text}\n`;
}
