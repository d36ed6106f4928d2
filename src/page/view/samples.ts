/** Ten buttons with real test digits; each press of a button shows another picture of its digit. */
import { AREA, paint } from '../digit/colour.ts';
import { html } from './dom.ts';
import { thumbnail } from './picture.ts';

/** Inserted by the build: for each digit 0–9 in turn the same number of grey pictures, 784 bytes each, base64. */
declare const __GLEAN_SAMPLES__: string;

const DIGITS = 10;

export class Samples {
  readonly #pictures: readonly (readonly Uint8Array[])[];
  readonly #next = new Array<number>(DIGITS).fill(0);
  readonly #onChoice: (grey: Uint8Array) => void;

  constructor(root: HTMLElement, onChoice: (grey: Uint8Array) => void) {
    const bytes = Uint8Array.from(atob(__GLEAN_SAMPLES__), (character) => character.charCodeAt(0));
    const each = bytes.length / AREA / DIGITS;
    this.#pictures = Array.from({ length: DIGITS }, (_, digit) =>
      Array.from({ length: each }, (_, i) => bytes.subarray((digit * each + i) * AREA, (digit * each + i + 1) * AREA)),
    );
    this.#onChoice = onChoice;
    root.replaceChildren(
      ...this.#pictures.map(([first], digit) => {
        const picture = thumbnail(paint(first!, [255, 255, 255]), '');
        const button = html('button', { type: 'button', 'aria-label': `Test digit ${digit}` }, picture);
        button.addEventListener('click', () => this.choose(digit));
        return button;
      }),
    );
  }

  choose(digit: number): void {
    const pictures = this.#pictures[digit]!;
    const which = this.#next[digit]!;
    this.#next[digit] = (which + 1) % pictures.length;
    this.#onChoice(pictures[which]!);
  }
}
