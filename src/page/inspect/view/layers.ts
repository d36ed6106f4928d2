/** Where the bound of a model comes from: a picture of its layers, the same as a table, and what may help. */
import type { ExplainedLayer, Explanation } from '../../../evaluate/explain/explanation.ts';
import { costliest } from '../../../evaluate/explain/lines.ts';
import { html } from '../../view/dom.ts';
import { saveFile } from '../save.ts';
import type { Explained, Opened } from '../worker/protocol.ts';
import { layerGraph } from './graph.ts';
import { boundText, percent } from './numbers.ts';

const COLUMNS = ['layer', 'name', 'L grows by', 'L ≤', 'measured ≥', 'of loss', 'of float32', 'what may help'];

const TITLE = 'What was proven, layer by layer';

const digits = (value: number): string => String(Number(value.toPrecision(5)));

function table({ layers }: Explanation, name: string): HTMLElement {
  const row = ({ op, name, own, lipschitz, measured, loss, slack, hint }: ExplainedLayer): HTMLElement =>
    html(
      'tr',
      {},
      html('th', { scope: 'row' }, op),
      html('td', { class: 'name' }, name),
      ...[digits(own), digits(lipschitz), measured === null ? '' : digits(measured), percent(loss), percent(slack)].map(
        (text) => html('td', {}, text),
      ),
      html('td', { class: 'name' }, hint ?? ''),
    );
  return html(
    'details',
    {},
    html('summary', {}, 'The same as a table'),
    html(
      'div',
      { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Layers of ${name}` },
      html(
        'table',
        { class: 'numbers layers' },
        html('thead', {}, html('tr', {}, ...COLUMNS.map((text) => html('th', { scope: 'col' }, text)))),
        html('tbody', {}, ...layers.map(row)),
      ),
    ),
  );
}

/** The layers whose hints are worth most. */
function hints(explanation: Explanation): HTMLElement[] {
  const costly = costliest(explanation);
  if (costly.length === 0) return [];
  return [
    html('h3', {}, 'What costs most'),
    html(
      'ol',
      { class: 'hints' },
      ...costly.map(({ op, name, hint }) =>
        html('li', {}, html('strong', {}, op), ' ', html('span', { class: 'name muted' }, name), `: ${hint}`),
      ),
    ),
  ];
}

function summary({ lipschitz, measured, layers }: Explanation): string {
  const bound = `${layers.length} layers bound the stretch of image ↦ latent by ${boundText(lipschitz)}.`;
  if (layers.every(({ loss }) => loss === 0)) {
    return `${bound} ${measured === null ? 'No layer makes it grow by more than rounding' : `A search found pictures that are stretched by ${digits(measured)}`}: there is too little loss to divide.`;
  }
  if (measured === null)
    return `${bound} The network is too large to measure each layer in a moment, so the shares are those of log L.`;
  return `${bound} A search found pictures that are stretched by ${digits(measured)}: the bound cannot be better by more than the rest, the loss, which the layers share as shown.`;
}

/** What is shown while the layers of a model are measured. */
export function measuringView(): HTMLElement {
  const message = html('p', { class: 'muted', role: 'status' }, 'Measuring each layer…');
  return html('section', { class: 'panel', 'aria-label': TITLE }, html('h2', {}, TITLE), message);
}

export function layersView(opened: Opened, { explanation, lines }: Explained): HTMLElement {
  const { name, certificate, opinion, lipschitz } = opened;
  const save = html('button', { type: 'button' }, 'Save as JSON');
  save.addEventListener('click', () =>
    saveFile(
      `${name.replace(/\.onnx$/, '')}-proof.json`,
      JSON.stringify({ model: name, lipschitz, explanation, secondOpinion: opinion, certificate }, null, 2),
      'application/json',
    ),
  );
  return html(
    'section',
    { class: 'panel proof-of', 'aria-label': `Proof of ${name}` },
    html('h2', {}, TITLE),
    html('p', { class: 'small file-name muted' }, name),
    html('p', { class: 'lead' }, summary(explanation)),
    layerGraph(explanation),
    ...hints(explanation),
    table(explanation, name),
    html(
      'details',
      {},
      html('summary', {}, `As glean ${opened.sealed === null ? 'verify' : 'seal'} --explain prints it`),
      html('pre', { class: 'said', tabindex: 0 }, lines.join('\n')),
    ),
    html('p', {}, save),
  );
}
