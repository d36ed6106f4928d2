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

/** How many of the faces get the label of their mouth. */
export function rightOf(variants: readonly Variant[]): number {
  return variants.filter(({ smiling, answer }) => answer.className === (smiling ? 'smiling' : 'not smiling')).length;
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
    const mouths = [true, false];
    const cell = (name: string, smiling: boolean): HTMLElement => {
      const { answer } = variants.find((variant) => variant.smiling === smiling && variant.name === name)!;
      return html(
        'td',
        {},
        html('span', { class: 'tile-label', 'data-label': answer.label % LABEL_COLOURS }, answer.className),
        html('span', { class: 'small' }, ` ${formatRadius(answer.radius)}`),
      );
    };
    const row = (name: string): HTMLElement =>
      html('tr', {}, html('th', { scope: 'row' }, name), ...mouths.map((smiling) => cell(name, smiling)));
    const heads = mouths.map((smiling) =>
      html('th', { scope: 'col' }, smiling ? 'drawn smiling' : 'drawn not smiling'),
    );
    this.#variants.replaceChildren(
      html(
        'table',
        { class: 'numbers variants' },
        html('thead', {}, html('tr', {}, html('td', {}), ...heads)),
        html('tbody', {}, ...names.map(row)),
      ),
    );
    const { text, kind } = verdictOf(variants);
    this.#verdict.textContent = `${text}. Right for ${rightOf(variants)} of ${variants.length}.`;
    this.#verdict.dataset['verdict'] = kind;
  }
}
