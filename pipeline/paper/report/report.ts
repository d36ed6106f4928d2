/** The report: from the plan and its results to report.html, report.md and the figures. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../../src/files/atomic-file.ts';
import type { Experiment } from '../experiment.ts';
import type { Results } from '../result.ts';
import { choices } from './choices.ts';
import { type Block, heading, notice, paragraph, readBlocks } from './document.ts';
import { type Evidence, gather } from './evidence.ts';
import { renderHtml } from './html.ts';
import {
  ablations,
  anatomy,
  beyondTheCap,
  comparison,
  curves,
  mainTables,
  smoothingUnderShift,
} from './main-sections.ts';
import { renderMarkdown } from './markdown.ts';
import { dataSets, failures, limits, proofs, training } from './method-sections.ts';
import { learners, otherData, studies } from './study-sections.ts';

export interface Report {
  readonly html: string;
  readonly markdown: string;
  /** The SVG files by name, without their ending. */
  readonly figures: ReadonlyMap<string, string>;
}

export interface ReportOptions {
  readonly experiments: readonly Experiment[];
  readonly results: Results;
  /** Hand-written text about what the numbers do not show by themselves. */
  readonly analysis: string;
  readonly quick: boolean;
}

function opening(evidence: readonly Evidence[], quick: boolean): readonly Block[] {
  const runs = evidence.reduce((sum, { experiment }) => sum + experiment.seeds.length, 0);
  const done = evidence.reduce((sum, row) => sum + row.runs.length, 0);
  const failed = evidence.reduce((sum, row) => sum + row.failures.length, 0);
  const state = `${done} of ${runs} runs are measured${failed > 0 ? `, ${failed} failed` : ''}.`;
  return [
    heading(1, quick ? 'The whole paper, quick mode: the numbers mean nothing' : 'The whole paper'),
    ...(quick
      ? [
          notice(
            'Written by `glean paper --quick`, which trains tiny networks for a few steps: it shows that everything runs. Quick: numbers mean nothing.',
          ),
        ]
      : []),
    paragraph(
      `Certified Causal Defense with Generalizable Robustness (GLEAN; Qiao, Yin, Chen & Ma, AAAI 2025), its tables and figures anew by \`glean paper\`, and what came on top. ${state}`,
    ),
  ];
}

export function composeReport({ experiments, results, analysis, quick }: ReportOptions): Report {
  const evidence = gather(experiments, results);
  const blocks = [
    ...opening(evidence, quick),
    ...comparison(evidence),
    ...smoothingUnderShift(evidence),
    ...mainTables(evidence),
    ...curves(evidence),
    ...ablations(evidence),
    ...studies(evidence),
    ...learners(evidence),
    ...beyondTheCap(evidence),
    ...otherData(evidence),
    heading(2, 'Analysis'),
    ...anatomy(evidence),
    ...readBlocks(analysis),
    ...proofs(evidence),
    ...choices(evidence),
    ...dataSets(evidence),
    ...training(evidence),
    ...limits(evidence),
    ...failures(evidence),
    heading(2, 'Do it again'),
    paragraph(
      '`make paper` (or `glean paper`) runs what has no result in `results/` of this plan, and writes this report; `glean paper --list` shows the plan; a killed run goes on where it stopped. Remove a result to measure it anew.',
    ),
  ];
  const figures = new Map(
    blocks.flatMap((block) => (block.kind === 'figure' ? [[block.name, block.svg] as const] : [])),
  );
  return { html: renderHtml(blocks), markdown: renderMarkdown(blocks), figures };
}

const ANALYSIS_FILE = 'analysis.md';

/** The folder's hand-written analysis; empty if there is none. */
export async function readAnalysis(out: string): Promise<string> {
  return readFile(join(out, ANALYSIS_FILE), 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return '';
    throw cause;
  });
}

/** Writes report.html, report.md and figures/ into a folder. */
export async function writeReport(out: string, { html, markdown, figures }: Report): Promise<void> {
  await rm(join(out, 'figures'), { recursive: true, force: true });
  for (const [name, svg] of figures) await writeFileAtomic(join(out, 'figures', `${name}.svg`), svg);
  await writeFileAtomic(join(out, 'report.md'), markdown);
  await writeFileAtomic(join(out, 'report.html'), html);
}
