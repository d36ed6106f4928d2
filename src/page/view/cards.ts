/**
 * What each model says about the picture: its label, both certificates side by side, and the same digit in red and in
 * green.
 */
import { GREEN, paint, RED } from '../digit/colour.ts';
import type { Answer } from '../worker/answers.ts';
import type { ModelContent } from '../worker/content.ts';
import type { ModelAnswers, ModelFacts, SmoothedAnswer } from '../worker/protocol.ts';
import { formatRadius, html } from './dom.ts';
import { show, thumbnail } from './picture.ts';

/** A radius of this length fills a bar. */
const FULL_BAR = 2;

const ABOUT: Readonly<Record<string, string>> = {
  cmnist: 'Trained to rely only on what helps in every environment (GLEAN).',
  'cmnist-erm': 'Trained to be right as often as possible: the usual way.',
};

interface Recoloured {
  readonly canvas: HTMLCanvasElement;
  readonly text: HTMLElement;
}

/** One model's card, which is made once and filled often. */
class Card {
  readonly element: HTMLElement;
  readonly #label = html('p', { class: 'label' }, '–');
  readonly #margin = html('p', { class: 'radius' }, '–');
  readonly #marginBar = html('span', { class: 'bar' });
  readonly #smoothed = html('p', { class: 'radius' }, '–');
  readonly #smoothedBar = html('span', { class: 'bar' });
  readonly #smoothedLabel = html('p', { class: 'small muted same' });
  readonly #red: Recoloured;
  readonly #green: Recoloured;
  readonly #verdict = html('p', { class: 'verdict' }, '–');

  constructor({ id, title }: ModelContent) {
    const black = new Uint8Array(28 * 28 * 3);
    const recoloured = (): Recoloured => ({ canvas: thumbnail(black, ''), text: html('span') });
    this.#red = recoloured();
    this.#green = recoloured();
    const swatch = (name: string, { canvas, text }: Recoloured): HTMLElement =>
      html('li', {}, canvas, html('span', {}, html('span', { class: 'hidden' }, `in ${name}: `), text));
    this.element = html(
      'article',
      { class: 'panel card', 'data-model': id, 'aria-labelledby': `card-${id}` },
      html('h2', { id: `card-${id}` }, title),
      html('p', { class: 'small muted about' }, ABOUT[id] ?? ''),
      this.#label,
      html(
        'div',
        { class: 'certificates' },
        html(
          'section',
          {},
          html('h3', {}, 'Margin certificate'),
          this.#margin,
          html('span', { class: 'track', 'aria-hidden': true }, this.#marginBar),
          html(
            'p',
            { class: 'small muted' },
            'No change of the picture smaller than this (ℓ2) changes the label. Certain: one run, no samples.',
          ),
        ),
        html(
          'section',
          {},
          html('h3', {}, 'Smoothing (paper)'),
          this.#smoothed,
          html('span', { class: 'track', 'aria-hidden': true }, this.#smoothedBar),
          this.#smoothedLabel,
          html(
            'p',
            { class: 'small muted' },
            'Of a majority vote over 100 000 noisy codes of the picture, not of the answer above; wrong in at most 0.1 % of cases; never above 0.457.',
          ),
        ),
      ),
      html(
        'section',
        { class: 'recoloured' },
        html('h3', {}, 'Same digit, recoloured'),
        html('ul', {}, swatch('red', this.#red), swatch('green', this.#green)),
        this.#verdict,
      ),
    );
  }

  update(grey: Uint8Array, { answers, smoothed }: ModelAnswers): void {
    const [own, red, green] = answers as readonly [Answer, Answer, Answer];
    this.#label.textContent = own.className;
    this.#label.dataset['label'] = String(own.label);
    this.#margin.textContent = formatRadius(own.radius);
    this.#marginBar.style.inlineSize = `${Math.min(100, (100 * own.radius) / FULL_BAR)}%`;
    this.#showSmoothed(own, smoothed!);
    show(this.#red.canvas, paint(grey, RED));
    show(this.#green.canvas, paint(grey, GREEN));
    this.#red.text.textContent = `${red.className}, ${formatRadius(red.radius)}`;
    this.#green.text.textContent = `${green.className}, ${formatRadius(green.radius)}`;
    const same = red.label === green.label;
    this.#verdict.textContent = same ? 'The colour does not change the label' : 'The colour changes the label';
    this.#verdict.dataset['verdict'] = same ? 'same' : 'flips';
  }

  #showSmoothed(own: Answer, smoothed: SmoothedAnswer): void {
    const abstains = smoothed.label < 0;
    this.#smoothed.textContent = abstains ? 'abstains' : formatRadius(smoothed.radius);
    this.#smoothedBar.style.inlineSize = `${Math.min(100, (100 * smoothed.radius) / FULL_BAR)}%`;
    const other = !abstains && smoothed.label !== own.label;
    this.#smoothedLabel.textContent = other ? `for ${smoothed.className}` : '';
    this.#smoothedLabel.hidden = !other;
  }

  blank(): void {
    this.#label.textContent = 'no digit yet';
    delete this.#label.dataset['label'];
    const texts = [this.#margin, this.#smoothed, this.#red.text, this.#green.text, this.#verdict];
    for (const element of texts) element.textContent = '–';
    this.#verdict.dataset['verdict'] = '';
    for (const bar of [this.#marginBar, this.#smoothedBar]) bar.style.inlineSize = '0';
    for (const { canvas } of [this.#red, this.#green]) show(canvas, new Uint8Array(28 * 28 * 3));
  }
}

export class Cards {
  readonly #cards: readonly Card[];
  readonly #glances: readonly HTMLElement[];

  /** @param glance gets one line for each model, for screens on which the cards do not fit beside the drawing area */
  constructor(root: HTMLElement, glance: HTMLElement, models: readonly ModelContent[]) {
    this.#cards = models.map((model) => new Card(model));
    root.replaceChildren(...this.#cards.map(({ element }) => element));
    this.#glances = models.map(() => html('span', {}, '–'));
    glance.replaceChildren(...models.map(({ title }, i) => html('li', {}, title, this.#glances[i]!)));
  }

  /** @param answers of the first model, or of more of them */
  update(grey: Uint8Array, answers: readonly ModelAnswers[]): void {
    answers.forEach((found, i) => {
      this.#cards[i]!.update(grey, found);
      const { label, className, radius } = found.answers[0]!;
      this.#glances[i]!.replaceChildren(
        html('strong', { 'data-label': label }, className),
        ` r ${formatRadius(radius)}`,
      );
    });
  }

  blank(): void {
    for (const card of this.#cards) card.blank();
    for (const glance of this.#glances) glance.textContent = '–';
  }
}

/** The answers as one sentence, to be read aloud. */
export function spoken(models: readonly ModelFacts[], answers: readonly ModelAnswers[]): string {
  return models
    .map(({ title }, i) => {
      const [own, red, green] = answers[i]!.answers as readonly [Answer, Answer, Answer];
      const colour = red.label === green.label ? 'the same in red and green' : 'another in red than in green';
      return `${title}: ${own.className}, radius ${own.radius.toFixed(2)}, ${colour}.`;
    })
    .join(' ');
}
