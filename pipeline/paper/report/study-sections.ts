/** The report's further results: figure 5, other invariance learners, and other data. */
import type { Task } from '../experiment.ts';
import { formatSpread } from '../statistics.ts';
import { type Block, heading, paragraph, type Row, type Table } from './document.ts';
import { acrOf, certifiedBy, type Evidence, over, placed, smoothingOf } from './evidence.ts';
import { studyFigure } from './figures.ts';
import { absent, gleanOf, present, rowsOf } from './section-parts.ts';
import { bestOf, CONSTANT, certifiedTable, constantOf, NOT_RUN, nameOf, seedsOf, shortTable } from './tables.ts';

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

/**
 * The best of everything that was run on a problem and certified with the paper's σ, chosen by its test domain, which
 * makes it an oracle.
 */
function chosenOnTest(evidence: readonly Evidence[], task: Task): readonly Block[] {
  const sigma = gleanOf(rowsOf(evidence, 'main', task))?.experiment.measurement.smoothing.sigma;
  const candidates = evidence.filter(({ experiment, runs }) => {
    const { kind, smoothing } = experiment.measurement;
    return experiment.task === task && kind === 'sealed' && smoothing.sigma === sigma && runs.length > 0;
  });
  const best = bestOf(candidates);
  if (best === undefined) return [];
  const results = certifiedBy(best, smoothingOf(best), 'all');
  const acr = formatSpread(over(results, (result) => result.acr)!, 1, 4);
  const right = formatSpread(over(results, (result) => result.certifiedAccuracy['0.00']!)!, 100, 1);
  const among = candidates.filter(({ experiment }) => experiment.oracle === null).length;
  return [
    paragraph(
      `Oracle, chosen on the test domain among all ${among} settings of this report with σ = ${sigma}, as the literature often does: ACR ${acr}, ${right} % right (${best.experiment.method}, seeds: ${seedsOf(best)}). It is no result of a method, since nobody has the test domain when choosing.`,
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
    caption:
      'Sensitivity: ACR and right answers on the unseen domain (CERTIFY, all test images) of each learner under other settings',
    columns: ['', 'lowest', 'highest', 'settings'],
    rows: [...series].map(([name, points]) => {
      const known = points.flatMap(({ of, label }) => {
        const results = certifiedBy(of, smoothingOf(of), 'all');
        const acr = over(results, (result) => result.acr);
        const right = over(results, (result) => result.certifiedAccuracy['0.00']!);
        return acr === undefined ? [] : [{ label, acr: acr.mean, right: right!.mean }];
      });
      if (known.length === 0) return { cells: [name, '', '', NOT_RUN] };
      const values = known.map(({ acr }) => acr);
      const shown = known
        .map(({ label, acr, right }) => `${label}: ${acr.toFixed(4)} (${(100 * right).toFixed(1)} %)`)
        .join('; ');
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

function plainConstant({ images, accuracy, largest, acr }: NonNullable<ReturnType<typeof constantOf>>): Row {
  const shares = [0, 0.25, 0.45].map((r) => (100 * (r <= largest ? accuracy : 0)).toFixed(1));
  return { cells: [CONSTANT, '', '', String(images), ...shares, acr.toFixed(4)], mark: 'oracle' };
}

export function otherData(evidence: readonly Evidence[]): readonly Block[] {
  const fashion = rowsOf(evidence, 'fashion');
  const mnist = rowsOf(evidence, 'mnist');
  const constant = constantOf(mnist);
  const quarter: Table = {
    kind: 'table',
    caption: 'Baselines on plain MNIST digits, ten classes, no shift; CERTIFY on the image',
    columns: ['', 'σ', 'seeds', 'images', 'r = 0.00', 'r = 0.25', 'r = 0.45', 'ACR'],
    rows: [
      ...mnist.map((row) => {
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
      ...(constant === undefined ? [] : [plainConstant(constant)]),
    ],
  };
  return [
    ...(fashion.length === 0
      ? []
      : [
          heading(2, 'All of Fashion-MNIST'),
          paragraph(
            'Coloured as Coloured MNIST is, from the IDX files as published, all training images. The settings of Coloured MNIST were chosen on the reversed domain of this data set (4000 images in training, the same in the test): a row for how the method does with all of the data, not one of a blind choice.',
          ),
          certifiedTable('Coloured Fashion-MNIST: certified accuracy in % on the unseen domain and ACR', fashion, {
            constant: true,
          }),
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
