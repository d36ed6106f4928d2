/** The page for anybody's model: connects two places for models, what is proven of them, and pictures. */
import { byId, html } from '../view/dom.ts';
import { messageOf } from '../worker/calls.ts';
import { type Content, fetchContent } from '../worker/content.ts';
import { fetchModel, modelAddress, nameOf, stayHome } from './address.ts';
import { type Example, ModelPanel } from './panel.ts';
import { type Dropped, filesOfDrop, isPicture } from './pictures/collect.ts';
import { Slot } from './slot.ts';
import { CameraView } from './view/camera.ts';
import { layersView, measuringView } from './view/layers.ts';
import { OneView } from './view/one.ts';
import { PicturesView } from './view/pictures.ts';
import { isKeyFile } from './view/signature.ts';
import type { Opened } from './worker/protocol.ts';

/** Inserted by the build. */
declare const __GLEAN_CONTENT__: Content;

const base = new URL('.', document.baseURI).href;
const status = byId('status', HTMLParagraphElement);
const failure = byId('failure', HTMLParagraphElement);

function report(error: unknown): void {
  failure.textContent = messageOf(error);
  failure.hidden = false;
}

const examples: readonly Example[] = [...__GLEAN_CONTENT__.models, ...__GLEAN_CONTENT__.examples].map(
  ({ id, title, file, signature, publicKey }) => ({
    title,
    name: `${id}.onnx`,
    fetch: async () => new Blob([(await fetchContent(file, base)).bytes]),
    signature: [
      ...(publicKey === undefined ? [] : [new File([publicKey], 'public.pem')]),
      ...(signature === undefined ? [] : [new File([signature], 'model.onnx.sig')]),
    ],
  }),
);

const slots = [new Slot(base), new Slot(base)] as const;
const proven = [html('div', { class: 'stack' }), html('div', { class: 'stack' })] as const;
const panels = ([0, 1] as const).map(
  (index) => new ModelPanel(index, slots[index], examples, { onChange: (opened) => void changed(index, opened) }),
);
const sections = ['pictures', 'one', 'camera'].map((id) => byId(id, HTMLElement));
const one = new OneView(byId('one-body', HTMLDivElement), slots);
const pictures = new PicturesView(byId('pictures-body', HTMLDivElement), slots, (picture) => {
  sections[1]!.hidden = false;
  sections[1]!.scrollIntoView({ block: 'nearest' });
  void one.show({ title: picture.path, file: picture.file });
});
const camera = new CameraView(byId('camera-body', HTMLDivElement), slots, (file) => {
  sections[1]!.hidden = false;
  void one.show({ title: 'from the camera', file });
});

/** A model was opened or closed: what was proven is shown, and all pictures are labelled anew. */
async function changed(index: 0 | 1, opened: Opened | null): Promise<void> {
  proven[index].replaceChildren(...(opened === null ? [] : [measuringView()]));
  const any = slots.some((slot) => slot.opened !== null);
  sections[0]!.hidden = !any && pictures.count === 0;
  sections[2]!.hidden = !any || navigator.mediaDevices === undefined;
  panels[1]!.element.hidden =
    slots.every((slot) => slot.opened === null) && panels[1]!.element.dataset['state'] === undefined;
  if (!any) {
    sections[1]!.hidden = true;
    camera.stop();
  }
  const shown = sections[1]!.hidden ? undefined : one.show();
  await pictures.refresh(index);
  await shown;
  if (opened !== null) await explain(index, opened);
}

/** Shows where the bound of a model comes from: after its answers, because it keeps the worker busy. */
async function explain(index: 0 | 1, opened: Opened): Promise<void> {
  const current = (): boolean => slots[index].opened === opened;
  try {
    if (!current()) return;
    const explained = await slots[index].call('explain', null);
    if (current()) proven[index].replaceChildren(layersView(opened, explained));
  } catch (error) {
    if (!current()) return;
    proven[index].replaceChildren();
    report(error);
  }
}

/** Opens what was dropped: models, keys, pictures, each in its place; a file of no known kind is taken for a model. */
async function take(dropped: readonly Dropped[], panel: ModelPanel | undefined): Promise<void> {
  failure.hidden = true;
  const files = dropped.map(({ file }) => file);
  const keys = files.filter(isKeyFile);
  const images = dropped.filter(({ file }) => isPicture(file));
  const models =
    dropped.length > 2
      ? files.filter(({ name }) => /\.onnx$/i.test(name))
      : files.filter((file) => !isKeyFile(file) && !isPicture(file));
  if (images.length > 0) {
    sections[0]!.hidden = false;
    void pictures.takeDropped(images);
  }
  const places = panel === undefined ? panels : [panel, ...panels.filter((other) => other !== panel)];
  await Promise.all(models.slice(0, places.length).map((file, i) => places[i]!.open(file, file.name)));
  if (images.length + models.length + keys.length === 0) {
    throw new Error(
      `nothing of the ${dropped.length} files that were dropped is a model, a picture, a key or a signature`,
    );
  }
  if (keys.length > 0) await (panel ?? panels[0]!).takeKeys(keys);
}

function setUpDrops(): void {
  const panelAt = (target: EventTarget | null): ModelPanel | undefined =>
    panels.find(({ element }) => target instanceof Node && element.contains(target));
  addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('dragging');
  });
  for (const end of ['dragleave', 'drop'] as const)
    addEventListener(end, () => document.body.classList.remove('dragging'));
  addEventListener('drop', (event) => {
    event.preventDefault();
    if (event.dataTransfer === null) return;
    const panel = panelAt(event.target);
    filesOfDrop(event.dataTransfer)
      .then((dropped) => take(dropped, panel))
      .catch(report);
  });
}

/** Opens the model that the link names; after that, or without one, no other host can be asked. */
async function openLink(): Promise<void> {
  const link = new URLSearchParams(location.search).get('model');
  if (link === null) {
    stayHome();
    return;
  }
  try {
    const url = modelAddress(link, base);
    await panels[0]!.openFrom(nameOf(url), (...asked) => fetchModel(url, ...asked).finally(stayHome));
  } catch (error) {
    stayHome();
    panels[0]!.fail(messageOf(error));
  }
}

/** Keeps the page for visits without a network; the digits' page keeps the large files too. */
async function keepForOffline(): Promise<void> {
  if (!('serviceWorker' in navigator)) return;
  await navigator.serviceWorker.register(new URL('sw.js', base), { scope: base });
  await navigator.serviceWorker.ready;
  document.documentElement.dataset['offline'] = 'ready';
}

async function run(): Promise<void> {
  panels[1]!.element.hidden = true;
  byId('models', HTMLDivElement).replaceChildren(...panels.map(({ element }) => element));
  byId('proven', HTMLDivElement).replaceChildren(...proven);
  setUpDrops();
  const link = openLink();
  await slots[0].warm();
  status.dataset['state'] = 'ready';
  status.textContent = 'Ready. Nothing leaves this device.';
  await link;
  await keepForOffline().catch((error) => console.warn('glean: not kept for offline use:', error));
}

run().catch((error) => {
  status.dataset['state'] = 'failed';
  status.textContent = 'Not ready';
  report(error);
});
