/** The report's main results: GLEAN against the baselines, tables 1 and 2, figures 3 and 4, and the margin certificate. */
import type { Task } from '../experiment.ts';
import { CEILING, PUBLISHED } from '../published.ts';
import { formatSpread } from '../statistics.ts';
import { type Block, type Figure, heading, paragraph, type Row, type Table } from './document.ts';
import { acrOf, certifiedBy, type Evidence, over, smoothingOf } from './evidence.ts';
import { curveFigure } from './figures.ts';
import { absent, gleanOf, MAIN_TASKS, present, rowsOf } from './section-parts.ts';
import { certifiedTable, heldOut, NOT_RUN, nameOf, shortTable } from './tables.ts';

function baselinesOf(rows: readonly Evidence[]): readonly Evidence[] {
  return rows.filter(({ experiment }) => experiment.measurement.kind === 'plain' && experiment.oracle === null);
}

/** GLEAN's ACR minus each baseline's, on the same images. */
function differenceRows(evidence: readonly Evidence[], task: Task, title: string): Row[] {
  const rows = rowsOf(evidence, 'main', task);
  const glean = gleanOf(rows);
  const own = glean === undefined ? undefined : acrOf(glean, 'subset');
  return baselinesOf(rows).map((baseline) => {
    const other = acrOf(baseline, 'subset');
    const name = `${title}: ${baseline.experiment.method}`;
    if (own === undefined || other === undefined) return { cells: [name, '', '', NOT_RUN] };
    const difference = own.mean - other.mean;
    const cells = [
      name,
      formatSpread(own, 1, 4),
      formatSpread(other, 1, 4),
      `${difference > 0 ? '+' : '−'}${Math.abs(difference).toFixed(4)}`,
    ];
    return difference > 0 ? { cells, mark: 'best' } : { cells };
  });
}

export function comparison(evidence: readonly Evidence[]): readonly Block[] {
  const table: Table = {
    kind: 'table',
    caption:
      'Average certified radius on the unseen domain, same images and same CERTIFY settings for both; marked: GLEAN is above',
    columns: ['', 'GLEAN', 'baseline', 'difference'],
    rows: MAIN_TASKS.flatMap(({ task, title }) => differenceRows(evidence, task, title)),
  };
  return [heading(2, 'GLEAN against the baselines'), table];
}

/**
 * What an ACR is made of: how many answers are right where the cue holds and where it is reversed, and how far the
 * right ones reach.
 */
export function anatomy(evidence: readonly Evidence[]): readonly Block[] {
  const rows = MAIN_TASKS.flatMap(({ task, title }) =>
    rowsOf(evidence, 'main', task)
      .filter(({ runs }) => runs.length > 0)
      .map((row): Row => {
        const results = certifiedBy(row, smoothingOf(row), 'subset');
        const accuracy = over(results, (result) => result.certifiedAccuracy['0.00']!)!;
        const reach = over(results, (result) => {
          const right = result.certifiedAccuracy['0.00']!;
          return right === 0 ? 0 : result.acr / right;
        })!;
        const cells = [
          `${title}: ${nameOf(row)}`,
          heldOut(row),
          formatSpread(accuracy, 100, 1),
          formatSpread(reach, 1, 3),
          formatSpread(acrOf(row, 'subset')!, 1, 4),
        ];
        return row.experiment.oracle === null ? { cells } : { cells, mark: 'oracle' };
      }),
  );
  return [
    paragraph(
      'ACR is the share of right answers on the unseen domain times their mean radius. A method that leans on the cue is right where the cue holds (held out from the training domains) and wrong where it turns; one that finds no causal feature is wrong on both, or certain of nothing.',
    ),
    {
      kind: 'table',
      caption:
        'What the average certified radius is made of: accuracies in %, CERTIFY on the same unseen images for all',
      columns: ['', 'held-out accuracy', 'right on the unseen domain', 'their mean radius', 'ACR'],
      rows,
    },
  ];
}

function mainTable(evidence: readonly Evidence[], task: Task, title: string): readonly Block[] {
  const rows = rowsOf(evidence, 'main', task);
  const [first] = rows;
  if (first === undefined) return [];
  const { sigma, n, n0, alpha } = first.experiment.measurement.smoothing;
  return [
    heading(3, title),
    certifiedTable(
      `${title}: certified accuracy in % on the unseen domain and ACR; CERTIFY with σ = ${sigma}, n = ${n}, n0 = ${n0}, α = ${alpha}: on z for GLEAN, on the image for the others`,
      rows,
      { constant: true, published: PUBLISHED.filter((row) => row.task === task) },
    ),
  ];
}

export function mainTables(evidence: readonly Evidence[]): readonly Block[] {
  const { accuracy, acr } = CEILING;
  return [
    heading(2, 'Tables 1 and 2: certified accuracy on the unseen domain'),
    paragraph(
      `Mean ± standard deviation over the seeds; last step; where a baseline is in a table, all rows are of the images that baselines are certified on. How settings were chosen is said below. Shaded: the highest ACR of those that may be compared. In italics: the paper's own figures, and oracles, which are told what the others are not. With a quarter of the labels flipped nothing that goes by the shape alone can exceed ${100 * accuracy} % and an ACR of ${acr} on the problems with a cue (above it an answer leans against the cue, which reverses by accident only). One label for every image is right on its class and certified at any radius: an ACR below that row's is not worth much, whatever it is above.`,
    ),
    ...mainTable(evidence, 'cmnist', 'Coloured MNIST'),
    ...mainTable(evidence, 'avatars', 'avatars, in the place of CelebA'),
    ...mainTable(evidence, 'emoji-cue', "emoji-cue, in the place of DomainNet as the paper's code uses it"),
    ...mainTable(evidence, 'emoji', 'emoji, in the place of DomainNet with one domain held out'),
  ];
}

export function curves(evidence: readonly Evidence[]): readonly Block[] {
  const figures = MAIN_TASKS.map(({ task, title }) =>
    curveFigure(
      `figure-3-${task}`,
      `Certified accuracy on ${title}`,
      `Figure 3, ${title}: certified accuracy against radius on the unseen domain.`,
      rowsOf(evidence, 'main', task),
    ),
  );
  return [
    heading(2, 'Figure 3: certified accuracy against radius'),
    ...present<Figure>(...figures),
    ...absent(figures),
  ];
}

export function ablations(evidence: readonly Evidence[]): readonly Block[] {
  const blocks = MAIN_TASKS.flatMap(({ task, title }): Block[] => {
    const rows = rowsOf(evidence, 'ablation', task);
    if (rows.length === 0) return [];
    const figure = curveFigure(
      `figure-4-${task}`,
      `Ablation on ${title}`,
      `Figure 4, ${title}: without invariance, and without the Lipschitz constraint.`,
      rows,
    );
    return [shortTable(`Ablation on ${title}`, rows), ...present<Block>(figure)];
  });
  return [
    heading(2, 'Figure 4: ablations'),
    paragraph(
      'Without the constraint there is no bound to prove, so that such a network is certified on the image, as the baselines are, and its file is not sealed.',
    ),
    ...blocks,
  ];
}

export function beyondTheCap(evidence: readonly Evidence[]): readonly Block[] {
  const rows = MAIN_TASKS.flatMap(({ task }) => rowsOf(evidence, 'main', task)).filter(
    ({ experiment }) => experiment.measurement.kind === 'sealed',
  );
  return [
    heading(2, 'The margin certificate, beyond the cap'),
    paragraph(
      "CERTIFY cannot give more than σΦ⁻¹(α^(1/n)), 0.457 at the paper's settings, however sure the network is. The margin certificate, the file's own `radius`, has no such cap, needs no samples and holds with certainty.",
    ),
    certifiedTable('Margin certificate: certified accuracy in % on the unseen domain and ACR', rows, { margin: true }),
  ];
}
