/**
 * How the settings behind each figure were chosen, and on what data. The settings themselves are read from the plan; what
 * was chosen how is written down here, before the runs that it led to.
 */
import type { Experiment, Task } from '../experiment.ts';
import { type Block, heading, list, paragraph, type Row } from './document.ts';
import type { Evidence } from './evidence.ts';
import { gleanOf, MAIN_TASKS, rowsOf } from './section-parts.ts';

/** On which data the settings of GLEAN's configuration were chosen, and what was seen of the test domain before. */
const CHOSEN: Readonly<Partial<Record<Task, readonly [on: string, seen: string]>>> = {
  cmnist: [
    'the reversed domain of Fashion-MNIST coloured the same way, and cross-validation on the training images',
    'figures of earlier versions (docs/invariance.md)',
  ],
  avatars: [
    'cross-validation on the training images (`pipeline/study/settings.ts --folds`), inferred environments with equal weight; the committee has its default settings',
    'figures of earlier versions (docs/invariance.md), and of a black rim and a repeated edge with the committee, seed 0: the black rim of the earlier versions stayed',
  ],
  'avatars-glasses': [
    'none: the configuration of avatars, unchanged; label, cue, sizes and this rule were written down before the first run (docs/data.md)',
    'nothing',
  ],
  'emoji-cue': [
    'cross-validation on the training images, inferred environments with equal weight; the steps of the committee by its agreement on the training images',
    'figures of earlier versions, and of seed 0 with each of the changes to the committee and the averaging of weights (docs/invariance.md)',
  ],
  'emoji-cue-large': ['none: the configuration of emoji-cue, unchanged', 'nothing'],
  emoji: [
    'fxemoji, emojione-monotone and twemoji left out of training in turn (`--leave-out`), their validation images',
    'figures of earlier versions (docs/invariance.md)',
  ],
  'emoji-large': [
    'twemoji and emojione-monotone left out of training in turn (`--leave-out`), their validation images; rate and loss of colour so on an earlier cut of the same icons (docs/invariance.md)',
    'openmoji with seed 0 and earlier configurations (1200 and 3000 steps), which the rule on the left then replaced',
  ],
  'emoji-large-noto': [
    'none: the configuration of emoji-large, unchanged',
    'its pictures as a training domain, and three seeds with the earlier configurations of emoji-large',
  ],
  'emoji-large-high-contrast': [
    'none: the configuration of emoji-large, unchanged',
    'its pictures as a training domain, and three seeds with the earlier configurations of emoji-large',
  ],
};

function augmentationOf({ config }: Experiment): string {
  const { shift, rim, flip, ...more } = config.augmentation;
  const parts = [`shift ${shift}, ${rim} rim`, ...(flip ? ['flips'] : []), ...Object.keys(more)];
  return parts.join(', ');
}

type Environments = Extract<Experiment['config']['objective'], { readonly environments: unknown }>['environments'];

/** Who decides which environment an image is in. */
function judgesOf(environments: Environments): string {
  if (environments.kind === 'given') return 'given';
  if (environments.referenceSteps !== undefined) return 'a reference';
  return environments.committee?.unanimous === true ? 'a committee, unanimous' : 'a committee';
}

function settingsOf(experiment: Experiment): readonly string[] {
  const { objective, optimizer, network, precision = 'float32' } = experiment.config;
  if ('baseline' in objective) return ['', '', ''];
  const { penalty, environments, risk } = objective;
  const { ema } = optimizer;
  const weight = 'weight' in penalty ? ` λ = ${penalty.weight}` : '';
  return [
    `${risk.kind}, ${penalty.kind}${weight}, environments: ${judgesOf(environments)}, τ ${network.temperature === undefined ? 'learned' : `= ${network.temperature}`}`,
    `${optimizer.steps} of ${optimizer.perEnvironment} per environment, rate ${optimizer.learningRate}${ema === undefined ? '' : `, weights averaged with ${ema}`}`,
    precision,
  ];
}

export function choices(evidence: readonly Evidence[]): readonly Block[] {
  const rows = MAIN_TASKS.flatMap(({ task, title }): Row[] => {
    const glean = gleanOf(rowsOf(evidence, 'main', task));
    const chosen = CHOSEN[task];
    if (glean === undefined || chosen === undefined) return [];
    const { experiment } = glean;
    return [{ cells: [title, ...chosen, ...settingsOf(experiment), augmentationOf(experiment)] }];
  });
  return [
    heading(2, 'How settings were chosen'),
    paragraph(
      'Every run is taken at its last step. No setting was searched for on a domain whose figures are reported, but some of these figures had been seen when the last settings were made, and the table says which. Steps, rate, temperature, risk, penalty, environments and augmentation of GLEAN are those of its configuration in `pipeline/configs`; each was chosen on the data that the table names, and what had been seen of the test domain by then is said beside it.',
    ),
    {
      kind: 'table',
      caption: "GLEAN's settings, the data that they were chosen on, and what was seen of the test domain before",
      columns: ['', 'chosen on', 'seen', 'objective', 'steps', 'exported in', 'augmentation'],
      rows,
    },
    list(
      'Which problems: Coloured MNIST is the paper’s. avatars stands in for CelebA; emoji-cue (the paper’s code) and emoji (a domain held out) stand in for DomainNet, emoji-cue-large is the former with more icons and a cue that is in every picture, emoji-large the latter with more families and cleaner classes. Of the ten families of emoji-large, one of each manner of drawing is held out: openmoji (outlines and colours), noto (colours) and fluent-emoji-high-contrast (black on white). None of the three was left out when settings were chosen. The label, the cue and the styles of avatars-glasses are in no other run.',
      'The baselines have their papers’ settings where those are known, on the same data, pooled over the training domains, with a plain network of the same layers, and the same augmentation and averaging of weights as GLEAN on that problem: `docs/baselines.md`. On pictures MACER has 4 copies in place of 16 and SmoothAdv 2 attack steps in place of 10, for time; each step has as many images for every method. Where a family is held out they have as many steps as GLEAN; where a cue reverses they have 400.',
      'The paper’s IRM has λ = 10 000 over the given domains, as in the paper, with the baselines’ steps and augmentation.',
      'The studies of λ, σ and other learners vary one setting at a time around those above; each of their rows is on the test domain and chooses nothing.',
      'The official code picks the best checkpoint by hand (its README: “select the best checkpoint”), with the test domain’s accuracy printed at each: an oracle’s choice. The paper’s rows are therefore not a bar that a choice without peeking has to pass.',
    ),
    paragraph('What was tried and what it gave, on which data, is in `docs/invariance.md`.'),
  ];
}
