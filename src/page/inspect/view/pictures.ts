/** Many pictures: dropped or chosen, labelled by every model that is open, sorted, charted and saved. */
import { formatCount, html } from '../../view/dom.ts';
import { messageOf } from '../../worker/calls.ts';
import { classOf, type Dropped, fromInput, isPicture, type Picture, placed } from '../pictures/collect.ts';
import { ORDERS, type Order, type Result, type Row, sorted } from '../pictures/rows.ts';
import { asCsv, asJson } from '../pictures/table.ts';
import { saveFile } from '../save.ts';
import { isCancelled, type Slot } from '../slot.ts';
import type { Labelled } from '../worker/protocol.ts';
import { curves } from './curves.ts';
import { tile } from './tile.ts';

/** As many pictures are shown at once. */
const SHOWN = 60;

export class PicturesView {
  readonly #slots: readonly Slot[];
  readonly #onChoice: (picture: Picture) => void;
  readonly #order = html('select', { id: 'order' }, ...ORDERS.map(([value, text]) => html('option', { value }, text)));
  readonly #progress = html('progress', { max: 1, value: 0, hidden: true, 'aria-label': 'Pictures done' });
  readonly #message = html('p', { class: 'small', role: 'status' });
  readonly #tools = html('div', { class: 'row tools', hidden: true });
  readonly #grid = html('ul', { class: 'tiles' });
  readonly #more = html('button', { type: 'button', hidden: true }, 'Show more');
  readonly #curve = html('div', { class: 'result' });
  #pictures: readonly Picture[] = [];
  #results: (readonly (Result | null)[])[] = [];
  #shown = SHOWN;
  #urls: string[] = [];
  #run = 0;

  /** @param onChoice called when one of the pictures is chosen */
  constructor(root: HTMLElement, slots: readonly Slot[], onChoice: (picture: Picture) => void) {
    this.#slots = slots;
    this.#onChoice = onChoice;
    this.#more.addEventListener('click', () => {
      this.#shown += SHOWN;
      this.#drawGrid();
    });
    this.#order.addEventListener('change', () => this.#drawGrid());
    const clear = html('button', { type: 'button' }, 'Remove all');
    clear.addEventListener('click', () => void this.take([]));
    this.#tools.replaceChildren(
      html('label', { class: 'row' }, html('span', { class: 'small' }, 'Order'), this.#order),
      this.#saving('Save CSV', 'csv', 'text/csv', asCsv),
      this.#saving('Save JSON', 'json', 'application/json', asJson),
      clear,
    );
    const drop = html(
      'div',
      { class: 'drop row' },
      ...this.#chooser(false),
      ...this.#chooser(true),
      html(
        'span',
        { class: 'muted' },
        'or drop them here. Folders named after the classes (DOMAIN/CLASS, or CLASS) say what is right.',
      ),
    );
    root.replaceChildren(
      html(
        'div',
        { class: 'stack' },
        drop,
        this.#progress,
        this.#message,
        this.#tools,
        this.#curve,
        this.#grid,
        this.#more,
      ),
    );
  }

  get count(): number {
    return this.#pictures.length;
  }

  /** Takes pictures that were dropped in place of those that are there. */
  async takeDropped(dropped: readonly Dropped[]): Promise<void> {
    await this.take(dropped.filter(({ file }) => isPicture(file)).map(({ file, path }) => placed(file, path)));
  }

  async take(pictures: readonly Picture[]): Promise<void> {
    this.#pictures = pictures;
    this.#results = this.#slots.map(() => []);
    this.#shown = SHOWN;
    await this.refresh();
  }

  /** Asks every model that is open, as after one was opened or closed. */
  async refresh(changed?: number): Promise<void> {
    const run = ++this.#run;
    this.#message.textContent = '';
    this.#slots.forEach((slot, m) => {
      if (slot.opened === null || m === changed) this.#results[m] = [];
    });
    const waiting = this.#slots.filter((slot, m) => slot.opened !== null && this.#results[m]?.length === 0).length;
    this.#progress.hidden = this.#pictures.length === 0 || waiting === 0;
    try {
      await Promise.all(this.#slots.map((slot, m) => this.#ask(slot, m, run)));
    } catch (error) {
      if (run === this.#run && !isCancelled(error)) this.#message.textContent = messageOf(error);
    }
    if (run !== this.#run) return;
    this.#progress.hidden = true;
    this.#draw();
  }

  async #ask(slot: Slot, m: number, run: number): Promise<void> {
    const { opened } = slot;
    if (opened === null || this.#pictures.length === 0 || (this.#results[m]?.length ?? 0) > 0) return;
    const files = this.#pictures.map(({ file }) => file);
    const found = await slot.call('label', { files }, ({ share }) => {
      if (run === this.#run) this.#progress.value = share;
    });
    if (run !== this.#run) return;
    const { classes } = opened.certificate;
    this.#results[m] = found.map((each: Labelled, i) => ({
      truth: classOf(this.#pictures[i]!.folder, classes),
      ...('problem' in each ? { problem: each.problem } : { answer: each }),
    }));
  }

  get #rows(): readonly Row[] {
    return this.#pictures.map((picture, i) => ({
      picture,
      results: this.#results.map((results) => results[i] ?? null),
    }));
  }

  #draw(): void {
    const rows = this.#rows;
    const asked = this.#slots.some((slot) => slot.opened !== null);
    this.#tools.hidden = rows.length === 0;
    if (rows.length === 0) this.#message.textContent = '';
    else if (!asked) this.#message.textContent = 'Open a model, and it will label them.';
    else {
      const problems = rows.flatMap(({ results }) => results.flatMap((result) => result?.problem ?? []));
      const unread = new Set(problems).size;
      this.#message.textContent = `${formatCount(rows.length)} ${rows.length === 1 ? 'picture' : 'pictures'}.${
        unread === 0 ? '' : ` ${unread} could not be read: ${[...new Set(problems)].slice(0, 3).join('; ')}.`
      }`;
    }
    this.#curve.replaceChildren(...curves(rows, this.#slots, this.#curve.clientWidth));
    this.#drawGrid();
  }

  #drawGrid(): void {
    for (const url of this.#urls) URL.revokeObjectURL(url);
    const by = Math.max(
      0,
      this.#slots.findIndex(({ opened }) => opened !== null),
    );
    const rows = sorted(this.#rows, this.#order.value as Order, by).slice(0, this.#shown);
    this.#urls = rows.map(({ picture }) => URL.createObjectURL(picture.file));
    this.#grid.replaceChildren(...rows.map((row, i) => tile(row, this.#urls[i]!, () => this.#onChoice(row.picture))));
    this.#more.hidden = this.#pictures.length <= this.#shown;
  }

  #chooser(folder: boolean): HTMLElement[] {
    const input = html('input', {
      type: 'file',
      accept: 'image/png,image/jpeg,image/webp',
      multiple: true,
      hidden: true,
      webkitdirectory: folder,
      'aria-label': folder ? 'Folder of pictures' : 'Pictures',
    });
    const button = html('button', { type: 'button' }, folder ? 'Open a folder…' : 'Open pictures…');
    button.addEventListener('click', () => input.click());
    input.addEventListener('change', () => {
      void this.take(fromInput([...(input.files ?? [])]));
      input.value = '';
    });
    return [button, input];
  }

  #saving(text: string, extension: string, type: string, write: typeof asCsv): HTMLElement {
    const button = html('button', { type: 'button' }, text);
    button.addEventListener('click', () => {
      const models = this.#slots.map(({ opened }) => opened);
      saveFile(`glean-answers.${extension}`, write(this.#rows, models), type);
    });
    return button;
  }
}
