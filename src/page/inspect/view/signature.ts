/** Who signed the model that is open: a public key and a signature are dropped in or chosen, and checked. */
import { html } from '../../view/dom.ts';
import type { Slot } from '../slot.ts';

const MOST_BYTES = 100_000;

/** Whether a file can be a key or a signature, by its name. */
export function isKeyFile({ name }: File): boolean {
  return /\.(pem|pub|sig)$/i.test(name);
}

async function textOf(file: File): Promise<string> {
  if (file.size > MOST_BYTES) throw new Error(`${file.name}: ${file.size} bytes, more than any key or signature has`);
  return file.text();
}

export class SignatureView {
  readonly element: HTMLElement;
  readonly #slot: Slot;
  readonly #says = html('span', { role: 'status' }, 'none checked: proven, but not vouched for.');
  #key: string | undefined;
  #signature: string | undefined;

  constructor(slot: Slot) {
    this.#slot = slot;
    const files = html('input', {
      type: 'file',
      accept: '.pem,.pub,.sig',
      multiple: true,
      hidden: true,
      'aria-label': 'Public key and signature',
    });
    const choose = html('button', { type: 'button', class: 'quiet' }, 'Public key and .sig…');
    choose.addEventListener('click', () => files.click());
    files.addEventListener('change', () => {
      void this.take([...(files.files ?? [])]);
      files.value = '';
    });
    this.element = html('span', { class: 'signature' }, this.#says, ' ', choose, files);
  }

  /** Takes what is dropped: a key, a signature, or both; checks once both are there. */
  async take(files: readonly File[]): Promise<void> {
    try {
      for (const file of files) {
        if (/\.sig$/i.test(file.name)) this.#signature = await textOf(file);
        else this.#key = await textOf(file);
      }
      if (this.#key === undefined) {
        this.#say('signature there; drop the public key (.pem) to check it.');
        return;
      }
      const signature = this.#signature === undefined ? {} : { signature: this.#signature };
      const id = await this.#slot.call('vouch', { publicKey: this.#key, ...signature });
      this.#say(`valid, by key ${id}`, 'good');
    } catch (error) {
      this.#say(error instanceof Error ? error.message : String(error), 'bad');
    }
  }

  #say(text: string, kind = ''): void {
    this.#says.textContent = text;
    this.#says.className = kind;
  }
}
