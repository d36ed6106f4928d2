/** The drawing area, for pointer, touch or keyboard: one channel of ink on black. */
import { AREA, SIDE } from '../digit/colour.ts';
import type { Ink } from '../digit/normalise.ts';
import { byId } from './dom.ts';
import { context } from './picture.ts';

/** The pen's width: about MNIST's own stroke once a digit that fills most of the pad is scaled to 20 pixels. */
const PEN = 22;
const KEY_STEP = 8;

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export class Pad {
  readonly #pad = byId('pad', HTMLDivElement);
  readonly #canvas = byId('ink', HTMLCanvasElement);
  readonly #pen = byId('pen', HTMLSpanElement);
  readonly #hint = byId('pad-hint', HTMLSpanElement);
  readonly #context = context(this.#canvas);
  readonly #onInk: () => void;
  #at: readonly [number, number] = [this.#canvas.width / 2, this.#canvas.height / 3];
  #down = false;

  /** @param onInk called after every piece of a stroke and after clearing */
  constructor(onInk: () => void) {
    this.#onInk = onInk;
    this.#context.lineCap = 'round';
    this.#context.lineJoin = 'round';
    this.#context.lineWidth = PEN;
    this.#context.strokeStyle = 'white';
    this.#blacken();
    this.#pad.addEventListener('pointerdown', (event) => this.#start(event));
    this.#pad.addEventListener('pointermove', (event) => this.#move(event));
    for (const end of ['pointerup', 'pointercancel'] as const) this.#pad.addEventListener(end, () => this.#lift());
    this.#pad.addEventListener('keydown', (event) => this.#key(event));
    this.#pad.addEventListener('focus', () => this.#showPen(this.#pad.matches(':focus-visible')));
    this.#pad.addEventListener('blur', () => this.#showPen(false));
  }

  get ink(): Ink {
    const { width, height } = this.#canvas;
    const { data } = this.#context.getImageData(0, 0, width, height);
    return { width, height, values: Uint8Array.from({ length: width * height }, (_, p) => data[p * 4]!) };
  }

  clear(): void {
    this.#blacken();
    this.#onInk();
  }

  /** Shows a 28×28 digit to draw on, without calling `onInk`. */
  showGrey(grey: Uint8Array): void {
    const small = new OffscreenCanvas(SIDE, SIDE);
    const data = new ImageData(SIDE, SIDE);
    for (let p = 0; p < AREA; p++) data.data.set([grey[p]!, grey[p]!, grey[p]!, 255], p * 4);
    small.getContext('2d')!.putImageData(data, 0, 0);
    this.#context.imageSmoothingEnabled = true;
    this.#context.drawImage(small, 0, 0, this.#canvas.width, this.#canvas.height);
    this.#hint.hidden = true;
  }

  #blacken(): void {
    this.#context.fillStyle = 'black';
    this.#context.fillRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#hint.hidden = false;
  }

  #place({ clientX, clientY }: PointerEvent): readonly [number, number] {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return [((clientX - left) / width) * this.#canvas.width, ((clientY - top) / height) * this.#canvas.height];
  }

  /** Draws a line from the last place; a line without length is a dot. */
  #drawTo(to: readonly [number, number]): void {
    this.#context.beginPath();
    this.#context.moveTo(...this.#at);
    this.#context.lineTo(...to);
    this.#context.stroke();
    this.#at = to;
    this.#hint.hidden = true;
    this.#onInk();
  }

  #start(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.#pad.setPointerCapture(event.pointerId);
    this.#showPen(false);
    this.#down = true;
    this.#at = this.#place(event);
    this.#drawTo(this.#at);
  }

  #move(event: PointerEvent): void {
    if (!this.#down || !this.#pad.hasPointerCapture(event.pointerId)) return;
    for (const each of event.getCoalescedEvents?.() ?? []) this.#drawTo(this.#place(each));
    this.#drawTo(this.#place(event));
  }

  #lift(): void {
    this.#down = false;
  }

  #key(event: KeyboardEvent): void {
    const arrow = ARROWS[event.key];
    if (arrow !== undefined) {
      const [x, y] = this.#at;
      const clamp = (value: number, most: number): number => Math.min(Math.max(value, PEN / 2), most - PEN / 2);
      const to = [
        clamp(x + arrow[0] * KEY_STEP, this.#canvas.width),
        clamp(y + arrow[1] * KEY_STEP, this.#canvas.height),
      ] as const;
      if (this.#down) this.#drawTo(to);
      this.#at = to;
    } else if (event.key === ' ') {
      this.#down = !this.#down;
      if (this.#down) this.#drawTo(this.#at);
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      this.clear();
    } else return;
    event.preventDefault();
    this.#showPen(true);
  }

  #showPen(visible: boolean): void {
    this.#pen.hidden = !visible;
    this.#pen.dataset['down'] = String(this.#down);
    this.#pen.style.left = `${(100 * this.#at[0]) / this.#canvas.width}%`;
    this.#pen.style.top = `${(100 * this.#at[1]) / this.#canvas.height}%`;
  }
}
