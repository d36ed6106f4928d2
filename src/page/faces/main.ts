/** The faces: one is drawn, its hair is changed, and the models that were trained on such faces say whether it smiles. */
import { isCancelled, Slot } from '../inspect/slot.ts';
import { boundText } from '../inspect/view/numbers.ts';
import { byId, html } from '../view/dom.ts';
import { WorstView } from '../view/worst.ts';
import { messageOf } from '../worker/calls.ts';
import { type Content, fetchContent } from '../worker/content.ts';
import { FaceCard, type Variant } from './card.ts';
import { addressOf, drawFace, type Face, pixelsOfFace } from './draw.ts';

/** Inserted by the build. */
declare const __GLEAN_CONTENT__: Content;

/** Colours that training saw, and one that it did not. */
const HAIR = [
  ['black', '0e0e0e'],
  ['brown', '724133'],
  ['blond', 'f4d150'],
  ['blue', '3b6cff'],
] as const;
/** Milliseconds without a change before the search begins. */
const CALM = 400;

const base = new URL('.', document.baseURI).href;
const status = byId('status', HTMLParagraphElement);
const failure = byId('failure', HTMLParagraphElement);
const picture = byId('face', HTMLImageElement);
const models = __GLEAN_CONTENT__.examples;
const slots = models.map(() => new Slot(base));
const cards = models.map(({ id, title }) => new FaceCard(id, title));

// A usual face: most of them are labelled like this one.
let number = 6;
let asked = 0;
let calm: ReturnType<typeof setTimeout> | undefined;

function report(error: unknown): void {
  if (isCancelled(error)) return;
  failure.textContent = messageOf(error);
  failure.hidden = false;
}

const chosen = (name: string): string =>
  document.querySelector<HTMLInputElement>(`input[name="${name}"]:checked`)!.value;

function face(): Face {
  const hair = chosen('hair') === 'free' ? byId('free', HTMLInputElement).value.slice(1) : chosen('hair');
  return { number, smiling: chosen('smile') === 'yes', hair };
}

const worst = new WorstView(byId('worst', HTMLDivElement), models, () => void search().catch(report));

/** The drawing as the model of this slot sees it. */
async function imageFor(slot: Slot, drawn: Face): Promise<Uint8Array> {
  return pixelsOfFace(drawFace(drawn), slot.opened!.certificate.input.shape);
}

async function search(): Promise<void> {
  const slot = slots[worst.model];
  if (slot?.opened == null) return;
  const own = asked;
  worst.busy();
  const track = await slot.call('worst', { image: await imageFor(slot, face()) });
  if (own === asked) worst.update(track);
}

async function ask(slot: Slot, card: FaceCard, drawn: Face, own: number): Promise<void> {
  if (slot.opened === null) return;
  const answer = await slot.call('answer', { image: await imageFor(slot, drawn) });
  const variants: Variant[] = [];
  for (const [name, hair] of HAIR) {
    for (const smiling of [true, false]) {
      const image = await imageFor(slot, { number: drawn.number, smiling, hair });
      variants.push({ name, hair, smiling, answer: await slot.call('answer', { image }) });
    }
  }
  if (own === asked) card.update(answer, variants);
}

async function show(): Promise<void> {
  const own = ++asked;
  const drawn = face();
  const former = picture.src;
  picture.src = addressOf(drawFace(drawn));
  picture.alt = `A drawn face, ${drawn.smiling ? 'smiling' : 'not smiling'}`;
  if (former.startsWith('blob:')) URL.revokeObjectURL(former);
  clearTimeout(calm);
  await Promise.all(slots.map((slot, m) => ask(slot, cards[m]!, drawn, own)));
  if (own === asked) calm = setTimeout(() => void search().catch(report), CALM);
}

function setUpControls(): void {
  const changed = (): void => void show().catch(report);
  for (const id of ['hair', 'smile']) byId(id, HTMLDivElement).addEventListener('change', changed);
  byId('free', HTMLInputElement).addEventListener('input', () => {
    document.querySelector<HTMLInputElement>('input[name="hair"][value="free"]')!.checked = true;
    changed();
  });
  byId('another', HTMLButtonElement).addEventListener('click', () => {
    number++;
    changed();
  });
}

async function open(m: number): Promise<void> {
  const { id, file } = models[m]!;
  const { bytes } = await fetchContent(file, base);
  const opened = await slots[m]!.open(new Blob([bytes]), `${id}.onnx`, {}, ({ text }) => cards[m]!.say(text));
  cards[m]!.say(`Proven here in ${(opened.time / 1000).toFixed(1)} s: L ≤ ${boundText(opened.lipschitz)}.`);
  await show();
}

async function run(): Promise<void> {
  byId('answers', HTMLElement).replaceChildren(...cards.map(({ element }) => element));
  setUpControls();
  await show();
  if (models.length === 0) {
    byId('answers', HTMLElement).replaceChildren(
      html('p', { class: 'panel' }, 'This page was built without a model of faces (models/avatars).'),
    );
  }
  await Promise.all(models.map((_, m) => open(m)));
  status.dataset['state'] = 'ready';
  status.textContent = 'Proven and run on this device.';
}

run().catch((error) => {
  status.dataset['state'] = 'failed';
  status.textContent = 'Not ready';
  report(error);
});
