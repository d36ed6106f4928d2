/**
 * A report as a list of blocks, before it becomes HTML or Markdown. Texts may contain `code`, **strong** and
 * [links](to).
 */

export interface Heading {
  readonly kind: 'heading';
  readonly level: 1 | 2 | 3;
  readonly text: string;
}

export interface Paragraph {
  readonly kind: 'paragraph';
  readonly text: string;
  /** Whether the paragraph stands out. */
  readonly notice?: boolean;
}

export interface List {
  readonly kind: 'list';
  readonly items: readonly string[];
}

export interface Row {
  /** The first cell names the row. */
  readonly cells: readonly string[];
  /**
   * `published`: the paper's own. `oracle`: a row that is told more than the others. `best`: the best comparable row.
   */
  readonly mark?: 'published' | 'oracle' | 'best';
}

export interface Table {
  readonly kind: 'table';
  readonly caption: string;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

export interface Figure {
  readonly kind: 'figure';
  /** The name of the SVG file. */
  readonly name: string;
  readonly caption: string;
  /** What it shows, for readers who cannot see it. */
  readonly alt: string;
  readonly svg: string;
}

export type Block = Heading | Paragraph | List | Table | Figure;

export const heading = (level: Heading['level'], text: string): Heading => ({ kind: 'heading', level, text });
export const paragraph = (text: string): Paragraph => ({ kind: 'paragraph', text });
export const notice = (text: string): Paragraph => ({ kind: 'paragraph', text, notice: true });
export const list = (...items: readonly string[]): List => ({ kind: 'list', items });

/** The anchor of a heading in the page. */
export function anchorOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '');
}

/**
 * The blocks of a hand-written text: headings (`##`, `###`), lists (`- `) and paragraphs, separated by blank lines.
 * Nothing else of Markdown is read.
 */
export function readBlocks(markdown: string): readonly Block[] {
  return markdown
    .split(/\n\s*\n/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part): Block => {
      const title = /^(#{2,3}) (.*)$/.exec(part);
      if (title !== null) return heading(title[1]!.length as 2 | 3, title[2]!);
      const joined = (text: string) => text.replace(/\s*\n\s*/g, ' ');
      if (part.startsWith('- ')) return list(...part.slice(2).split(/\n- /).map(joined));
      return paragraph(joined(part));
    });
}
