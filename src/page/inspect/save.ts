/** Saves something as a file of the reader's. */
import { html } from '../view/dom.ts';

/** Milliseconds after which a browser has surely begun to save. */
const SAVED = 60_000;

export function saveFile(name: string, content: string | Blob, type: string): void {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  html('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), SAVED);
}
