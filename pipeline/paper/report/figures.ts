/** The figures: certified accuracy against radius, and the studies' lines. */
import { lineChart } from '../../../src/evaluate/chart.ts';
import { CURVE_STEP } from '../result.ts';
import { spread } from '../statistics.ts';
import type { Figure } from './document.ts';
import { acrOf, certifiedBy, type Evidence, smoothingOf } from './evidence.ts';

/**
 * Certified accuracy under CERTIFY on the images that all methods share, as the mean over the seeds; undefined without
 * results.
 */
export function curveFigure(
  name: string,
  title: string,
  caption: string,
  rows: readonly Evidence[],
): Figure | undefined {
  const series = rows.flatMap((row) => {
    const curves = certifiedBy(row, smoothingOf(row), 'subset').map(({ curve }) => curve);
    if (curves.length === 0) return [];
    const spreads = curves[0]!.map((_, i) => spread(curves.map((curve) => curve[i]!)));
    return {
      name: row.experiment.short,
      points: spreads.map(({ mean }, i) => ({ x: i * CURVE_STEP, y: mean })),
      spread: spreads.map(({ deviation }) => deviation ?? 0),
      dashed: row.experiment.oracle !== null,
    };
  });
  if (series.length === 0) return undefined;
  const end = (series[0]!.points.length - 1) * CURVE_STEP;
  const svg = lineChart({
    title,
    subtitle: 'CERTIFY, the same test images for all; mean of the seeds, band: standard deviation',
    x: { label: 'ℓ2 radius (pixels on [0, 1])', domain: [0, end] },
    y: { label: 'certified accuracy', domain: [0, 1] },
    series,
  });
  const alt = `${title}: ${series.map(({ name: method, points }) => `${method} falls from ${percent(points[0]!.y)} to ${percent(points[45]!.y)} at r = 0.45`).join('; ')}.`;
  return { kind: 'figure', name, caption, alt, svg };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** ACR against a setting, one line for each series; undefined without results. */
export function studyFigure(
  name: string,
  title: string,
  caption: string,
  points: readonly { readonly of: Evidence; readonly series: string; readonly x: number }[],
  axis: { readonly label: string; readonly log?: boolean },
): Figure | undefined {
  const known = points
    .flatMap(({ of, series, x }) => {
      const acr = acrOf(of, 'subset');
      return acr === undefined ? [] : { series, x, y: acr.mean, spread: acr.deviation ?? 0 };
    })
    .sort((a, b) => a.x - b.x);
  if (known.length === 0) return undefined;
  const names = [...new Set(known.map(({ series }) => series))];
  const xs = known.map(({ x }) => x);
  const top = Math.max(...known.map(({ y, spread: band }) => y + band));
  const svg = lineChart({
    title,
    subtitle: 'average certified radius on the unseen domain, CERTIFY',
    x: { ...axis, domain: [Math.min(...xs), Math.max(...xs)] },
    y: { label: 'ACR', domain: [0, Math.ceil(top * 20) / 20] },
    series: names.map((series) => {
      const own = known.filter((point) => point.series === series);
      return { name: series, points: own, spread: own.map((point) => point.spread), dots: true };
    }),
  });
  const alt = `${title}: ${known.map(({ series, x, y }) => `${series} at ${x}: ${y.toFixed(4)}`).join('; ')}.`;
  return { kind: 'figure', name, caption, alt, svg };
}
