/** Certified accuracy of the models over the pictures that are there: the curve, and its numbers by domain. */
import { certifiedShares } from '../../digit/curve.ts';
import { type Curve, chart, legend, niceUp, shareTable } from '../../view/chart.ts';
import { html } from '../../view/dom.ts';
import type { Row } from '../pictures/rows.ts';
import type { Slot } from '../slot.ts';

const POINTS = 300;
const COLUMNS = 10;
/** The smallest and the largest width of the chart. */
const [MIN_CHART, MAX_CHART] = [280, 730];
const MOST_DOMAINS = 12;

/** The rows that a model has answered, as what the curve takes. */
function answered(rows: readonly Row[], m: number) {
  const results = rows.flatMap(({ results }) => (results[m]?.answer === undefined ? [] : [results[m]!]));
  return { answers: results.map(({ answer }) => answer!), truth: results.map(({ truth }) => truth) };
}

/** The elements of the curve; none if nothing has been answered. */
export function curves(rows: readonly Row[], slots: readonly Slot[], width: number): HTMLElement[] {
  const models = slots.flatMap(({ opened }, m) => (opened === null ? [] : [{ name: opened.name, m }]));
  const all = models
    .map(({ name, m }) => ({ name, m, ...answered(rows, m) }))
    .filter(({ answers }) => answers.length > 1);
  if (all.length === 0) return [];
  const longest = Math.max(...all.flatMap(({ answers }) => answers.map(({ radius }) => radius)));
  const end = longest > 0 ? niceUp(longest) : 1;
  const at = (count: number): number[] => Array.from({ length: count }, (_, i) => (i * end) / count);
  const known = all.some(({ truth }) => truth.some((label) => label !== undefined));
  const curvesAt = (radii: readonly number[]): Curve[] =>
    all.map(({ name, m, answers, truth }) => ({ name, index: m, shares: certifiedShares(answers, truth, radii) }));
  const domains = [...new Set(rows.flatMap(({ picture }) => picture.domain ?? []))].sort().slice(0, MOST_DOMAINS);
  const perDomain = (radii: readonly number[]): Curve[] =>
    domains.length < 2
      ? []
      : all.flatMap(({ name, m }) =>
          domains.map((domain) => {
            const own = answered(
              rows.filter(({ picture }) => picture.domain === domain),
              m,
            );
            const title = all.length === 1 ? domain : `${domain}, ${name}`;
            return { name: title, index: m, shares: certifiedShares(own.answers, own.truth, radii) };
          }),
        );
  const title = known ? 'Certified accuracy' : 'Certified share';
  const says = known
    ? 'Certified accuracy: the share of pictures whose label is right and cannot be changed by any perturbation up to radius r. A label that no folder names counts as right.'
    : 'No folder is named after a class, so no label can be wrong here: the curve is the share of pictures that is certified at r.';
  const radii = at(POINTS + 1);
  const columns = at(COLUMNS);
  return [
    html('h3', {}, title),
    html('p', { class: 'small muted' }, says),
    legend(curvesAt(radii)),
    html('div', {}, chart(radii, curvesAt(radii), title, Math.min(Math.max(width, MIN_CHART), MAX_CHART))),
    shareTable(columns, [...curvesAt(columns), ...perDomain(columns)]),
  ];
}
