/** What one model says of a face: as it is, and with other hair, smiling and not. */
import { formatRadius, html, LABEL_COLOURS } from '../view/dom.ts';
import type { Answer } from '../worker/answers.ts';

/** One of the faces that are compared. */
export interface Variant {
  readonly hair: string;
  readonly name: string;
  readonly smiling: boolean;
  readonly answer: Answer;
}

const same = (labels: readonly number[]): boolean => new Set(labels).size <= 1;

/** Whether the label goes with the smile, with the hair, or with both. */
export function verdictOf(variants: readonly Variant[]): { readonly text: string; readonly kind: 'same' | 'flips' } {
  const labels = (of: (variant: Variant) => boolean): number[] => variants.filter(of).map(({ answer }) => answer.label);
  const hairs = [...new Set(variants.map(({ hair }) => hair))];
  const hairMatters = ![true, false].every((smiling) => same(labels((variant) => variant.smiling === smiling)));
  const smileMatters = !hairs.every((hair) => same(labels((variant) => variant.hair === hair)));
  if (hairMatters) {
    return {
      text: smileMatters ? 'The label follows the hair and the smile' : 'The label follows the hair',
      kind: 'flips',
    };
  }
  return smileMatters
    ? { text: 'The label follows the smile, whatever the hair', kind: 'same' }
    : { text: 'Neither hair nor smile changes the label', kind: 'flips' };
}

export class FaceCard {
  readonly element: HTMLElement;
  readonly #label = html('p', { class: 'label' }, '–');
  readonly #radius = html('p', { class: 'radius' }, '–');
  readonly #variants = html('div', { class: 'scroll', tabindex: 0, role: 'region' });
  readonly #verdict = html('p', { class: 'verdict' }, '–');
  readonly #status = html('p', { class: 'small muted' }, 'Proving…');

  constructor(id: string, title: string) {
    this.#variants.setAttribute('aria-label', `${title}: the same face with other hair`);
    this.element = html(
      'article',
      { class: 'panel card', 'data-model': id, 'aria-labelledby': `card-${id}` },
      html('h2', { id: `card-${id}` }, title),
      this.#status,
      this.#label,
      html('h3', {}, 'Certified radius'),
      this.#radius,
      html('h3', {}, 'The same face with other hair'),
      this.#variants,
      this.#verdict,
    );
  }

  say(text: string): void {
    this.#status.textContent = text;
  }

  update(own: Answer, variants: readonly Variant[]): void {
    this.#label.textContent = own.className;
    this.#label.dataset['label'] = String(own.label % LABEL_COLOURS);
    this.#radius.textContent = formatRadius(own.radius);
    const names = [...new Set(variants.map(({ name }) => name))];
    const cell = (smiling: boolean, name: string): HTMLElement => {
      const { answer } = variants.find((variant) => variant.smiling === smiling && variant.name === name)!;
      return html(
        'td',
        {},
        html('span', { class: 'tile-label', 'data-label': answer.label % LABEL_COLOURS }, answer.className),
        html('span', { class: 'small' }, ` ${formatRadius(answer.radius)}`),
      );
    };
    const row = (smiling: boolean): HTMLElement =>
      html(
        'tr',
        {},
        html('th', { scope: 'row' }, smiling ? 'smiling' : 'not smiling'),
        ...names.map((name) => cell(smiling, name)),
      );
    this.#variants.replaceChildren(
      html(
        'table',
        { class: 'numbers variants' },
        html('thead', {}, html('tr', {}, html('td', {}), ...names.map((name) => html('th', { scope: 'col' }, name)))),
        html('tbody', {}, row(true), row(false)),
      ),
    );
    const { text, kind } = verdictOf(variants);
    this.#verdict.textContent = text;
    this.#verdict.dataset['verdict'] = kind;
  }
}
