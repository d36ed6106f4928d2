/** A bar that moves while a model is proven, what is being done, and a way to stop it. */
import { html } from '../../view/dom.ts';
import type { Progress } from '../worker/protocol.ts';

export class ProgressView {
  readonly element: HTMLElement;
  readonly #bar = html('progress', { max: 1, value: 0, 'aria-label': 'Proof done' });
  readonly #text = html('p', { class: 'small', role: 'status' });
  #frame = 0;

  constructor(onCancel: () => void) {
    const cancel = html('button', { type: 'button' }, 'Cancel');
    cancel.addEventListener('click', onCancel);
    this.element = html('div', { class: 'proving', hidden: true }, this.#text, this.#bar, cancel);
  }

  begin(text: string): void {
    this.element.hidden = false;
    this.#bar.value = 0;
    this.#text.textContent = text;
  }

  /** Shows a share; in a step of which nothing is heard, the bar goes on by the time that such a step takes. */
  show({ text, share, until, within }: Progress): void {
    cancelAnimationFrame(this.#frame);
    if (this.#text.textContent !== text) this.#text.textContent = text;
    this.#bar.value = share;
    if (within === 0) return;
    const begin = performance.now();
    const step = (): void => {
      // It comes ever closer to the end of the step, and reaches it only when the step is done.
      const passed = (performance.now() - begin) / within;
      this.#bar.value = share + (until - share) * (1 - Math.exp(-passed * 1.5));
      this.#frame = requestAnimationFrame(step);
    };
    step();
  }

  end(): void {
    cancelAnimationFrame(this.#frame);
    this.element.hidden = true;
  }
}
