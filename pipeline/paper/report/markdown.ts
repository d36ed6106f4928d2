/** The report as Markdown: tables inline, figures are links to SVG files beside it. */
import type { Block, Row, Table } from './document.ts';

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function cellsOf({ cells, mark }: Row): string[] {
  const [name, ...rest] = cells.map(escapeCell);
  if (mark === 'best') return [`**${name}**`, ...rest];
  if (mark === 'published' || mark === 'oracle')
    return [`*${name}*`, ...rest.map((cell) => (cell === '' ? '' : `*${cell}*`))];
  return [name!, ...rest];
}

function tableOf({ caption, columns, rows }: Table): string {
  const lines = [columns.map(escapeCell), columns.map((_, i) => (i === 0 ? '---' : '---:')), ...rows.map(cellsOf)];
  return `${caption}\n\n${lines.map((line) => `| ${line.join(' | ')} |`).join('\n')}`;
}

function textOf(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `${'#'.repeat(block.level)} ${block.text}`;
    case 'paragraph':
      return block.notice === true ? `> ${block.text}` : block.text;
    case 'list':
      return block.items.map((item) => `- ${item}`).join('\n');
    case 'table':
      return tableOf(block);
    case 'figure':
      return `![${block.alt}](figures/${block.name}.svg)\n\n${block.caption}`;
  }
}

export function renderMarkdown(blocks: readonly Block[]): string {
  return `${blocks.map(textOf).join('\n\n')}\n`;
}
