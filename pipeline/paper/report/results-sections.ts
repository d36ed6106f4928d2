/** The report's results: the paper's tables and figures, and our own. */
import type { Section, Task } from '../experiment.ts';
import { CEILING, PUBLISHED } from '../published.ts';
import { formatSpread } from '../statistics.ts';
import { type Block, type Figure, heading, paragraph, type Row, type Table } from './document.ts';
import { acrOf, certifiedBy, type Evidence, over, placed, smoothingOf } from './evidence.ts';
import { curveFigure, studyFigure } from './figures.ts';
import { bestOf, certifiedTable, heldOut, NOT_RUN, nameOf, seedsOf, shortTable } from './tables.ts';

/** The paper's three problems, or what stands for them here. */
const MAIN_TASKS: readonly { readonly task: Task; readonly title: string }[] = [
  { task: 'cmnist', title: 'Coloured MNIST' },
  { task: 'avatars', title: 'avatars' },
  { task: 'emoji-cue', title: 'emoji, style as the cue' },
  { task: 'emoji', title: 'emoji' },
];

const present = <T>(...values: readonly (T | undefined)[]): T[] => values.flatMap((value) => value ?? []);

function rowsOf(evidence: readonly Evidence[], section: Section, task?: Task): readonly Evidence[] {
  return placed(evidence, section, task).map(({ of }) => of);
}

/** GLEAN's row of a problem: the first sealed one of the plan that is told nothing more than the others. */
function gleanOf(rows: readonly Evidence[]): Evidence | undefined {
  return rows.find(({ experiment }) => experiment.measurement.kind === 'sealed' && experiment.oracle === null);
}

function baselinesOf(rows: readonly Evidence[]): readonly Evidence[] {
  return rows.filter(({ experiment }) => experiment.measurement.kind === 'plain' && experiment.oracle === null);
}

/** GLEAN's ACR less each baseline's, on the same images. */
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

/** What an ACR is made of: how many answers are right where the cue holds and where it turns, and how far the right ones reach. */
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

/** A line for figures without results. */
function absent(figures: readonly (Figure | undefined)[]): readonly Block[] {
  const missing = figures.filter((figure) => figure === undefined).length;
  return missing === 0 ? [] : [paragraph(`${missing} of ${figures.length} figures: ${NOT_RUN}.`)];
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

export function studies(evidence: readonly Evidence[]): readonly Block[] {
  const points = (section: 'lambda' | 'sigma') =>
    placed(evidence, section).map(({ of, place }) => ({ of, series: place.series!, x: place.x! }));
  const lambda = studyFigure(
    'figure-5-lambda',
    'Weight of the penalty',
    'Figure 5: λ of the invariance penalty, Coloured MNIST.',
    points('lambda'),
    { label: 'λ', log: true },
  );
  const sigma = studyFigure(
    'figure-5-sigma',
    'Scale of the noise',
    'Figure 5: σ of the noise in training and in certification, Coloured MNIST. CERTIFY reaches no radius above 3.8 σ.',
    points('sigma'),
    { label: 'σ' },
  );
  const table = (caption: string, section: 'lambda' | 'sigma', symbol: string): Table => {
    const rows = [...placed(evidence, section)].sort((a, b) => a.place.x! - b.place.x!);
    const names = rows.map(({ place }) => `${place.series}, ${symbol} = ${place.x}`);
    return shortTable(
      caption,
      rows.map(({ of }) => of),
      names,
    );
  };
  return [
    heading(2, 'Figure 5: parameter studies'),
    ...present<Block>(lambda),
    table('The weight of the penalty', 'lambda', 'λ'),
    ...present<Block>(sigma),
    table('The scale of the noise', 'sigma', 'σ'),
    ...absent([lambda, sigma]),
  ];
}

/** The best of everything that was run on a problem and certified with the paper's σ, chosen by its test domain: an oracle. */
function chosenOnTest(evidence: readonly Evidence[], task: Task): readonly Block[] {
  const sigma = gleanOf(rowsOf(evidence, 'main', task))?.experiment.measurement.smoothing.sigma;
  const candidates = evidence.filter(({ experiment, runs }) => {
    const { kind, smoothing } = experiment.measurement;
    return experiment.task === task && kind === 'sealed' && smoothing.sigma === sigma && runs.length > 0;
  });
  const best = bestOf(candidates);
  if (best === undefined) return [];
  const acr = formatSpread(acrOf(best, 'all')!, 1, 4);
  const among = candidates.filter(({ experiment }) => experiment.oracle === null).length;
  return [
    paragraph(
      `Oracle, chosen on the test domain among all ${among} settings of this report with σ = ${sigma}, as the literature often does: ACR ${acr} (${best.experiment.method}, seeds: ${seedsOf(best)}). It is no result of a method, since nobody has the test domain when choosing.`,
    ),
  ];
}

export function learners(evidence: readonly Evidence[]): readonly Block[] {
  const series = new Map<string, { of: Evidence; label: string }[]>();
  for (const { of, place } of placed(evidence, 'sensitivity')) {
    const name = place.series!;
    series.set(name, [...(series.get(name) ?? []), { of, label: place.label! }]);
  }
  const sensitivity: Table = {
    kind: 'table',
    caption: 'Sensitivity: ACR on the unseen domain (CERTIFY, all test images) of each learner under other settings',
    columns: ['', 'lowest', 'highest', 'settings'],
    rows: [...series].map(([name, points]) => {
      const known = points.flatMap(({ of, label }) => {
        const acr = acrOf(of, 'all');
        return acr === undefined ? [] : [{ label, acr: acr.mean }];
      });
      if (known.length === 0) return { cells: [name, '', '', NOT_RUN] };
      const values = known.map(({ acr }) => acr);
      const shown = known.map(({ label, acr }) => `${label}: ${acr.toFixed(4)}`).join('; ');
      const rest = points.length > known.length ? `; ${points.length - known.length} ${NOT_RUN}` : '';
      return { cells: [name, Math.min(...values).toFixed(4), Math.max(...values).toFixed(4), `${shown}${rest}`] };
    }),
  };
  return [
    heading(2, 'Invariance learning in the place of IRM'),
    paragraph(
      'The paper says that any invariance learning may take the place of IRM. All on Coloured MNIST, the same network and certificate; how each was set: `docs/invariance.md`.',
    ),
    shortTable('Invariance learners', rowsOf(evidence, 'learners')),
    ...chosenOnTest(evidence, 'cmnist'),
    ...(series.size === 0 ? [] : [sensitivity]),
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

export function otherData(evidence: readonly Evidence[]): readonly Block[] {
  const fashion = rowsOf(evidence, 'fashion');
  const mnist = rowsOf(evidence, 'mnist');
  const quarter: Table = {
    kind: 'table',
    caption: 'Baselines on plain MNIST digits, ten classes, no shift; CERTIFY on the image',
    columns: ['', 'σ', 'seeds', 'images', 'r = 0.00', 'r = 0.25', 'r = 0.45', 'ACR'],
    rows: mnist.map((row) => {
      const results = certifiedBy(row, smoothingOf(row), 'subset');
      const share = (key: string) => {
        const value = over(results, (result) => result.certifiedAccuracy[key]!);
        return value === undefined ? '' : formatSpread(value, 100, 1);
      };
      const acr = acrOf(row, 'subset');
      return {
        cells: [
          nameOf(row),
          String(row.experiment.measurement.smoothing.sigma),
          seedsOf(row),
          results.length === 0 ? '' : String(results[0]!.n),
          share('0.00'),
          share('0.25'),
          share('0.45'),
          acr === undefined ? '' : formatSpread(acr, 1, 4),
        ],
      };
    }),
  };
  return [
    ...(fashion.length === 0
      ? []
      : [
          heading(2, 'All of Fashion-MNIST'),
          paragraph(
            'Coloured as Coloured MNIST is, from the IDX files as published, all training images. The settings of Coloured MNIST were chosen on the reversed domain of this data set (4000 images in training, the same in the test): a row for how the method does with all of the data, not one of a blind choice.',
          ),
          certifiedTable('Coloured Fashion-MNIST: certified accuracy in % on the unseen domain and ACR', fashion),
        ]),
    ...(mnist.length === 0
      ? []
      : [
          heading(2, 'The baselines where nothing shifts'),
          paragraph(
            'The baselines as trained here reach what is known of them on plain digits, so that what they lose under a shift is theirs.',
          ),
          quarter,
        ]),
  ];
}
