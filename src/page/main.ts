/** The page: connects the drawing area, the worker and the views. */
import { fromHex, GREEN, greyOf, IMAGE_SIZE, paint, RED } from './digit/colour.ts';
import { normaliseDigit } from './digit/normalise.ts';
import { BatchView } from './view/batch.ts';
import { Cards, spoken } from './view/cards.ts';
import { byId } from './view/dom.ts';
import { Pad } from './view/pad.ts';
import { readPicture, show } from './view/picture.ts';
import { ProofView } from './view/proof.ts';
import { Samples } from './view/samples.ts';
import { WorstView } from './view/worst.ts';
import { connect } from './worker/client.ts';
import type { Content } from './worker/content.ts';
import type { Calls, ModelAnswers, ModelFacts } from './worker/protocol.ts';

/** Inserted by the build. */
declare const __GLEAN_CONTENT__: Content;

/** Milliseconds without a change before slow work begins: the search, and reading aloud. */
const CALM = 400;
const FIRST_DIGIT = 7;

const base = new URL('.', document.baseURI).href;
const client = connect<Calls, number>(new Worker(new URL('./worker/main.ts', import.meta.url), { type: 'module' }));
const status = byId('status', HTMLParagraphElement);
const failure = byId('failure', HTMLParagraphElement);
const answerCards = byId('answers', HTMLElement);
const glance = byId('glance', HTMLUListElement);
const seen = byId('seen', HTMLCanvasElement);
const colours = byId('colours', HTMLDivElement);
const ownColour = byId('own-colour', HTMLLabelElement);
const colourNote = byId('colour-note', HTMLParagraphElement);

function report(error: unknown): void {
  failure.textContent = error instanceof Error ? error.message : String(error);
  failure.hidden = false;
}

/** The digit as grey values, and in its own colours if it came with some. */
interface Subject {
  readonly grey: Uint8Array;
  readonly own?: Uint8Array;
}

let subject: Subject | undefined;

function colourInput(value: string): HTMLInputElement {
  return colours.querySelector<HTMLInputElement>(`input[value="${value}"]`)!;
}

function chosenColour(): string {
  return colours.querySelector<HTMLInputElement>('input[name="colour"]:checked')!.value;
}

/** The picture that the models are asked about. */
function imageOf({ grey, own }: Subject): Uint8Array {
  const colour = chosenColour();
  if (colour === 'own' && own !== undefined) return own;
  return paint(grey, fromHex(colour === 'free' ? byId('free', HTMLInputElement).value : colour));
}

/** What there is once every model is proven. */
interface Complete {
  readonly models: readonly ModelFacts[];
  readonly worst: WorstView;
  readonly proof: ProofView;
}

/** Asks the worker about the subject and shows its answers. */
class Inquiry {
  readonly #cards: Cards;
  #complete: Complete | undefined;
  #asking = false;
  #stale = false;
  #calm: ReturnType<typeof setTimeout> | undefined;
  /** Counts searches, and pictures that make them stale. */
  #search = 0;

  constructor(cards: Cards) {
    this.#cards = cards;
  }

  /** From now on all models are asked, and everything is shown. */
  async complete(complete: Complete): Promise<void> {
    this.#complete = complete;
    await this.ask();
  }

  /** While an answer is awaited, only the newest of the later pictures is kept. */
  async ask(): Promise<void> {
    this.#stale = true;
    if (this.#asking) return;
    this.#asking = true;
    try {
      while (this.#stale) {
        this.#stale = false;
        await this.#askOnce();
      }
    } catch (error) {
      report(error);
    } finally {
      this.#asking = false;
    }
  }

  async #askOnce(): Promise<void> {
    clearTimeout(this.#calm);
    const complete = this.#complete;
    const asked = subject;
    this.#search++;
    if (asked === undefined) {
      this.#cards.blank();
      complete?.worst.blank();
      return;
    }
    complete?.worst.busy();
    const image = imageOf(asked);
    const images = [image, paint(asked.grey, RED), paint(asked.grey, GREEN)];
    const answers = await client.call('predict', { images, smooth: true });
    // A digit that was erased in the meantime gets no answer.
    if (subject === undefined) return;
    this.#cards.update(asked.grey, answers);
    if (complete === undefined) return;
    complete.proof.update(image);
    this.#calm = setTimeout(() => this.#whenCalm(image, complete.models, answers), CALM);
  }

  #whenCalm(image: Uint8Array, models: readonly ModelFacts[], answers: readonly ModelAnswers[]): void {
    byId('spoken', HTMLParagraphElement).textContent = spoken(models, answers);
    void this.search(image);
  }

  /** Looks for the worst perturbation of this picture; a newer search ends it. */
  async search(image = subject === undefined ? undefined : imageOf(subject)): Promise<void> {
    if (image === undefined || this.#complete === undefined) return;
    const { worst } = this.#complete;
    const own = ++this.#search;
    worst.busy();
    try {
      const track = await client.call('worst', { model: worst.model, image });
      if (own === this.#search) worst.update(track);
    } catch (error) {
      if (own === this.#search) worst.failed(error instanceof Error ? error.message : String(error));
    }
  }
}

let inquiry: Inquiry | undefined;

function recolour(): void {
  const colour = chosenColour();
  colourNote.textContent =
    colour === '#ff0000' || colour === '#00ff00'
      ? 'Training saw red and green digits, nothing else.'
      : 'Training saw red and green only: the radius holds in any colour, but expect no particular label.';
  show(seen, subject === undefined ? new Uint8Array(IMAGE_SIZE) : imageOf(subject));
  void inquiry?.ask();
}

function change(next: Subject | undefined): void {
  subject = next;
  failure.hidden = true;
  ownColour.hidden = next?.own === undefined;
  if (next?.own !== undefined) colourInput('own').checked = true;
  else if (chosenColour() === 'own') colourInput('#00ff00').checked = true;
  recolour();
}

/** Sets up drawing, files and samples; gives the function that opens a picture file. */
function setUpInput(): (file: File) => Promise<void> {
  let waiting = false;
  const pad = new Pad(() => {
    // Strokes arrive in many pieces; the digit is examined only once per frame.
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      const grey = normaliseDigit(pad.ink);
      change(grey === undefined ? undefined : { grey });
    });
  });
  const openPicture = async (file: File): Promise<void> => {
    try {
      const { exact, ink } = await readPicture(file);
      const grey = exact === undefined ? normaliseDigit(ink) : greyOf(exact);
      if (grey === undefined) throw new Error(`${file.name}: nothing is drawn in it`);
      pad.showGrey(grey);
      change(exact === undefined ? { grey } : { grey, own: exact });
    } catch (error) {
      report(error);
    }
  };
  byId('clear', HTMLButtonElement).addEventListener('click', () => pad.clear());
  const file = byId('file', HTMLInputElement);
  byId('open', HTMLButtonElement).addEventListener('click', () => file.click());
  file.addEventListener('change', () => {
    const [chosen] = file.files ?? [];
    if (chosen !== undefined) void openPicture(chosen);
    file.value = '';
  });
  colours.addEventListener('input', ({ target }) => {
    if (target instanceof HTMLInputElement && target.type === 'color') colourInput('free').checked = true;
    recolour();
  });
  const samples = new Samples(byId('samples', HTMLDivElement), (grey) => {
    pad.showGrey(grey);
    change({ grey });
  });
  samples.choose(FIRST_DIGIT);
  return openPicture;
}

/**
 * Accepts files dropped anywhere: a single one goes to the drawing area; several, or one dropped on the batch's own
 * area, go to the batch.
 */
function setUpDrops(openPicture: (file: File) => Promise<void>, batch: () => BatchView | undefined): void {
  const place = (): HTMLElement | null => document.getElementById('drop');
  addEventListener('dragover', (event) => {
    event.preventDefault();
    place()?.classList.add('over');
  });
  addEventListener('dragleave', () => place()?.classList.remove('over'));
  addEventListener('drop', (event) => {
    event.preventDefault();
    place()?.classList.remove('over');
    const files = [...(event.dataTransfer?.files ?? [])];
    const onBatch = event.target instanceof Node && place()?.contains(event.target) === true;
    if (files.length === 1 && !onBatch) void openPicture(files[0]!);
    else batch()?.open(files);
  });
}

/**
 * Keeps everything for a next visit without a network: the service worker keeps the code, and the worker's cache the
 * large files.
 */
async function keepForOffline(): Promise<void> {
  if (!('serviceWorker' in navigator)) return;
  await navigator.serviceWorker.register(new URL('sw.js', base), { scope: base });
  await navigator.serviceWorker.ready;
  await client.call('keep', { base });
  document.documentElement.dataset['offline'] = 'ready';
}

async function run(): Promise<void> {
  let batch: BatchView | undefined;
  setUpDrops(setUpInput(), () => batch);
  status.textContent = 'Proving both models on this device…';
  const started = await client.call('start', { base });
  // The first model answers before the others are proven.
  const models = [await client.call('prove', { model: 0 })];
  inquiry = new Inquiry(new Cards(answerCards, glance, __GLEAN_CONTENT__.models));
  await inquiry.ask();
  const firstAnswer = performance.now();
  for (let model = 1; model < __GLEAN_CONTENT__.models.length; model++) {
    models.push(await client.call('prove', { model }));
  }
  batch = new BatchView(byId('batch', HTMLDivElement), client, base, models);
  await inquiry.complete({
    models,
    worst: new WorstView(byId('worst', HTMLDivElement), models, () => void inquiry?.search()),
    proof: new ProofView(byId('proof', HTMLDivElement), started, models),
  });
  const proof = models.reduce((sum, { proofTime }) => sum + proofTime, 0);
  status.dataset['state'] = 'ready';
  status.textContent = `Both models proven here in ${proof.toFixed(0)} ms. First answer after ${(firstAnswer / 1000).toFixed(1)} s.`;
  // If a browser allows no service worker, the page loses only the next visit offline.
  await keepForOffline().catch((error) => console.warn('glean: not kept for offline use:', error));
}

run().catch((error) => {
  status.dataset['state'] = 'failed';
  status.textContent = 'Not ready';
  // A model that answered before another one was refused answers no more.
  inquiry = undefined;
  for (const element of [answerCards, glance]) element.replaceChildren();
  report(error);
});
