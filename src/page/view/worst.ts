/**
 * The slider along the worst perturbation: the picture, the perturbation, and the label at every step as it was
 * computed.
 */
import type { Track } from '../worker/answers.ts';
import { formatRadius, html, LABEL_COLOURS, svg } from './dom.ts';
import { show, thumbnail } from './picture.ts';

const WIDTH = 1000;
/** What is shown before there is a picture: one black pixel. */
const NOTHING = [1, 1, 3];
const BLACK = new Uint8Array(3);

/** Runs of consecutive steps with the same label, as [label, first, last]. */
function runs(track: Track): (readonly [label: number, first: number, last: number])[] {
  const found: [number, number, number][] = [];
  track.steps.forEach(({ label }, k) => {
    const last = found.at(-1);
    if (last?.[0] === label) last[2] = k;
    else found.push([label, k, k]);
  });
  return found;
}

export class WorstView {
  readonly #picture = thumbnail(BLACK, 'The picture with the perturbation', NOTHING);
  readonly #change = thumbnail(BLACK, 'The perturbation alone, amplified, on grey', NOTHING);
  readonly #changeCaption = html('figcaption', { class: 'small muted' }, 'the change alone');
  readonly #slider = html('input', { type: 'range', id: 'distance', min: 0, max: 0, value: 0, disabled: true });
  readonly #strip = svg('svg', {
    class: 'strip',
    viewBox: `0 0 ${WIDTH} 44`,
    preserveAspectRatio: 'none',
    'aria-hidden': true,
  });
  readonly #marks = html('div', { class: 'marks', 'aria-hidden': true });
  readonly #says = html('p', { class: 'says', id: 'distance-says' });
  readonly #note = html('p', { class: 'small muted', role: 'status' });
  readonly #fieldset = html('fieldset', { class: 'segmented' });
  readonly #onModel: () => void;
  #choice: readonly HTMLInputElement[] = [];
  #track: Track | undefined;

  /** @param onModel called when another model is chosen */
  constructor(root: HTMLElement, models: readonly { readonly title: string }[], onModel: () => void) {
    this.#onModel = onModel;
    this.offer(models);
    this.#slider.addEventListener('input', () => this.#showStep());
    root.replaceChildren(
      this.#fieldset,
      html(
        'div',
        { class: 'worst' },
        html('figure', {}, this.#picture, html('figcaption', { class: 'small muted' }, 'the picture, perturbed')),
        html('figure', {}, this.#change, this.#changeCaption),
        html(
          'div',
          { class: 'way' },
          this.#says,
          html('label', { class: 'small', for: 'distance' }, 'Size of the perturbation (ℓ2)'),
          html('div', { class: 'lane' }, this.#strip, this.#slider, this.#marks),
          this.#note,
        ),
      ),
    );
  }

  /** The models that can be attacked; the first one is chosen. */
  offer(models: readonly { readonly title: string }[]): void {
    this.#choice = models.map((_, i) => html('input', { type: 'radio', name: 'attacked', value: i, checked: i === 0 }));
    this.#fieldset.replaceChildren(
      html('legend', { class: 'hidden' }, 'Model under attack'),
      ...models.map(({ title }, i) => html('label', {}, this.#choice[i]!, html('span', {}, title))),
    );
    this.#fieldset.hidden = models.length < 2;
    for (const input of this.#choice) input.addEventListener('change', this.#onModel);
  }

  /** Index of the model that is attacked. */
  get model(): number {
    return Math.max(
      0,
      this.#choice.findIndex(({ checked }) => checked),
    );
  }

  get track(): Track | undefined {
    return this.#track;
  }

  busy(): void {
    this.#track = undefined;
    this.#slider.disabled = true;
    this.#note.textContent = 'Searching…';
  }

  blank(): void {
    this.busy();
    this.#note.textContent = 'No picture yet.';
    this.#says.textContent = '';
    this.#strip.replaceChildren();
    this.#marks.replaceChildren();
    for (const canvas of [this.#picture, this.#change]) show(canvas, BLACK, NOTHING);
  }

  failed(message: string): void {
    this.blank();
    this.#note.textContent = message;
  }

  update(track: Track): void {
    this.#track = track;
    const last = track.steps.length - 1;
    this.#slider.max = String(last);
    this.#slider.disabled = false;
    // The slider starts at the rim of the ball, where the eye should begin.
    const rim = track.steps.findLastIndex(({ distance }) => distance <= track.radius);
    this.#slider.value = String(Math.max(rim, 0));
    this.#drawStrip(track);
    const { flipDistance, radius, evaluations } = track;
    this.#note.textContent =
      flipDistance === undefined
        ? `No flip was found among ${evaluations} perturbed pictures.`
        : `Nearest flip found: ${flipDistance.toFixed(3)}, which is ${(flipDistance / radius).toFixed(2)} times the radius, after ${evaluations} runs of the model on pictures with pixels on [0, 1]. A nearer one may exist, but none inside the ball.`;
    if (radius === 0) this.#note.textContent = 'Nothing is certified for this picture: radius 0.';
    this.#showStep();
  }

  #drawStrip(track: Track): void {
    const last = track.steps.length - 1;
    const x = (k: number): number => (WIDTH * Math.min(Math.max(k, 0), last)) / last;
    // Before the flip the way is straight, so distances are proportional to steps; a ball that reaches beyond the end
    // fills the strip.
    const perStep = track.steps[1]!.distance;
    const length = perStep * last;
    // If the search ended where it began, there is no way to show a part of.
    const ball = length > 0 ? Math.min(1, track.radius / length) : Math.sign(track.radius);
    this.#strip.replaceChildren(
      ...runs(track).map(([label, first, until]) =>
        svg('rect', {
          class: `label-${label % LABEL_COLOURS}`,
          x: x(first - 0.5),
          width: x(until + 0.5) - x(first - 0.5),
          y: 0,
          height: 44,
        }),
      ),
      svg('rect', { class: 'ball', x: 0, y: 0, width: WIDTH * ball, height: 44 }),
    );
    const mark = (at: number, kind: string, text: string): HTMLElement => {
      const element = html('span', { class: `mark ${kind}` }, text);
      element.style.insetInlineStart = `${100 * at}%`;
      if (at > 0.5) element.classList.add('before');
      return element;
    };
    const { flipDistance } = track;
    this.#marks.replaceChildren(
      mark(ball, 'rim', `certified ball, r = ${formatRadius(track.radius)}`),
      ...(flipDistance === undefined
        ? []
        : [mark(flipDistance / (perStep * last), 'flip', `flip at ${flipDistance.toFixed(3)}`)]),
    );
    this.#slider.setAttribute('aria-describedby', 'distance-says');
  }

  #showStep(): void {
    const track = this.#track;
    if (track === undefined) return;
    const k = Number(this.#slider.value);
    const step = track.steps[k]!;
    const size = track.shape.reduce((product, length) => product * length, 1);
    const pixels = track.pixels.subarray(k * size, (k + 1) * size);
    show(
      this.#picture,
      Uint8Array.from(pixels, (value) => Math.round(255 * value)),
      track.shape,
    );
    const change = Float32Array.from(pixels, (value, i) => value - track.pixels[i]!);
    const largest = change.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const gain = largest === 0 ? 1 : 0.5 / largest;
    show(
      this.#change,
      Uint8Array.from(change, (value) => Math.round(255 * (0.5 + gain * value))),
      track.shape,
    );
    this.#changeCaption.textContent = largest === 0 ? 'no change' : `the change alone, ×${gain.toFixed(1)} on grey`;

    const inside = step.distance <= track.radius;
    const changed = step.label !== track.steps[0]!.label;
    this.#says.replaceChildren(
      html('strong', { 'data-label': step.label % LABEL_COLOURS }, step.className),
      ` at distance ${step.distance.toFixed(3)}: `,
      html('span', { class: inside ? 'good' : 'muted' }, inside ? 'inside the certified ball' : 'outside the ball'),
      changed ? html('span', { class: 'bad' }, ', the label has changed') : ', label unchanged',
    );
    this.#slider.setAttribute(
      'aria-valuetext',
      `${step.distance.toFixed(3)}, ${inside ? 'inside' : 'outside'} the certified ball, ${step.className}`,
    );
  }
}
