/** How the report's results came about: data, training, proofs and attacks, choice of settings, limits. */
import { median, spread } from '../statistics.ts';
import { type Block, heading, list, paragraph, type Row, type Table } from './document.ts';
import type { Evidence } from './evidence.ts';
import { fullNameOf, NOT_RUN, seedsOf } from './tables.ts';

const distinct = <T>(values: readonly T[]): readonly T[] => [...new Set(values)];

export function dataSets(evidence: readonly Evidence[]): readonly Block[] {
  const byHash = new Map(evidence.flatMap(({ data }) => (data === null ? [] : [[data.sha256, data] as const])));
  const table: Table = {
    kind: 'table',
    caption: 'What was trained on what; SHA-256 of pixels, labels and attributes',
    columns: ['', 'classes', 'images', 'training domains', 'unseen domain', 'SHA-256'],
    rows: [...byHash.values()].map(({ title, classes, shape, train, test, sha256 }) => ({
      cells: [
        title,
        String(classes),
        shape.join('×'),
        Object.entries(train)
          .map(([name, size]) => `${name}: ${size}`)
          .join(', '),
        `${test.name}: ${test.size}`,
        `\`${sha256.slice(0, 12)}\``,
      ],
    })),
  };
  return [
    heading(2, 'Data'),
    paragraph(
      "CelebA and DomainNet could not be had here. In their places stand **avatars** (drawn faces: smiling as label, hair colour as spurious attribute) and **emoji** (the same subjects drawn by eight icon families, which are the domains; ten in the larger set), in the originals' layouts and read by the same code; they are no CelebA and no DomainNet, and figures on them are not comparable. The paper's code does not hold a domain of DomainNet out: it tells animals from things, with the style of drawing as a cue that turns in the test. **emoji-cue** is built that way; **emoji-cue-large** is the same with about twice as many icons of cleaner classes, and with colour or none as the cue; **emoji** holds one family out and tells categories apart; **emoji-large** does so with more families and cleaner classes. **avatars-glasses** (glasses as label, background as spurious attribute, other drawn faces) was built last and nothing was tuned on it. As in that code, a quarter of the labels is flipped wherever a cue is (avatars, emoji-cue, Coloured MNIST). How to run the originals: `docs/data.md`.",
    ),
    table,
  ];
}

/** One line on what was optimised and for how long. */
function settingsOf({ experiment }: Evidence): string {
  const { network, objective, optimizer } = experiment.config;
  const convolutions = network.conv.map(
    ({ channels, kernel, down }) => `${channels}/${kernel}${down > 1 ? `↓${down}` : ''}`,
  );
  const layers = [...convolutions, ...network.hidden].join('-');
  const goal =
    'baseline' in objective ? objective.baseline : `${objective.penalty.kind}, ${objective.environments.kind}`;
  return `${layers}; ${goal}; ${optimizer.steps} steps`;
}

export function training(evidence: readonly Evidence[]): readonly Block[] {
  const machines = distinct(
    evidence.flatMap(({ results }) =>
      results.map(
        ({ machine }) => `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.platform}`,
      ),
    ),
  );
  const versions = distinct(
    evidence.flatMap(({ results }) =>
      results.map((result) =>
        Object.entries(result.versions)
          .map(([name, version]) => `${name} ${version}`)
          .join(', '),
      ),
    ),
  );
  const whole = (row: Evidence) => row.runs.filter((run) => run.training.resumedAt === 0);
  const seconds = (row: Evidence, of: (run: Evidence['runs'][number]) => number): string => {
    const runs = whole(row);
    return runs.length === 0 ? '' : spread(runs.map(of)).mean.toFixed(0);
  };
  const table: Table = {
    kind: 'table',
    caption:
      'Training and measuring, mean seconds of a run (two or more may have run at a time); layers as channels/kernel, ↓ for down-sampling',
    columns: ['', 'settings', 'seeds', 'training', 'export', 'certify', 'attack'],
    rows: evidence.map((row) => ({
      cells: [
        `\`${row.experiment.id}\``,
        settingsOf(row),
        seedsOf(row),
        seconds(row, (run) => run.training.seconds),
        seconds(row, (run) => run.seconds.export),
        seconds(row, (run) => run.seconds.certify),
        row.experiment.measurement.kind === 'plain' ? '' : seconds(row, (run) => run.seconds.attack),
      ],
    })),
  };
  return [
    heading(2, 'Training'),
    ...(machines.length === 0 ? [] : [paragraph('Made on:'), list(...machines), paragraph('With:'), list(...versions)]),
    table,
  ];
}

export function proofs(evidence: readonly Evidence[]): readonly Block[] {
  const sealed = evidence.filter(({ experiment }) => experiment.measurement.kind === 'sealed');
  const rows = sealed.map((row): Row => {
    const found = row.runs.flatMap(({ proof }) => proof ?? []);
    if (found.length === 0) return { cells: [fullNameOf(row), seedsOf(row), '', '', '', '', '', '', ''] };
    const attacks = found.map(({ attack }) => attack);
    const total = (of: (attack: (typeof attacks)[number]) => number) =>
      attacks.reduce((sum, each) => sum + of(each), 0);
    const smallest = attacks.flatMap(({ smallestRatio }) => smallestRatio ?? []);
    const medians = attacks.flatMap(({ medianRatio }) => medianRatio ?? []);
    return {
      cells: [
        fullNameOf(row),
        seedsOf(row),
        Math.max(...found.map(({ lipschitz }) => lipschitz)).toFixed(7),
        median(found.map(({ slack }) => slack)).toPrecision(2),
        String(total(({ images }) => images)),
        String(total(({ inside }) => inside)),
        String(total(({ broken }) => broken)),
        smallest.length === 0 ? '' : Math.min(...smallest).toFixed(4),
        medians.length === 0 ? '' : median(medians).toFixed(3),
      ],
    };
  });
  const done = sealed.flatMap(({ runs }) => runs.flatMap(({ proof }) => proof ?? []));
  const broken = done.reduce((sum, { attack }) => sum + attack.broken, 0);
  return [
    heading(2, 'Proofs and attacks'),
    paragraph(
      `Every GLEAN model of this report is sealed, verified from its bytes and attacked: **${done.length} models, ${done.reduce((sum, { attack }) => sum + attack.images, 0)} images attacked, ${done.reduce((sum, { attack }) => sum + attack.inside, 0)} points tried inside a radius, ${broken} radii broken**. L is the proven bound; the slack is what float32 takes off a radius (median over the test images); flip/radius is the distance of the nearest flip that was found over the certified radius: below 1 would break a claim, near 1 there is nothing left to gain.`,
    ),
    {
      kind: 'table',
      caption: 'Sealed models: proven bound, float32 slack, and what the attack found',
      columns: [
        '',
        'seeds',
        'largest L',
        'slack',
        'images attacked',
        'points inside a radius',
        'broken',
        'smallest flip/radius',
        'median flip/radius',
      ],
      rows,
    },
  ];
}

export function limits(evidence: readonly Evidence[]): readonly Block[] {
  const [first] = evidence;
  const plain = evidence.filter(({ experiment }) => experiment.measurement.kind === 'plain');
  const counts = distinct(plain.map(({ experiment }) => experiment.measurement.images)).toSorted((a, b) => b - a);
  const errors = counts.map((count) => (100 * Math.sqrt(0.25 / count)).toFixed(1));
  const n = first === undefined ? 0 : first.experiment.measurement.smoothing.n;
  return [
    heading(2, 'Limits'),
    list(
      `Certificates in image space are made for ${counts.join(' or ')} test images, spread evenly over the set (fewer where a baseline is right often, since each image that it is right on costs ${n} draws): a share of one half has a standard error of ${errors.join(' or ')} points. CERTIFY draws n = ${n} samples and each of its certificates is wrong with probability at most α.`,
      'The baselines are certified through float32 without a margin for rounding (as in the literature): their figures are given the benefit of that doubt. GLEAN’s have their float32 error subtracted.',
      'CERTIFY on z speaks of the smoothed head, not of the file’s own label; the margin certificate speaks of the file.',
      'Of the paper its Tables 1 and 2 are given in full (`pipeline/paper/published`). Its Figures 3 to 5 are curves without printed numbers; nothing was read off a picture. The numbering of tables and figures follows the paper’s; what each shows is as described in this report.',
      'The paper’s code certifies with noise on the image and trains with noise on the image; its text puts both on z. Here GLEAN is trained and certified on z, as the text has it.',
      'Another processor or another number of threads may end training with other last bits, and so with slightly other figures.',
    ),
  ];
}

export function failures(evidence: readonly Evidence[]): readonly Block[] {
  const lines = evidence.flatMap(({ experiment, failures: found }) =>
    found.map(({ seed, message }) => `\`${experiment.id}\`, seed ${seed}: ${message}`),
  );
  const missing = evidence.filter((row) => row.missing.length > 0);
  return [
    ...(lines.length === 0 ? [] : [heading(2, 'What failed'), list(...lines)]),
    ...(missing.length === 0
      ? []
      : [
          heading(2, 'What has not been run yet'),
          list(
            ...missing.map(
              (row) =>
                `\`${row.experiment.id}\`: ${row.missing.length === row.experiment.seeds.length ? NOT_RUN : `seeds ${row.missing.join(', ')} ${NOT_RUN}`}`,
            ),
          ),
        ]),
  ];
}
