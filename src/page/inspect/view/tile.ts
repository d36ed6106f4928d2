/** One picture of many: what it shows, its label and its radius, for each model. */
import { formatRadius, html, LABEL_COLOURS } from '../../view/dom.ts';
import { isWrong, type Result, type Row } from '../pictures/rows.ts';

function resultText(result: Result, model: number, several: boolean): HTMLElement {
  const { answer, problem } = result;
  const which = several ? html('span', { class: `which model-${model}`, 'aria-hidden': true }) : '';
  if (answer === undefined) return html('span', { class: 'tile-line bad', title: problem ?? '' }, which, 'not read');
  const wrong = isWrong(result);
  return html(
    'span',
    { class: 'tile-line' },
    which,
    html('span', { class: 'tile-label', 'data-label': answer.label % LABEL_COLOURS }, answer.className),
    html('span', { class: 'tile-radius' }, formatRadius(answer.radius)),
    ...(wrong ? [html('span', { class: 'tile-wrong' }, 'wrong')] : []),
  );
}

/** @param onChoice called when the picture is pressed */
export function tile({ picture, results }: Row, url: string, onChoice: () => void): HTMLElement {
  const there = results.flatMap((result, m) => (result === null ? [] : [[result, m] as const]));
  // The button's name is the text below the picture, so the picture itself needs none.
  const image = html('img', { src: url, alt: '', loading: 'lazy', decoding: 'async' });
  image.addEventListener('error', () => image.classList.add('broken'));
  const button = html(
    'button',
    { type: 'button', class: 'tile', title: picture.path },
    image,
    ...there.map(([result, m]) => resultText(result, m, there.length > 1)),
    html('span', { class: 'tile-name' }, picture.path.split('/').at(-1)!),
  );
  button.addEventListener('click', onChoice);
  return html('li', {}, button);
}
