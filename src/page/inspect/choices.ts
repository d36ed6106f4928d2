/** The options of sealing as a form: what a file that is not sealed does not say about the pictures it takes. */
import { html } from '../view/dom.ts';
import type { SealChoices } from './worker/protocol.ts';

interface Field {
  readonly name: string;
  readonly label: string;
  readonly hint: string;
}

const FIELDS: readonly Field[] = [
  { name: 'classes', label: 'Classes', hint: 'cat, dog, …' },
  { name: 'shape', label: 'Shape', hint: 'H, W, C' },
  { name: 'scale', label: 'Scale', hint: '255' },
  { name: 'mean', label: 'Mean', hint: '0.485, 0.456, 0.406' },
  { name: 'std', label: 'Std', hint: '0.229, 0.224, 0.225' },
  { name: 'logits', label: 'Output of the logits', hint: 'name of a tensor' },
];

function numbers(name: string, text: string): number[] {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (!values.every(Number.isFinite))
    throw new Error(`${name}: found '${text}', expected numbers with commas between them`);
  return values;
}

export class ChoicesForm {
  readonly element: HTMLDetailsElement;
  readonly #inputs: ReadonlyMap<string, HTMLInputElement>;
  readonly #layout: HTMLSelectElement;
  readonly #precision: HTMLSelectElement;

  /** @param index tells the forms of two models apart */
  constructor(index: number) {
    const row = (id: string, label: string, control: HTMLElement): HTMLElement =>
      html('div', { class: 'field' }, html('label', { for: id }, label), control);
    const id = (name: string): string => `choice-${name}-${index}`;
    const select = (name: string, options: readonly (readonly [string, string])[]): HTMLSelectElement =>
      html('select', { id: id(name) }, ...options.map(([value, text]) => html('option', { value }, text)));
    this.#inputs = new Map(
      FIELDS.map(({ name, hint }) => [
        name,
        html('input', { id: id(name), type: 'text', placeholder: hint, autocomplete: 'off', spellcheck: 'false' }),
      ]),
    );
    this.#layout = select('layout', [
      ['', 'as the file says'],
      ['NCHW', 'NCHW'],
      ['NHWC', 'NHWC'],
    ]);
    this.#precision = select('precision', [
      ['float32', 'float32'],
      ['float64', 'float64'],
    ]);
    this.element = html(
      'details',
      { class: 'choices' },
      html('summary', {}, 'Options for a file that is not sealed'),
      html(
        'p',
        { class: 'small muted' },
        'The network takes (scale·x − mean) / std of a pixel x on [0, 1]. Whatever is empty is taken from the file.',
      ),
      html(
        'div',
        { class: 'fields' },
        ...FIELDS.map(({ name, label }) => row(id(name), label, this.#inputs.get(name)!)),
        row(id('layout'), 'Layout', this.#layout),
        row(id('precision'), 'Precision', this.#precision),
      ),
    );
  }

  /** @throws Error naming the field that is no list of numbers */
  get choices(): SealChoices {
    const text = (name: string): string => this.#inputs.get(name)!.value.trim();
    const given = <T>(name: string, read: (text: string) => T): Record<string, T> =>
      text(name) === '' ? {} : { [name]: read(text(name)) };
    const layout = this.#layout.value;
    return {
      ...given('classes', (names) => names.split(',').map((name) => name.trim())),
      ...given('shape', (value) => this.#shape(value)),
      ...given('scale', (value) => numbers('Scale', value)[0]!),
      ...given('mean', (value) => numbers('Mean', value)),
      ...given('std', (value) => numbers('Std', value)),
      ...given('logits', (value) => value),
      ...(layout === 'NCHW' || layout === 'NHWC' ? { layout } : {}),
      ...(this.#precision.value === 'float64' ? { precision: 'float64' } : {}),
    };
  }

  #shape(text: string): readonly [number, number, number] {
    const [height, width, channels, ...more] = numbers('Shape', text);
    const whole = [height, width, channels].every((size) => Number.isInteger(size) && size! > 0);
    if (!whole || more.length > 0) throw new Error(`Shape: found '${text}', expected H, W, C`);
    return [height!, width!, channels!];
  }
}
