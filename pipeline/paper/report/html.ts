/** The report as one HTML file without scripts or external resources, for light and dark screens, phones and paper. */
import { anchorOf, type Block, type Figure, type Row, type Table } from './document.ts';
import { STYLE } from './style.ts';

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** Renders the `code`, **strong** and [links](to) of a text. */
function inline(text: string): string {
  return escapeText(text)
    .replace(/`([^`]+)`/g, '<code>$1</code>')
    .replace(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>')
    .replace(/\[([^\]]+)\]\(([^)\s]+)\)/g, '<a href="$2">$1</a>');
}

/** A cell with more characters than this is set as text. */
const LONG = 40;

function rowOf({ cells, mark }: Row): string {
  const [name, ...rest] = cells.map(inline);
  // A cell of many words wraps; a number never does.
  const others = rest.map((cell) => {
    const kind = cell.length > LONG ? ' class="words"' : '';
    return `<td${kind}>${cell.replace(/ ± (\S+)$/, ' <small>± $1</small>')}</td>`;
  });
  return `<tr${mark === undefined ? '' : ` class="${mark}"`}><th scope="row">${name}</th>${others.join('')}</tr>`;
}

function tableOf({ caption, columns, rows }: Table): string {
  const head = columns.map((name, i) =>
    i === 0 && name === '' ? '<td></td>' : `<th scope="col">${inline(name)}</th>`,
  );
  // A wide table scrolls on its own, with the keyboard too.
  return `<div class="wide" role="region" tabindex="0" aria-label="${escapeText(caption)}"><table>
<caption>${inline(caption)}</caption>
<thead><tr>${head.join('')}</tr></thead>
<tbody>
${rows.map(rowOf).join('\n')}
</tbody>
</table></div>`;
}

/** A figure whose identifiers are made its own, because all figures share one page. */
function figureOf({ name, caption, alt, svg }: Figure): string {
  const drawing = svg
    .replace(/\bid="([^"]+)"/g, `id="${name}-$1"`)
    .replace(/url\(#([^)]+)\)/g, `url(#${name}-$1)`)
    .replace('<svg ', `<svg aria-label="${escapeText(alt)}" `)
    .trim();
  return `<figure>${drawing}<figcaption>${inline(caption)}</figcaption></figure>`;
}

function elementOf(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `<h${block.level} id="${anchorOf(block.text)}">${inline(block.text)}</h${block.level}>`;
    case 'paragraph':
      return block.notice === true ? `<p class="notice">${inline(block.text)}</p>` : `<p>${inline(block.text)}</p>`;
    case 'list':
      return `<ul>${block.items.map((item) => `<li>${inline(item)}</li>`).join('')}</ul>`;
    case 'table':
      return tableOf(block);
    case 'figure':
      return figureOf(block);
  }
}

function contentsOf(blocks: readonly Block[]): string {
  const links = blocks.flatMap((block) =>
    block.kind === 'heading' && block.level === 2
      ? [`<li><a href="#${anchorOf(block.text)}">${inline(block.text)}</a></li>`]
      : [],
  );
  return `<nav aria-label="Contents"><ul>${links.join('')}</ul></nav>`;
}

/** @param blocks the first is the title */
export function renderHtml(blocks: readonly Block[]): string {
  const [title, ...rest] = blocks;
  if (title?.kind !== 'heading') throw new TypeError('a report begins with its title');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeText(title.text)}</title>
<style>
${STYLE}</style>
</head>
<body>
<main>
${elementOf(title)}
${contentsOf(rest)}
${rest.map(elementOf).join('\n')}
</main>
</body>
</html>
`;
}
