/** One model's panel: where it is opened, how far its proof is, and what came of it. */

import { html } from '../view/dom.ts';
import { messageOf } from '../worker/calls.ts';
import { WorkerError } from '../worker/client.ts';
import { ChoicesForm } from './choices.ts';
import { saveFile } from './save.ts';
import { isCancelled, type Slot } from './slot.ts';
import { factsView } from './view/facts.ts';
import { boundText } from './view/numbers.ts';
import { ProgressView } from './view/progress.ts';
import { refusalView } from './view/refusal.ts';
import { SignatureView } from './view/signature.ts';
import type { Opened, Refused } from './worker/protocol.ts';

/** Gets a file, tells which share of it is there, and stops when it is told to. */
type Fetching = (signal: AbortSignal, onProgress: (share: number) => void) => Promise<Blob>;

/** A model that the page offers: how to get its file. */
export interface Example {
  readonly title: string;
  readonly name: string;
  readonly fetch: Fetching;
  /** The text of its signature and of the key that must have signed, if the build had them. */
  readonly signature: readonly File[];
}

interface Heard {
  /** A model was proven, or is not there any more. */
  onChange(opened: Opened | null): void;
}

const TITLES = ['A model', 'A second model'] as const;

export class ModelPanel {
  readonly element: HTMLElement;
  readonly slot: Slot;
  readonly #heard: Heard;
  readonly #progress = new ProgressView(() => this.#cancel());
  readonly #result = html('div', { class: 'stack', 'aria-live': 'off' });
  readonly #again = html('div', { class: 'row' });
  /** Read aloud: that a proof has come to its end. */
  readonly #spoken = html('p', { class: 'hidden', role: 'status' });
  readonly #choices: ChoicesForm;
  readonly #chooser: HTMLElement;
  #signature: SignatureView | null = null;
  /** The file that was opened last: its options may be changed, and it is tried again. */
  #last: { readonly file: Blob; readonly name: string } | null = null;
  #run = 0;
  #fetching: AbortController | null = null;

  constructor(index: 0 | 1, slot: Slot, examples: readonly Example[], heard: Heard) {
    this.slot = slot;
    this.#heard = heard;
    this.#choices = new ChoicesForm(index);
    const file = html('input', { type: 'file', accept: '.onnx', hidden: true, 'aria-label': 'Model' });
    const open = html('button', { type: 'button', class: index === 0 ? 'primary' : '' }, 'Open a model…');
    open.addEventListener('click', () => file.click());
    file.addEventListener('change', () => {
      const [chosen] = file.files ?? [];
      if (chosen !== undefined) void this.open(chosen, chosen.name);
      file.value = '';
    });
    const offered = examples.map((example) => {
      const button = html('button', { type: 'button', class: 'quiet' }, example.title);
      button.addEventListener('click', () => void this.openExample(example));
      return button;
    });
    this.#chooser = html(
      'div',
      { class: 'drop model-drop' },
      html(
        'div',
        { class: 'row' },
        open,
        file,
        html('span', { class: 'muted' }, 'or drop an .onnx file here, up to 100 MB'),
      ),
      ...(offered.length === 0
        ? []
        : [html('div', { class: 'row small' }, html('span', { class: 'muted' }, 'One of ours:'), ...offered)]),
      this.#choices.element,
    );
    this.element = html(
      'section',
      { class: 'panel slot', 'data-slot': index, 'aria-labelledby': `slot-${index}` },
      html('h2', { id: `slot-${index}` }, TITLES[index]),
      this.#chooser,
      this.#progress.element,
      this.#result,
      this.#again,
      this.#spoken,
    );
  }

  /** Shows why nothing could be opened, as for a link that leads nowhere. */
  fail(message: string): void {
    this.#progress.end();
    this.#result.replaceChildren(html('p', { class: 'notice bad', role: 'alert' }, message));
  }

  async openExample({ name, fetch, signature }: Example): Promise<void> {
    const view = await this.openFrom(name, fetch);
    if (signature.length > 0) await view?.take(signature);
  }

  /** Opens what `get` fetches. Gives the place of its signature, unless something else was opened meanwhile. */
  async openFrom(name: string, get: Fetching): Promise<SignatureView | null> {
    const run = ++this.#run;
    this.#leave();
    const text = `Fetching ${name}`;
    this.#fetching = new AbortController();
    this.#progress.begin(text);
    try {
      const file = await get(this.#fetching.signal, (share) => {
        if (run === this.#run) this.#progress.show({ text, share, until: share, within: 0 });
      });
      if (run === this.#run) return await this.open(file, name);
    } catch (error) {
      if (run === this.#run) this.fail(messageOf(error));
    }
    return null;
  }

  /** Ends what is under way, which is about another file. */
  #leave(): void {
    this.#fetching?.abort();
    if (this.element.dataset['state'] !== 'busy') return;
    this.slot.close();
    this.element.dataset['state'] = 'empty';
  }

  /** Proves a file and shows what came of it. Gives the place of its signature if it is the model that is open now. */
  async open(file: Blob, name: string): Promise<SignatureView | null> {
    const run = ++this.#run;
    this.#leave();
    this.#last = { file, name };
    this.#result.replaceChildren();
    this.#again.replaceChildren();
    this.element.dataset['state'] = 'busy';
    this.#spoken.textContent = '';
    this.#progress.begin(`Reading ${name}`);
    try {
      const opening = this.slot.open(file, name, this.#choices.choices, (progress) => {
        if (run === this.#run) this.#progress.show(progress);
      });
      // The model that was open is closed by now.
      this.#heard.onChange(null);
      const opened = await opening;
      if (run === this.#run) return this.#showOpened(opened);
    } catch (error) {
      if (run === this.#run) this.#showFailure(name, error);
    } finally {
      if (run === this.#run) this.#progress.end();
    }
    return null;
  }

  /** Checks a key or a signature against the model that is open. */
  async takeKeys(files: readonly File[]): Promise<void> {
    if (this.#signature === null) this.fail('open a model first, and then drop its signature and the public key');
    else await this.#signature.take(files);
  }

  /** Frees the model, and is as new. */
  close(): void {
    this.#run++;
    this.#fetching?.abort();
    this.slot.close();
    this.#last = null;
    this.#signature = null;
    this.#progress.end();
    this.#result.replaceChildren();
    this.#again.replaceChildren();
    this.element.dataset['state'] = 'empty';
    this.#heard.onChange(null);
  }

  #cancel(): void {
    this.close();
    this.#result.replaceChildren(html('p', { class: 'small muted', role: 'status' }, 'Cancelled.'));
    void this.slot.warm();
  }

  #showOpened(opened: Opened): SignatureView {
    this.element.dataset['state'] = 'proven';
    const signature = new SignatureView(this.slot);
    this.#signature = signature;
    this.#result.replaceChildren(factsView(opened, signature.element));
    this.#spoken.textContent = `${opened.name} is proven: L is at most ${boundText(opened.lipschitz)}.`;
    const close = html('button', { type: 'button' }, 'Close');
    close.addEventListener('click', () => this.close());
    const save = html('button', { type: 'button' }, 'Save the sealed file');
    save.addEventListener('click', async () => {
      saveFile(opened.name.replace(/(\.onnx)?$/i, '-sealed.onnx'), await this.slot.call('file', null), '');
    });
    this.#again.replaceChildren(...(opened.sealed === null ? [] : [save, this.#retry('Seal again')]), close);
    this.#heard.onChange(opened);
    return signature;
  }

  #showFailure(name: string, error: unknown): void {
    if (isCancelled(error)) return;
    this.element.dataset['state'] = 'refused';
    const refused = error instanceof WorkerError ? (error.details as Refused | undefined) : undefined;
    this.#signature = null;
    if (refused === undefined) {
      this.fail(`${name}: ${messageOf(error)}`);
      return;
    }
    this.#result.replaceChildren(html('div', { role: 'alert' }, refusalView(name, refused)));
    if (refused.sealed) return;
    // What the file leaves open can be said now.
    if (refused.code === 'INPUT' || refused.message.includes(' --')) this.#choices.element.open = true;
    this.#again.replaceChildren(this.#retry('Try again with these options'));
  }

  #retry(text: string): HTMLElement {
    const button = html('button', { type: 'button' }, text);
    button.addEventListener('click', () => {
      if (this.#last !== null) void this.open(this.#last.file, this.#last.name);
    });
    return button;
  }
}
