/** One picture: what each model says of it, and the worst perturbation that a search finds. */
import { formatRadius, html, LABEL_COLOURS } from '../../view/dom.ts';
import { thumbnail } from '../../view/picture.ts';
import { WorstView } from '../../view/worst.ts';
import type { Answer } from '../../worker/answers.ts';
import { messageOf } from '../../worker/calls.ts';
import { isCancelled, type Slot } from '../slot.ts';

/** The classes with the largest logits. */
const SHOWN = 5;

/** A picture file, or pixels that are taken as they are where they fit the model. */
interface Subject {
  readonly title: string;
  readonly file: File;
}

function logits({ logits: values }: Answer, classes: readonly string[]): HTMLElement {
  const order = [...values.keys()].sort((a, b) => values[b]! - values[a]!).slice(0, SHOWN);
  return html(
    'dl',
    { class: 'facts-list' },
    ...order.flatMap((i) => [html('dt', {}, classes[i]!), html('dd', { class: 'number' }, values[i]!.toFixed(3))]),
  );
}

export class OneView {
  readonly #slots: readonly Slot[];
  readonly #answers = html('div', { class: 'answers-of' });
  readonly #title = html('p', { class: 'small muted file-name' });
  readonly #worst: WorstView;
  /** The pixels as each model sees them. */
  #images: (Uint8Array | null)[] = [];
  /** The models that the choice of the search offers. */
  #offered: readonly number[] = [];
  #subject: Subject | null = null;
  #run = 0;
  #searches = 0;

  constructor(root: HTMLElement, slots: readonly Slot[]) {
    this.#slots = slots;
    const place = html('div', { class: 'stack' });
    this.#worst = new WorstView(place, [], () => void this.#search());
    root.replaceChildren(
      html('div', { class: 'stack' }, this.#title, this.#answers),
      html('h3', {}, 'The worst perturbation found'),
      html(
        'p',
        { class: 'lead' },
        'A search with the model’s own gradient looks for the smallest change of this picture that changes the label. Inside the certified ball the label must hold, and it does.',
      ),
      place,
    );
  }

  /** Shows what the models say of a picture; without one, of the picture that is there. */
  async show(subject = this.#subject): Promise<void> {
    const run = ++this.#run;
    this.#searches++;
    this.#subject = subject;
    if (subject === null) return;
    this.#title.textContent = subject.title;
    // Under the new title nothing stands that was said of another picture, or by another model.
    this.#answers.replaceChildren();
    this.#worst.blank();
    const cards = await Promise.all(this.#slots.map((slot, m) => this.#card(slot, m, subject)));
    if (run !== this.#run) return;
    this.#answers.replaceChildren(...cards.filter((card) => card !== null));
    this.#offered = this.#slots.flatMap(({ opened }, m) => (opened !== null && this.#images[m] ? [m] : []));
    this.#worst.offer(this.#offered.map((m) => ({ title: this.#slots[m]!.opened!.name })));
    await this.#search();
  }

  async #card(slot: Slot, m: number, { file }: Subject): Promise<HTMLElement | null> {
    const { opened } = slot;
    this.#images[m] = null;
    if (opened === null) return null;
    const { shape } = opened.certificate.input;
    const heading = html('h3', { class: 'file-name' }, opened.name);
    try {
      const image = await slot.call('see', { file });
      const answer = await slot.call('answer', { image });
      this.#images[m] = image;
      const seen = thumbnail(image, `What ${opened.name} sees: ${shape[1]} by ${shape[0]} pixels`, shape);
      return html(
        'article',
        { class: `answer-of model-${m}` },
        heading,
        html(
          'div',
          { class: 'seen-by' },
          seen,
          html(
            'div',
            { class: 'stack tight' },
            html('p', { class: 'label', 'data-label': answer.label % LABEL_COLOURS }, answer.className),
            html('p', { class: 'radius' }, `r = ${formatRadius(answer.radius)}`),
            logits(answer, opened.certificate.classes),
          ),
        ),
      );
    } catch (error) {
      if (isCancelled(error)) return null;
      return html('article', { class: 'answer-of' }, heading, html('p', { class: 'bad' }, messageOf(error)));
    }
  }

  async #search(): Promise<void> {
    const m = this.#offered[this.#worst.model];
    const image = m === undefined ? null : this.#images[m];
    if (m === undefined || !image) return;
    const search = ++this.#searches;
    this.#worst.busy();
    try {
      const track = await this.#slots[m]!.call('worst', { image });
      if (search === this.#searches) this.#worst.update(track);
    } catch (error) {
      if (search === this.#searches && !isCancelled(error)) this.#worst.failed(messageOf(error));
    }
  }
}
