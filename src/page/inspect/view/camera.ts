/** The camera: what each model says of what it sees, frame by frame, with the radius. */
import { formatRadius, html, LABEL_COLOURS } from '../../view/dom.ts';
import { show, thumbnail } from '../../view/picture.ts';
import { messageOf } from '../../worker/calls.ts';
import { channelsOf } from '../pictures/channels.ts';
import { isCancelled, type Slot } from '../slot.ts';

/** No more answers than this in a second: the eye reads no more, and the battery lasts longer. */
const RATE = 15;

interface Reading {
  readonly element: HTMLElement;
  readonly seen: HTMLCanvasElement;
  readonly label: HTMLElement;
  readonly radius: HTMLElement;
}

/** The middle of a frame in the model's proportions, as its pixels; undefined if it has channels that no camera gives. */
function framePixels(frame: HTMLVideoElement, shape: readonly number[]): Uint8Array | undefined {
  const [height, width, channels] = shape as [number, number, number];
  if (channels !== 1 && channels !== 3) return undefined;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  const scale = Math.min(frame.videoWidth / width, frame.videoHeight / height);
  const [w, h] = [width * scale, height * scale];
  context.imageSmoothingQuality = 'high';
  context.drawImage(frame, (frame.videoWidth - w) / 2, (frame.videoHeight - h) / 2, w, h, 0, 0, width, height);
  return channelsOf(context.getImageData(0, 0, width, height).data, channels);
}

export class CameraView {
  readonly #slots: readonly Slot[];
  readonly #toggle = html('button', { type: 'button' }, 'Start the camera');
  readonly #keep = html('button', { type: 'button', hidden: true }, 'Take this picture');
  readonly #message = html('p', { class: 'small muted', role: 'status' });
  readonly #video = html('video', { muted: true, playsinline: true, 'aria-label': 'What the camera sees' });
  readonly #live = html('div', { class: 'live', hidden: true });
  readonly #readings: Reading[];
  #stream: MediaStream | null = null;

  /** @param onPicture takes a frame as a file */
  constructor(root: HTMLElement, slots: readonly Slot[], onPicture: (file: File) => void) {
    this.#slots = slots;
    this.#readings = slots.map(() => {
      const seen = thumbnail(new Uint8Array(3), '', [1, 1, 3]);
      const [label, radius] = [html('p', { class: 'label' }, '–'), html('p', { class: 'radius' }, '–')];
      return {
        element: html('div', { class: 'reading', hidden: true }, seen, html('div', {}, label, radius)),
        seen,
        label,
        radius,
      };
    });
    this.#live.append(this.#video, html('div', { class: 'stack' }, ...this.#readings.map(({ element }) => element)));
    this.#toggle.addEventListener('click', () => (this.#stream === null ? void this.#start() : this.stop()));
    this.#keep.addEventListener('click', async () => onPicture(await this.#frame()));
    root.replaceChildren(
      html(
        'div',
        { class: 'stack' },
        html('div', { class: 'row' }, this.#toggle, this.#keep),
        this.#message,
        this.#live,
      ),
    );
  }

  stop(): void {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.#video.srcObject = null;
    this.#live.hidden = true;
    this.#keep.hidden = true;
    this.#toggle.textContent = 'Start the camera';
    this.#message.textContent = '';
  }

  async #start(): Promise<void> {
    try {
      if (navigator.mediaDevices === undefined) throw new Error('this browser gives no camera to this page');
      this.#stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
    } catch (error) {
      this.#message.textContent = `No camera: ${messageOf(error)}`;
      return;
    }
    this.#toggle.textContent = 'Stop the camera';
    this.#keep.hidden = false;
    this.#live.hidden = false;
    this.#message.textContent = 'What the camera sees is labelled here and kept nowhere.';
    this.#video.muted = true;
    this.#video.srcObject = this.#stream;
    await this.#video.play();
    void this.#watch(this.#stream);
  }

  async #watch(stream: MediaStream): Promise<void> {
    while (this.#stream === stream) {
      const begin = performance.now();
      await Promise.all(this.#slots.map((slot, m) => this.#read(slot, this.#readings[m]!)));
      const rest = 1000 / RATE - (performance.now() - begin);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, rest)));
    }
  }

  async #read(slot: Slot, { element, seen, label, radius }: Reading): Promise<void> {
    const { opened } = slot;
    element.hidden = opened === null;
    if (opened === null) {
      // What a former model said is not shown for the next one.
      label.textContent = '–';
      radius.textContent = '–';
      return;
    }
    if (this.#video.videoWidth === 0) return;
    const { shape } = opened.certificate.input;
    const image = framePixels(this.#video, shape);
    if (image === undefined) {
      label.textContent = 'no camera has its channels';
      return;
    }
    try {
      const answer = await slot.call('answer', { image });
      show(seen, image, shape);
      label.textContent = answer.className;
      label.dataset['label'] = String(answer.label % LABEL_COLOURS);
      radius.textContent = `r = ${formatRadius(answer.radius)}`;
    } catch (error) {
      if (!isCancelled(error)) this.#message.textContent = messageOf(error);
    }
  }

  async #frame(): Promise<File> {
    const { videoWidth, videoHeight } = this.#video;
    const canvas = new OffscreenCanvas(videoWidth, videoHeight);
    canvas.getContext('2d')!.drawImage(this.#video, 0, 0);
    return new File([await canvas.convertToBlob()], 'camera.png', { type: 'image/png' });
  }
}
